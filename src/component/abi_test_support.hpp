/// A guest made of a byte vector, and a few types, for tests and fuzzing of the canonical ABI.
#pragma once

#include "component/abi.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace whorl::component::abi_test {

/// A guest's memory with a bump allocator: blocks shrink in place and grow by moving. Each
/// allocation moves the memory, so that a pointer kept across one is caught by the address
/// sanitizer.
class FakeHeap final : public GuestHeap {
 public:
  struct Request {
    std::uint32_t alignment;
    std::uint32_t size;
    std::uint32_t ptr;
    std::uint32_t old_ptr = 0;
    std::uint32_t old_size = 0;
    bool operator==(const Request&) const = default;
  };
  explicit FakeHeap(std::size_t size, std::uint32_t first = 64)
      : bytes_(std::make_unique<Bytes>(size)), next_(first) {}

  [[nodiscard]] MutableByteView memory() override { return *bytes_; }
  [[nodiscard]] HostResult<std::uint32_t> reallocate(
      std::uint32_t old_ptr, std::uint32_t old_size, std::uint32_t alignment, std::uint32_t new_size
  ) override {
    bytes_ = std::make_unique<Bytes>(*bytes_);
    if (answer) {
      return *answer;
    }
    std::uint32_t ptr = old_ptr;
    if (old_ptr == 0 || new_size > old_size) {
      ptr = align_to(next_, alignment);
      next_ = ptr + new_size;
      if (std::uint64_t{ptr} + new_size <= bytes_->size()) {
        std::copy_n(bytes_->begin() + old_ptr, old_size, bytes_->begin() + ptr);
      }
    }
    requests.push_back({alignment, new_size, ptr, old_ptr, old_size});
    return ptr;
  }
  [[nodiscard]] bool give_way_if_due() override { return ++looks != ended_at; }
  [[nodiscard]] ByteView range(std::uint32_t ptr, std::uint32_t size) const {
    return ByteView(*bytes_).subspan(ptr, size);
  }
  [[nodiscard]] ByteView allocated(std::uint32_t first = 64) const {
    return ByteView(*bytes_).subspan(first, next_ - first);
  }
  [[nodiscard]] std::uint32_t end() const noexcept { return next_; }

  int looks = 0;      ///< between pieces of long work
  int ended_at = -1;  ///< at which of them the guest is being ended; counted from 1
  std::vector<Request> requests;
  std::optional<HostResult<std::uint32_t>> answer;  ///< what a misbehaving realloc returns

 private:
  std::unique_ptr<Bytes> bytes_;
  std::uint32_t next_;
};

// --- sample types, shaped as tools/witgen shapes them
// ---------------------------------------------

struct Mixed {
  std::uint8_t a{};
  std::uint32_t b{};
  std::uint16_t c{};
  std::uint64_t d{};
  bool e{};
  bool operator==(const Mixed&) const = default;
};

struct Choice {
  enum class Tag : std::uint8_t { None, Small, Big, Text, Pair, Byte };
  using Two = std::tuple<double, std::uint8_t>;
  Tag tag{};
  std::variant<std::monostate, float, std::uint64_t, std::string, Two, std::uint8_t> payload;
  bool operator==(const Choice&) const = default;
};

enum class Colour : std::uint8_t { Red, Green, Blue };
enum class Wide : std::uint16_t {};
template <int kBits>
struct Bits {
  std::uint32_t bits = 0;
  bool operator==(const Bits&) const = default;
};

class Door : public HostResource {
 public:
  static const ResourceTag kTag;
  explicit Door(int number, int* destroyed = nullptr) : number_(number), destroyed_(destroyed) {}
  ~Door() override {
    if (destroyed_ != nullptr) {
      ++*destroyed_;
    }
  }
  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  int number_;
  int* destroyed_;
};
inline constinit const ResourceTag Door::kTag{"test:house/doors", "door"};

class Window : public HostResource {
 public:
  static const ResourceTag kTag;
};
inline constinit const ResourceTag Window::kTag{"test:house/windows", "window"};

template <std::size_t kCount>
inline constexpr std::array<const char*, kCount> kNumbered = [] {
  std::array<const char*, kCount> labels{};
  labels.fill("x");
  return labels;
}();
inline constexpr std::array<const char*, 5> kMixedLabels{"a", "b", "c", "d", "e"};
inline constexpr std::array<const char*, 6> kChoiceLabels{
    "none", "small", "big", "text", "pair", "byte"
};
inline constexpr std::array<const char*, 3> kColourLabels{"red", "green", "blue"};

}  // namespace whorl::component::abi_test

namespace whorl::component {

template <>
struct Abi<abi_test::Mixed> : RecordAbi<
                                  abi_test::Mixed,
                                  abi_test::kMixedLabels,
                                  &abi_test::Mixed::a,
                                  &abi_test::Mixed::b,
                                  &abi_test::Mixed::c,
                                  &abi_test::Mixed::d,
                                  &abi_test::Mixed::e> {};
template <>
struct Abi<abi_test::Choice> : VariantAbi<
                                   abi_test::Choice,
                                   abi_test::kChoiceLabels,
                                   void,
                                   float,
                                   std::uint64_t,
                                   std::string,
                                   abi_test::Choice::Two,
                                   std::uint8_t> {};
template <>
struct Abi<abi_test::Colour> : EnumAbi<abi_test::Colour, abi_test::kColourLabels> {};
template <>
struct Abi<abi_test::Wide> : EnumAbi<abi_test::Wide, abi_test::kNumbered<257>> {};
template <int kBits>
struct Abi<abi_test::Bits<kBits>> : FlagsAbi<abi_test::Bits<kBits>, abi_test::kNumbered<kBits>> {};

}  // namespace whorl::component
