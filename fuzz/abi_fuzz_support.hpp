/// Guests, types and input for fuzzing the canonical ABI.
#pragma once

#include "component/abi.hpp"
#include "component/abi_random_types.hpp"
#include "component/abi_test_support.hpp"
#include "component/interpret.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#if defined(__has_feature) && __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

namespace whorl::component::abi_fuzz {

inline constexpr std::size_t kHeap = 1024;
/// Host memory for one value: enough to get everywhere, little enough to be fast.
inline constexpr std::uint64_t kLimit = 1 << 16;
inline constexpr std::uint16_t kImplementer = 1;
inline constexpr std::uint16_t kUser = 2;

/// Takes numbers off the front of the fuzzer's bytes; zeros after the end.
class Input {
 public:
  explicit Input(ByteView bytes) : bytes_(bytes) {}
  template <class T>
  T take() {
    T value{};
    const std::size_t size = std::min(sizeof value, bytes_.size());
    if (size != 0) {
      std::memcpy(&value, bytes_.data(), size);
    }
    bytes_ = bytes_.subspan(size);
    return value;
  }
  [[nodiscard]] StringEncoding encoding() {
    return static_cast<StringEncoding>(take<std::uint8_t>() % 3);
  }
  /// Small numbers more often than not: pointers and lengths that are in bounds.
  [[nodiscard]] std::uint64_t core_value() {
    return (take<std::uint8_t>() & 3) != 0 ? take<std::uint8_t>() : take<std::uint64_t>();
  }
  [[nodiscard]] ByteView rest() const { return bytes_; }

 private:
  ByteView bytes_;
};

/// A guest's memory that moves at each call of realloc; the place it left is poisoned.
class FuzzHeap final : public GuestHeap {
 public:
  /// @param first  where realloc begins
  explicit FuzzHeap(ByteView content, std::uint32_t first = 8) : size_(kHeap), next_(first) {
    ASAN_UNPOISON_MEMORY_REGION(places_, sizeof places_);
    std::memset(places_[0], 0, size_);
    const std::size_t used = std::min(content.size(), size_);
    if (used != 0) {
      std::memcpy(places_[0], content.data(), used);
    }
    ASAN_POISON_MEMORY_REGION(places_[1], kHeap + kGap);
  }
  FuzzHeap(const FuzzHeap&) = delete;
  FuzzHeap& operator=(const FuzzHeap&) = delete;
  ~FuzzHeap() { ASAN_UNPOISON_MEMORY_REGION(places_, sizeof places_); }

  [[nodiscard]] MutableByteView memory() override { return {places_[now_], size_}; }
  [[nodiscard]] HostResult<std::uint32_t> reallocate(
      std::uint32_t old_ptr, std::uint32_t old_size, std::uint32_t alignment, std::uint32_t new_size
  ) override {
    move();
    calls_.push_back({old_ptr, old_size, alignment, new_size});
    if (old_ptr != 0 && new_size <= old_size) {
      return old_ptr;
    }
    const std::uint32_t ptr = align_to(next_, alignment);
    next_ = ptr + std::min<std::uint32_t>(new_size, kHeap);
    if (old_size != 0 && std::uint64_t{ptr} + new_size <= size_) {
      std::memmove(places_[now_] + ptr, places_[now_] + old_ptr, old_size);
    }
    return ptr;
  }
  using Call = std::array<std::uint32_t, 4>;
  [[nodiscard]] const std::vector<Call>& calls() const noexcept { return calls_; }

 private:
  static constexpr std::size_t kGap = 64;

  void move() {
    const int next = 1 - now_;
    ASAN_UNPOISON_MEMORY_REGION(places_[next], kHeap);
    std::memcpy(places_[next], places_[now_], size_);
    ASAN_POISON_MEMORY_REGION(places_[now_], kHeap);
    now_ = next;
  }

  alignas(8) std::uint8_t places_[2][kHeap + kGap];
  std::size_t size_;
  int now_ = 0;
  std::uint32_t next_;
  std::vector<Call> calls_;
};

inline const ResourceRef& guest_resource(std::size_t which) {
  static const std::array<ResourceRef, 2> types = [] {
    std::array<ResourceRef, 2> made;
    for (ResourceRef& type : made) {
      ResourceType resource;
      resource.name = "thing";
      resource.impl = kImplementer;
      type = std::make_shared<const ResourceType>(std::move(resource));
    }
    return made;
  }();
  return types[which];
}

struct Guest {
  explicit Guest(ByteView content) : heap(content) {}
  /// An empty one whose first `used` bytes are spoken for.
  explicit Guest(std::uint32_t used) : heap({}, std::max<std::uint32_t>(align_to(used, 8), 8)) {}

  void add_handles() {
    (void)handles.add(abi_test::Door::kTag, std::make_unique<abi_test::Door>(1));
    (void)handles.add_own(resource_key(*guest_resource(0)), ResourceRep(7));
    (void)handles.add_own(resource_key(*guest_resource(1)), ResourceRep(8));
    (void)handles.add(abi_test::Door::kTag, std::make_unique<abi_test::Door>(2));
    (void)handles.add_own(resource_key(*guest_resource(0)), ResourceRep(9));
  }

  FuzzHeap heap;
  HandleTable handles;
};

[[nodiscard]] inline std::string reason(AbiFailure& cx) {
  return cx.failed() ? cx.take_trap().message : std::string();
}

/// A type made of the input.
class Dynamic {
 public:
  explicit Dynamic(Input& input) : input_(input) {
    FuncShape shape;
    shape.params = {Member{"value", make(0)}};
    if (auto made = make_layout(shape)) {
      layout_ = *made;
      wit_ = shape.params[0].type;
    }
  }
  [[nodiscard]] bool is_valid() const noexcept {
    return layout_ != nullptr && layout().size <= kHeap;
  }
  [[nodiscard]] bool has_handles() const noexcept { return has_handles_; }
  [[nodiscard]] const TypeLayout& layout() const { return *layout_->params->parts[0].type; }
  [[nodiscard]] const TypeRef& wit() const noexcept { return wit_; }

 private:
  static constexpr int kMaxDepth = 4;
  static constexpr std::size_t kMaxNodes = 24;

  TypeRef make(int depth) {
    const std::uint8_t choice = input_.take<std::uint8_t>();
    const auto kind = static_cast<TypeKind>(choice % 28);
    if (depth >= kMaxDepth || ++nodes_ > kMaxNodes || kind <= TypeKind::String) {
      return primitive_type(static_cast<TypeKind>(choice % 13));
    }
    Type type{};
    type.kind = kind;
    switch (kind) {
      case TypeKind::ErrorContext:
      case TypeKind::Stream:
      case TypeKind::Future:
      case TypeKind::Option:
        type.kind = TypeKind::Option;
        type.element = make(depth + 1);
        break;
      case TypeKind::List:
        type.element = make(depth + 1);
        break;
      case TypeKind::FixedList:
        type.length = 1 + (input_.take<std::uint8_t>() & 7);
        type.element = make(depth + 1);
        break;
      case TypeKind::Map:
        type.element = make(depth + 1);
        type.other = make(depth + 1);
        break;
      case TypeKind::Result:
        type.element = maybe(depth + 1);
        type.other = maybe(depth + 1);
        break;
      case TypeKind::Own:
      case TypeKind::Borrow:
        has_handles_ = true;
        type.resource = choice < 100 ? resource_type<abi_test::Door>() : guest_resource(choice & 1);
        break;
      default:
        members(type, depth + 1);
    }
    return std::make_shared<const Type>(std::move(type));
  }

  TypeRef maybe(int depth) {
    return (input_.take<std::uint8_t>() & 1) != 0 ? make(depth) : nullptr;
  }

  void members(Type& type, int depth) {
    const std::uint8_t choice = input_.take<std::uint8_t>();
    const bool is_labels = type.kind == TypeKind::Flags || type.kind == TypeKind::Enum;
    std::size_t count = 1 + (choice & 3);
    if (is_labels) {
      count = type.kind == TypeKind::Flags ? 1 + choice % 32 : 1 + std::size_t{choice} * 2;
    }
    type.members.resize(count);
    for (Member& member : type.members) {
      if (type.kind == TypeKind::Record || type.kind == TypeKind::Tuple) {
        member.type = make(depth);
      } else if (type.kind == TypeKind::Variant) {
        member.type = maybe(depth);
      }
    }
  }

  Input& input_;
  std::shared_ptr<const FuncLayout> layout_;
  TypeRef wit_;
  std::size_t nodes_ = 0;
  bool has_handles_ = false;
};

}  // namespace whorl::component::abi_fuzz
