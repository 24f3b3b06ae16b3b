// The compile-time path and the interpreter against each other: on random types and values they
// make the same bytes, the same calls of realloc and the same core values, read the same values
// back, and refuse the same corrupted memory for the same reason.
#include "component/abi_random_types.hpp"
#include "component/abi_test_support.hpp"
#include "component/interpret.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <random>
#include <string>

namespace whorl::component {
namespace {

using namespace abi_test;
using engine::RawVal;

constexpr std::size_t kHeap = 1 << 14;
constexpr std::uint32_t kFirst = 2048;
constexpr int kValues = 30;
constexpr int kCorruptions = 40;
constexpr StringEncoding kEncodings[] = {
    StringEncoding::Utf8, StringEncoding::Utf16, StringEncoding::Latin1OrUtf16
};

/// A guest that something was lowered into.
struct Lowered {
  FakeHeap heap{kHeap, kFirst};
  HandleTable handles;
  std::vector<RawVal> slots;
  std::string trap;

  void keep(LowerContext& cx) { trap = cx.failed() ? cx.take_trap().message : ""; }
};

/// How many memories were lifted: neither may be rare.
struct Tally {
  int taken = 0;
  int refused = 0;
};

template <class T>
class Pair {
 public:
  explicit Pair(Tally& tally) : tally_(tally) {
    FuncShape shape;
    shape.params = {Member{"value", Abi<T>::describe()}};
    auto made = make_layout(shape);
    REQUIRE(made);
    layout_ = *made;
  }

  void run(Random& random) {
    REQUIRE(type().size == Abi<T>::kElemSize);
    REQUIRE(type().alignment == Abi<T>::kAlignment);
    check_flat_types();
    for (int i = 0; i < kValues; ++i) {
      encoding_ = kEncodings[random.below(3)];
      const T value = random_value<T>(random);
      flat(value);
      Lowered typed;
      memory(value, typed);
      if (typed.trap.empty()) {
        corrupted(random, typed);
      }
    }
  }

 private:
  [[nodiscard]] const TypeLayout& type() const { return *layout_->params->parts[0].type; }

  void check_flat_types() const {
    constexpr std::size_t kCount = Abi<T>::kFlat.size();
    if constexpr (kCount <= kMaxFlatParams) {
      REQUIRE(type().flat_count == kCount);
      REQUIRE(std::equal(Abi<T>::kFlat.begin(), Abi<T>::kFlat.end(), type().flat.begin()));
    } else {
      REQUIRE(type().flat_count > kMaxFlatParams);
    }
  }

  static void check_same(const Lowered& typed, const Lowered& interpreted) {
    REQUIRE(typed.trap == interpreted.trap);
    REQUIRE(typed.heap.requests == interpreted.heap.requests);
    REQUIRE(std::ranges::equal(typed.heap.range(0, kHeap), interpreted.heap.range(0, kHeap)));
    REQUIRE(typed.slots.size() == interpreted.slots.size());
    for (std::size_t i = 0; i < typed.slots.size(); ++i) {
      REQUIRE(typed.slots[i].u64 == interpreted.slots[i].u64);
    }
  }

  void flat(const T& value) {
    constexpr std::size_t kCount = Abi<T>::kFlat.size();
    if constexpr (kCount <= kMaxFlatParams) {
      Lowered typed;
      typed.slots.resize(kCount);
      LowerContext typed_cx(typed.heap, typed.handles, encoding_);
      T copy = value;
      Abi<T>::lower_flat(typed_cx, copy, typed.slots.data());
      typed.keep(typed_cx);
      Lowered interpreted;
      interpreted.slots.resize(kCount);
      LowerContext cx(interpreted.heap, interpreted.handles, encoding_);
      Value dynamic = to_value(value);
      lower_flat(cx, dynamic, type(), interpreted.slots.data());
      interpreted.keep(cx);
      check_same(typed, interpreted);
      if (typed.trap.empty()) {
        LiftContext lift(typed.heap.memory(), typed.handles, Lending::Lookup, encoding_);
        const Value back = lift_flat(lift, typed.slots.data(), type());
        REQUIRE_FALSE(lift.failed());
        REQUIRE(equal(back, to_value(value), *Abi<T>::describe()));
      }
    }
  }

  void memory(const T& value, Lowered& typed) {
    LowerContext typed_cx(typed.heap, typed.handles, encoding_);
    REQUIRE(typed_cx.accept(0, Abi<T>::kElemSize, Abi<T>::kAlignment));
    T copy = value;
    Abi<T>::store(typed_cx, copy, 0);
    typed.keep(typed_cx);
    Lowered interpreted;
    LowerContext cx(interpreted.heap, interpreted.handles, encoding_);
    REQUIRE(cx.accept(0, type().size, type().alignment));
    Value dynamic = to_value(value);
    store(cx, dynamic, type(), 0);
    interpreted.keep(cx);
    check_same(typed, interpreted);
  }

  /// Lifts by both ways; whatever comes out must agree.
  void compare_lifts(FakeHeap& heap) {
    HandleTable handles;
    LiftContext typed_cx(heap.memory(), handles, Lending::Lookup, encoding_);
    const T typed = Abi<T>::load(typed_cx, heap.memory().data());
    LiftContext cx(heap.memory(), handles, Lending::Lookup, encoding_);
    const Value copied = load(cx, heap.memory().data(), type());
    LiftContext view_cx(heap.memory(), handles, Lending::Lookup, encoding_);
    view_cx.allow_views(heap);
    Value viewed = load(view_cx, heap.memory().data(), type());
    const std::string trap = typed_cx.failed() ? typed_cx.take_trap().message : "";
    REQUIRE((cx.failed() ? cx.take_trap().message : "") == trap);
    REQUIRE((view_cx.failed() ? view_cx.take_trap().message : "") == trap);
    if (!trap.empty()) {
      ++tally_.refused;
      return;
    }
    ++tally_.taken;
    const Value expected = to_value(typed);
    REQUIRE(equal(copied, expected, *Abi<T>::describe()));
    REQUIRE(equal(viewed, expected, *Abi<T>::describe()));
    lower_again(viewed, expected);
  }

  /// What lies in one guest's memory goes into another's.
  void lower_again(Value& viewed, const Value& expected) {
    Lowered other;
    const StringEncoding encoding = kEncodings[(static_cast<int>(encoding_) + 1) % 3];
    LowerContext cx(other.heap, other.handles, encoding);
    REQUIRE(cx.accept(0, type().size, type().alignment));
    store(cx, viewed, type(), 0);
    if (!cx.failed()) {  // else it was too much for the small heap
      LiftContext lift(other.heap.memory(), other.handles, Lending::Lookup, encoding);
      const Value back = load(lift, other.heap.memory().data(), type());
      REQUIRE_FALSE(lift.failed());
      REQUIRE(equal(back, expected, *Abi<T>::describe()));
    }
  }

  void corrupted(Random& random, Lowered& guest) {
    compare_lifts(guest.heap);
    for (int i = 0; i < kCorruptions; ++i) {
      const bool is_own = random.below(2) == 0 || guest.heap.end() == kFirst;
      const std::uint32_t at =
          is_own ? random.below(type().size) : kFirst + random.below(guest.heap.end() - kFirst);
      const std::uint8_t kinds[] = {
          0,
          1,
          0xff,
          0x80,
          static_cast<std::uint8_t>(random.below(256)),
          static_cast<std::uint8_t>(guest.heap.memory()[at] + 1)
      };
      guest.heap.memory()[at] = kinds[random.below(6)];
      compare_lifts(guest.heap);
    }
  }

  Tally& tally_;
  std::shared_ptr<const FuncLayout> layout_;
  StringEncoding encoding_ = StringEncoding::Utf8;
};

template <std::size_t kType>
void run_type(Random& random, Tally& tally) {
  using T = RandomType<kType>;
  CAPTURE(kType);
  CAPTURE(to_wit(Abi<T>::describe()));
  Pair<T>(tally).run(random);
}

TEST_CASE("typed and interpreted agree on random types, values and corruptions") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  Random random(seed);
  Tally tally;
  [&]<std::size_t... kType>(std::index_sequence<kType...>) {
    (run_type<kType>(random, tally), ...);
  }(std::make_index_sequence<kRandomTypes>{});
  CHECK(tally.taken > 10'000);
  CHECK(tally.refused > 1'000);
}

}  // namespace
}  // namespace whorl::component
