// The canonical ABI on hostile memory. Input: a mode, encodings, a type, core values, and the rest
// is the guest's memory.
//
// Typed: a C++ type out of many; the compile-time path and the interpreter must read the same value
// or refuse for the same reason, and write the same bytes with the same calls of realloc.
// Dynamic: any type, put together from the input; what can be lifted is lowered into another guest
// in another encoding, and must come back the same.
#include "abi_fuzz_support.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace whorl::component {
namespace {

using namespace abi_fuzz;
using engine::RawVal;

/// Same reason, or one of them had enough: the two ways use different amounts of host memory.
bool is_same_end(const std::string& a, const std::string& b) {
  constexpr std::string_view kEnough = "the arguments of one call are too large";
  return a == b || a == kEnough || b == kEnough;
}

// --- typed ---------------------------------------------------------------------------------------

template <class T>
const TypeLayout& layout_of() {
  static const std::shared_ptr<const FuncLayout> layout = [] {
    FuncShape shape;
    shape.params = {Member{"value", Abi<T>::describe()}};
    auto made = make_layout(shape);
    WHORL_CHECK(made.has_value(), "no layout");
    return *made;
  }();
  return *layout->params->parts[0].type;
}

/// Lowers both and compares everything a guest can see.
template <class T>
void lower_both(T& typed, Value& dynamic, StringEncoding encoding) {
  Guest first(Abi<T>::kElemSize);
  Guest second(Abi<T>::kElemSize);
  LowerContext typed_cx(first.heap, first.handles, encoding);
  LowerContext cx(second.heap, second.handles, encoding);
  if (!typed_cx.accept(0, Abi<T>::kElemSize, Abi<T>::kAlignment) ||
      !cx.accept(0, Abi<T>::kElemSize, Abi<T>::kAlignment)) {
    return;
  }
  Abi<T>::store(typed_cx, typed, 0);
  store(cx, dynamic, layout_of<T>(), 0);
  const bool failed = cx.failed();
  WHORL_CHECK(reason(typed_cx) == reason(cx), "lowering fails in one way only");
  WHORL_CHECK(first.heap.calls() == second.heap.calls(), "realloc was called otherwise");
  // After a trap nobody looks.
  WHORL_CHECK(
      failed || std::ranges::equal(first.heap.memory(), second.heap.memory()),
      "other bytes in memory"
  );
}

template <class T>
void lift_both(Input& input) {
  const StringEncoding encoding = input.encoding();
  const StringEncoding other = input.encoding();
  std::array<RawVal, std::max<std::size_t>(Abi<T>::kFlat.size(), 1)> slots;
  for (RawVal& slot : slots) {
    slot.u64 = input.core_value();
  }
  Guest guest(input.rest());
  const bool is_flat = Abi<T>::kFlat.size() <= kMaxFlatParams && encoding == other;
  LiftContext typed_cx(guest.heap.memory(), guest.handles, Lending::Lookup, encoding);
  LiftContext cx(guest.heap.memory(), guest.handles, Lending::Lookup, encoding);
  typed_cx.limit(kLimit);
  cx.limit(kLimit);
  const std::uint8_t* at = guest.heap.memory().data();
  T typed = is_flat ? Abi<T>::lift_flat(typed_cx, slots.data()) : Abi<T>::load(typed_cx, at);
  Value dynamic =
      is_flat ? lift_flat(cx, slots.data(), layout_of<T>()) : load(cx, at, layout_of<T>());
  const bool failed = typed_cx.failed() || cx.failed();
  WHORL_CHECK(is_same_end(reason(typed_cx), reason(cx)), "lifting fails in one way only");
  if (failed) {
    return;
  }
  Value expected = abi_test::to_value(typed);
  WHORL_CHECK(equal(dynamic, expected, *Abi<T>::describe()), "lifted otherwise");
  lower_both(typed, expected, other);
}

template <std::size_t... kType>
void typed_mode(Input& input, std::index_sequence<kType...>) {
  const std::size_t wanted = input.take<std::uint8_t>() % sizeof...(kType);
  (void)((wanted == kType ? (lift_both<abi_test::RandomType<kType>>(input), true) : false) || ...);
}

// --- dynamic -------------------------------------------------------------------------------------

/// Lowers into another guest, which moves from the value, and lifts it from there.
///
/// @param expected  the same value; nobody asks where a type has handles
void round_trip(Value& value, const Value& expected, const Dynamic& type, StringEncoding encoding) {
  Guest other(type.layout().size);
  BorrowScope scope;
  LowerContext cx(other.heap, other.handles, encoding, kUser, &scope);
  if (!cx.accept(0, type.layout().size, type.layout().alignment)) {
    return;
  }
  store(cx, value, type.layout(), 0);
  if (!cx.failed() && !type.has_handles()) {
    LiftContext lift(other.heap.memory(), other.handles, Lending::Lookup, encoding);
    const Value again = load(lift, other.heap.memory().data(), type.layout());
    WHORL_CHECK(!lift.failed(), "what was lowered cannot be lifted", reason(lift));
    WHORL_CHECK(
        equal(expected, again, *type.wit()), "a value changed on its way", to_wit(type.wit())
    );
  }
  other.handles.abandon(scope);
  WHORL_CHECK(scope.num_borrows == 0, "a borrow outlives its call");
}

void flat_round_trip(
    Value& value, const Value& expected, const Dynamic& type, StringEncoding encoding
) {
  Guest other(0);
  BorrowScope scope;
  std::array<RawVal, kMaxFlatParams> slots{};
  LowerContext cx(other.heap, other.handles, encoding, kImplementer, &scope);
  lower_flat(cx, value, type.layout(), slots.data());
  if (!cx.failed() && !type.has_handles()) {
    LiftContext lift(other.heap.memory(), other.handles, Lending::Lookup, encoding);
    const Value again = lift_flat(lift, slots.data(), type.layout());
    WHORL_CHECK(!lift.failed(), "what was lowered cannot be lifted", reason(lift));
    WHORL_CHECK(
        equal(expected, again, *type.wit()), "a value changed on its way", to_wit(type.wit())
    );
  }
  other.handles.abandon(scope);
}

void dynamic_mode(Input& input) {
  const StringEncoding encoding = input.encoding();
  const StringEncoding other = input.encoding();
  const std::uint8_t ways = input.take<std::uint8_t>();
  const Dynamic type(input);
  if (!type.is_valid()) {
    return;
  }
  const bool is_flat = (ways & 1) != 0 && type.layout().flat_count <= kMaxFlatParams;
  std::array<RawVal, kMaxFlatParams> slots{};
  for (std::uint32_t i = 0; is_flat && i < type.layout().flat_count; ++i) {
    slots[i].u64 = input.core_value();
  }
  Guest guest(input.rest());
  guest.add_handles();
  const auto lift = [&](LiftContext& cx) -> Value {
    cx.limit(kLimit);
    if (is_flat) {
      return lift_flat(cx, slots.data(), type.layout());
    }
    const std::uint8_t* at = cx.range(0, type.layout().size, type.layout().alignment);
    return at == nullptr ? Value{} : load(cx, at, type.layout());
  };
  LiftContext cx(guest.heap.memory(), guest.handles, Lending::Lend, encoding);
  if ((ways & 2) != 0) {
    cx.allow_views(guest.heap);
  }
  Value value = lift(cx);
  if (cx.failed()) {
    return;
  }
  LiftContext twice(guest.heap.memory(), guest.handles, Lending::Lookup, encoding);
  const Value expected = type.has_handles() ? Value{} : lift(twice);
  WHORL_CHECK(!twice.failed(), "what was lifted cannot be lifted again", reason(twice));
  if ((ways & 0x38) == 0) {
    (void)to_text(value, *type.wit());
  }
  if (is_flat && (ways & 4) != 0) {
    flat_round_trip(value, expected, type, other);
  } else {
    round_trip(value, expected, type, other);
  }
}

void run(Input input) {
  if ((input.take<std::uint8_t>() & 1) == 0) {
    typed_mode(input, std::make_index_sequence<abi_test::kRandomTypes>{});
  } else {
    dynamic_mode(input);
  }
}

}  // namespace
}  // namespace whorl::component

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whorl::component::run(whorl::component::abi_fuzz::Input({data, size}));
  return 0;
}
