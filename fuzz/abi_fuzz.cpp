// Lifts every kind of type from hostile core values and memory; what could be lifted is lowered,
// lifted and lowered again, and must come out as the same bytes.
#include "base/check.hpp"
#include "component/abi.hpp"
#include "component/abi_test_support.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace whorl::component {
namespace {

using namespace abi_test;

/// Takes numbers off the front of the fuzzer's bytes; zeros after the end.
class Input {
 public:
  explicit Input(ByteView bytes) : bytes_(bytes) {}
  template <class T>
  T take() {
    T value{};
    const std::size_t size = std::min(sizeof value, bytes_.size());
    std::memcpy(&value, bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
    return value;
  }
  [[nodiscard]] ByteView rest() const { return bytes_; }

 private:
  ByteView bytes_;
};

// Small: the fake heap is copied at each allocation. What does not fit is not compared.
constexpr std::size_t kHeap = std::size_t{1} << 14;

void add_handles(HandleTable& handles) {
  (void)handles.add(Door::kTag, std::make_unique<Door>(1));
  (void)handles.add(Window::kTag, std::make_unique<Window>());
  (void)handles.add(Door::kTag, std::make_unique<Door>(2));
}

/// Everything a value is once lowered: its own bytes and what they point to.
template <class T>
std::optional<Bytes> lowered(T& value, FakeHeap& heap, HandleTable& handles) {
  LowerContext cx(heap, handles);
  WHORL_CHECK(cx.accept(0, Abi<T>::kElemSize, Abi<T>::kAlignment), "heap too small");
  Abi<T>::store(cx, value, 0);
  if (cx.failed()) {
    return std::nullopt;
  }
  const ByteView own = heap.range(0, Abi<T>::kElemSize);
  const ByteView pointed = heap.allocated(1024);
  Bytes all(own.begin(), own.end());
  all.insert(all.end(), pointed.begin(), pointed.end());
  return all;
}

template <class T>
void round_trip(T& value) {
  HandleTable handles;
  FakeHeap heap(kHeap, 1024);
  const auto first = lowered(value, heap, handles);
  if (!first) {
    return;
  }
  LiftContext lift(heap.memory(), handles);
  T again = Abi<T>::load(lift, heap.memory().data());
  WHORL_CHECK(!lift.failed(), "what was lowered cannot be lifted");
  HandleTable other_handles;
  FakeHeap other(kHeap, 1024);
  const auto second = lowered(again, other, other_handles);
  WHORL_CHECK(second && *first == *second, "a value changed on its way");
}

template <class T>
void lift_hostile(Input input) {
  HandleTable handles;
  add_handles(handles);
  std::array<engine::RawVal, Abi<T>::kFlat.size()> slots;
  const bool small = (input.take<std::uint8_t>() & 1) != 0;
  for (engine::RawVal& slot : slots) {
    slot.u64 = small ? input.take<std::uint8_t>() : input.take<std::uint64_t>();
  }
  const auto memory = std::make_unique<Bytes>(input.rest().begin(), input.rest().end());
  {
    LiftContext cx(*memory, handles, Lending::Lend);
    T value = Abi<T>::lift_flat(cx, slots.data());
    if constexpr (!Abi<T>::kTraits.borrow) {
      if (!cx.failed()) {
        round_trip(value);
      }
    }
  }
  LiftContext cx(*memory, handles);
  if (const std::uint8_t* at = cx.range(0, Abi<T>::kElemSize, Abi<T>::kAlignment)) {
    T value = Abi<T>::load(cx, at);
    if constexpr (!Abi<T>::kTraits.borrow) {
      if (!cx.failed()) {
        round_trip(value);
      }
    }
  }
}

using Pairs = std::vector<std::tuple<std::string, Bytes>>;
using Views = std::vector<std::tuple<std::string_view, ByteView>>;
using Nested = std::optional<std::expected<std::expected<std::optional<Mixed>, Choice>, Unit>>;
using Handles = std::tuple<std::unique_ptr<Door>, std::vector<Door*>, OptionalBorrow<Window>>;
using Numbers =
    std::tuple<bool, std::int8_t, char32_t, double, Colour, Wide, Bits<9>, std::vector<bool>>;
using Owned = std::expected<std::vector<std::unique_ptr<Door>>, std::vector<std::uint64_t>>;

void run(Input input) {
  switch (input.take<std::uint8_t>() % 8) {
    case 0:
      return lift_hostile<Pairs>(input);
    case 1:
      return lift_hostile<Views>(input);
    case 2:
      return lift_hostile<Nested>(input);
    case 3:
      return lift_hostile<Handles>(input);
    case 4:
      return lift_hostile<Numbers>(input);
    case 5:
      return lift_hostile<Owned>(input);
    case 6:
      return lift_hostile<std::vector<std::vector<std::vector<Choice>>>>(input);
    default:
      return lift_hostile<std::vector<std::optional<std::string>>>(input);
  }
}

}  // namespace
}  // namespace whorl::component

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whorl::component::run(whorl::component::Input({data, size}));
  return 0;
}
