/// Shapes, guests and hand-written lifts and lowers that the benches of the canonical ABI share.
#pragma once

#include "component/abi.hpp"
#include "component/interpret.hpp"
#include "component/utf8.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace whorl::component {

namespace bench {

struct Row {
  std::uint32_t id{};
  std::uint64_t when{};
  bool is_new{};
  std::string name;
};
inline constexpr std::array<const char*, 4> kRowLabels{"id", "when", "is-new", "name"};

struct Shape {
  enum class Tag : std::uint8_t { Nothing, Circle, Square, Label };
  using Sides = std::tuple<float, float>;
  Tag tag{};
  std::variant<std::monostate, double, Sides, std::uint32_t> payload;
};
inline constexpr std::array<const char*, 4> kShapeLabels{"nothing", "circle", "square", "label"};

}  // namespace bench

template <>
struct Abi<bench::Row> : RecordAbi<
                             bench::Row,
                             bench::kRowLabels,
                             &bench::Row::id,
                             &bench::Row::when,
                             &bench::Row::is_new,
                             &bench::Row::name> {};
template <>
struct Abi<bench::Shape> : VariantAbi<
                               bench::Shape,
                               bench::kShapeLabels,
                               void,
                               double,
                               bench::Shape::Sides,
                               std::uint32_t> {};

namespace bench {

inline constexpr std::uint32_t kMiB = 1 << 20;
inline constexpr std::uint32_t kRows = 100;

/// A guest whose realloc takes from one region again and again. Used through opaque() by all, as a
/// guest that the compiler cannot see into.
class Heap final : public GuestHeap {
 public:
  explicit Heap(std::size_t size) : bytes_(size) {}
  [[nodiscard]] MutableByteView memory() override { return bytes_; }
  [[nodiscard]] HostResult<std::uint32_t> reallocate(
      std::uint32_t, std::uint32_t, std::uint32_t alignment, std::uint32_t new_size
  ) override {
    const std::uint32_t ptr = align_to(next_, alignment);
    next_ = ptr + new_size;
    return ptr;
  }
  void rewind() { next_ = 64; }

 private:
  Bytes bytes_;
  std::uint32_t next_ = 64;
};

[[nodiscard]] inline GuestHeap& opaque(GuestHeap& heap) {
  GuestHeap* pointer = &heap;
  benchmark::DoNotOptimize(pointer);
  return *pointer;
}

[[noreturn]] inline void stop(const char* why) {
  std::fprintf(stderr, "abi bench: %s\n", why);
  std::exit(1);
}

template <class T>
const TypeLayout& layout_of() {
  static const std::shared_ptr<const FuncLayout> layout = [] {
    FuncShape shape;
    shape.params = {Member{"value", Abi<T>::describe()}};
    auto made = make_layout(shape);
    if (!made) {
      stop("no layout");
    }
    return *made;
  }();
  return *layout->params->parts[0].type;
}

/// A guest that holds one value, at address 0 and as core values.
template <class T>
struct Source {
  explicit Source(T value, std::size_t size = 1 << 16) : heap(size) {
    LowerContext cx(heap, handles);
    T copy = value;
    if (!cx.accept(0, Abi<T>::kElemSize, Abi<T>::kAlignment)) {
      stop("heap too small");
    }
    Abi<T>::store(cx, value, 0);
    heap.rewind();
    LowerContext flat(heap, handles);
    Abi<T>::lower_flat(flat, copy, slots.data());
    if (cx.failed() || flat.failed()) {
      stop("not lowered");
    }
  }
  Heap heap;
  HandleTable handles;
  std::array<engine::RawVal, Abi<T>::kFlat.size()> slots{};
};

inline std::vector<Row> rows() {
  std::vector<Row> out;
  for (std::uint32_t i = 0; i < kRows; ++i) {
    out.push_back({i, std::uint64_t{i} << 33, i % 3 == 0, "row number " + std::to_string(i)});
  }
  return out;
}

inline std::vector<Shape> shapes() {
  std::vector<Shape> out;
  for (std::uint32_t i = 0; i < kRows; ++i) {
    switch (i % 4) {
      case 0:
        out.push_back({Shape::Tag::Nothing, {}});
        break;
      case 1:
        out.push_back({Shape::Tag::Circle, double{1.5} * i});
        break;
      case 2:
        out.push_back({Shape::Tag::Square, Shape::Sides{1.F, 2.F}});
        break;
      default:
        out.push_back({Shape::Tag::Label, i});
    }
  }
  return out;
}

// --- by hand -------------------------------------------------------------------------------------

template <class T>
T read(const std::uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
template <class T>
void write(std::uint8_t* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

/// The bytes of a list or string, or null.
inline const std::uint8_t* hand_range(
    ByteView memory, std::uint32_t ptr, std::uint64_t size, std::uint32_t alignment
) {
  if (size > kMaxListBytes || (ptr & (alignment - 1)) != 0 || ptr + size > memory.size()) {
    return nullptr;
  }
  return memory.data() + ptr;
}

inline std::string_view hand_text(ByteView memory, std::uint32_t ptr, std::uint32_t size) {
  const std::uint8_t* at = hand_range(memory, ptr, size, 1);
  if (at == nullptr) {
    stop("out of bounds");
  }
  const std::string_view text(reinterpret_cast<const char*>(at), size);
  if (!is_valid_utf8(text)) {
    stop("not text");
  }
  return text;
}

inline std::uint32_t hand_allocate(GuestHeap& heap, std::uint32_t size, std::uint32_t alignment) {
  const auto answer = heap.reallocate(0, 0, alignment, size);
  const std::uint32_t ptr = answer ? *answer : ~std::uint32_t{0};
  if (hand_range(heap.memory(), ptr, size, alignment) == nullptr) {
    stop("realloc");
  }
  return ptr;
}

inline std::uint32_t hand_lower_text(GuestHeap& heap, std::string_view text) {
  if (!is_valid_utf8(text)) {
    stop("not text");
  }
  const std::uint32_t ptr = hand_allocate(heap, static_cast<std::uint32_t>(text.size()), 1);
  std::memcpy(heap.memory().data() + ptr, text.data(), text.size());
  return ptr;
}

}  // namespace bench
}  // namespace whorl::component
