// What guests, reallocs and hosts may do wrong, at every kind of value.
#include "component/abi_test_support.hpp"
#include "component/signature.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace whorl::component {
namespace {

using namespace abi_test;
using engine::RawVal;

// --- hostile arguments ---------------------------------------------------------------------------

/// Why lifting a T from these core values fails; empty if it does not.
template <class T>
std::string refusal(std::vector<std::uint64_t> values, ByteView memory, HandleTable& handles) {
  std::vector<RawVal> slots(std::max<std::size_t>(values.size(), 1));
  for (std::size_t i = 0; i < values.size(); ++i) {
    slots[i].u64 = values[i];
  }
  LiftContext cx(memory, handles);
  (void)Abi<T>::lift_flat(cx, slots.data());
  return cx.failed() ? cx.take_trap().message : "";
}

TEST_CASE("hostile pointers, lengths and discriminants end in a trap") {
  // Exactly as large as it says, on the heap: one byte too far is an address sanitizer report.
  const auto memory = std::make_unique<Bytes>(64);
  HandleTable handles;
  const auto text = [&](std::uint64_t ptr, std::uint64_t size) {
    return refusal<std::string_view>({ptr, size}, *memory, handles);
  };
  CHECK(text(0, 64) == "");
  CHECK(text(64, 0) == "");
  CHECK(
      text(65, 0) ==
      "string content out-of-bounds: string pointer/length out of bounds of memory, 0 bytes at "
      "0x41 of 64"
  );
  CHECK(
      text(1, 64) ==
      "string content out-of-bounds: string pointer/length out of bounds of memory, 64 bytes at "
      "0x1 of 64"
  );
  CHECK(
      text(0xffffffff, 1) ==
      "string content out-of-bounds: string pointer/length out of bounds of memory, 1 bytes at "
      "0xffffffff of 64"
  );
  CHECK(
      text(0xffffffff, 0) ==
      "string content out-of-bounds: string pointer/length out of bounds of memory, 0 bytes at "
      "0xffffffff of 64"
  );
  CHECK(
      text(0xfffffff0, 0x10) ==
      "string content out-of-bounds: string pointer/length out of bounds of memory, 16 bytes at "
      "0xfffffff0 of 64"
  );
  CHECK(text(0, 0x10000000) == "string is too long");
  CHECK(text(0, 0xffffffff) == "string is too long");

  const auto words = [&](std::uint64_t ptr, std::uint64_t count) {
    return refusal<std::vector<std::uint64_t>>({ptr, count}, *memory, handles);
  };
  CHECK(words(0, 8) == "");
  CHECK(words(8, 7) == "");
  CHECK(words(64, 0) == "");
  CHECK(words(4, 0) == "unaligned pointer 0x4: a multiple of 8 is due");
  CHECK(
      words(8, 8) ==
      "list content out-of-bounds: list pointer/length out of bounds of memory, 64 bytes at 0x8 of "
      "64"
  );
  // 2^29 * 8 wraps to 0 in 32 bits.
  CHECK(words(0, 0x20000000) == "list is too long");
  CHECK(words(0, 0x2000000) == "list is too long");
  CHECK(
      words(0, 0x1ffffff) ==
      "list content out-of-bounds: list pointer/length out of bounds of memory, 268435448 bytes at "
      "0x0 of 64"
  );

  const auto bytes = [&](std::uint64_t ptr, std::uint64_t count) {
    return refusal<ByteView>({ptr, count}, *memory, handles);
  };
  CHECK(bytes(0, 64) == "");
  CHECK(bytes(0xffffffff, 0xffffffff) == "list is too long");
  CHECK(
      bytes(1, 0xfffffff) ==
      "list content out-of-bounds: list pointer/length out of bounds of memory, 268435455 bytes at "
      "0x1 of 64"
  );

  const std::string out_of_range = "invalid variant discriminant: out of range";
  CHECK(refusal<Colour>({2}, *memory, handles) == "");
  CHECK(refusal<Colour>({3}, *memory, handles) == out_of_range);
  CHECK(refusal<Choice>({6, 0, 0}, *memory, handles) == out_of_range);
  CHECK(refusal<std::optional<bool>>({2, 0}, *memory, handles) == out_of_range);
  CHECK(refusal<std::expected<void, Unit>>({0xffffffff}, *memory, handles) == out_of_range);

  const std::string not_a_char = "invalid `char` bit pattern: not a Unicode scalar value";
  CHECK(refusal<char32_t>({0xd7ff}, *memory, handles) == "");
  CHECK(refusal<char32_t>({0xd800}, *memory, handles) == not_a_char);
  CHECK(refusal<char32_t>({0xdfff}, *memory, handles) == not_a_char);
  CHECK(refusal<char32_t>({0xe000}, *memory, handles) == "");
  CHECK(refusal<char32_t>({0x10ffff}, *memory, handles) == "");
  CHECK(refusal<char32_t>({0x110000}, *memory, handles) == not_a_char);
}

TEST_CASE("hostile values behind a pointer end in a trap") {
  Bytes memory(32);
  HandleTable handles;
  const auto put = [&](std::size_t at, std::uint32_t value) {
    std::memcpy(memory.data() + at, &value, 4);
  };
  put(0, 16);  // a list of one string at 16, which is out of bounds
  put(16, 30);
  put(20, 3);
  using Strings = std::vector<std::string_view>;
  CHECK(
      refusal<Strings>({16, 1}, memory, handles) ==
      "string content out-of-bounds: string pointer/length out of bounds of memory, 3 bytes at "
      "0x1e of 32"
  );
  put(20, 2);
  CHECK(refusal<Strings>({16, 1}, memory, handles) == "");
  memory[30] = 0xc3;
  CHECK(refusal<Strings>({16, 1}, memory, handles) == "invalid utf-8");
  memory[31] = 0xa9;
  CHECK(refusal<Strings>({16, 1}, memory, handles) == "");
  CHECK(refusal<std::vector<char32_t>>({28, 1}, memory, handles) != "");
  memory[0] = 3;
  CHECK(
      refusal<std::vector<Colour>>({0, 1}, memory, handles) ==
      "invalid variant discriminant: out of range"
  );
}

TEST_CASE("a list of many views of the same text is bounded") {
  // 1,000 strings of 1 MiB each, all the same one.
  constexpr std::uint32_t kText = 1 << 20;
  Bytes memory(8000 + kText, 'x');
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const std::uint32_t pair[] = {8000, kText};
    std::memcpy(memory.data() + std::size_t{i} * 8, pair, 8);
  }
  HandleTable handles;
  const std::string too_much = "the arguments of one call are too large";
  CHECK(refusal<std::vector<std::string>>({0, 1000}, memory, handles) == too_much);
  CHECK(refusal<std::vector<std::string_view>>({0, 1000}, memory, handles) == too_much);
  CHECK(refusal<std::vector<Bytes>>({0, 1000}, memory, handles) == too_much);
  CHECK(refusal<std::vector<std::string_view>>({0, 100}, memory, handles) == "");
  CHECK(refusal<std::vector<ByteView>>({0, 1000}, memory, handles) == "");
}

// --- hostile realloc -----------------------------------------------------------------------------

template <class T>
std::string lower_refusal(T value, HostResult<std::uint32_t> answer) {
  FakeHeap guest(128);
  guest.answer = std::move(answer);
  HandleTable handles;
  LowerContext cx(guest, handles);
  REQUIRE(cx.accept(0, Abi<T>::kElemSize, Abi<T>::kAlignment));
  Abi<T>::store(cx, value, 0);
  return cx.failed() ? cx.take_trap().message : "";
}

TEST_CASE("what realloc returns is checked") {
  using Words = std::vector<std::uint64_t>;
  CHECK(lower_refusal(Words{1, 2}, 64) == "");
  CHECK(lower_refusal(Words{1, 2}, 112) == "");
  CHECK(
      lower_refusal(Words{1, 2}, 120) ==
      "realloc return: beyond end of memory: list content out-of-bounds, 16 bytes at 0x78 of 128"
  );
  CHECK(
      lower_refusal(Words{1, 2}, 0xfffffff8) ==
      "realloc return: beyond end of memory: list content out-of-bounds, 16 bytes at 0xfffffff8 of "
      "128"
  );
  CHECK(
      lower_refusal(Words{1, 2}, 68) ==
      "realloc return: result not aligned: unaligned pointer 0x44, a multiple of 8 is due"
  );
  CHECK(
      lower_refusal(Words{}, 129) ==
      "realloc return: result not aligned: unaligned pointer 0x81, a multiple of 8 is due"
  );
  CHECK(
      lower_refusal(std::string("abc"), 126) ==
      "realloc return: beyond end of memory: string content out-of-bounds, 3 bytes at 0x7e of 128"
  );
  CHECK(lower_refusal(std::string("abc"), 125) == "");
  CHECK(lower_refusal(std::string("abc"), trap("realloc trapped")) == "realloc trapped");
  CHECK(
      lower_refusal(std::vector<std::string>{"a", "b"}, trap("realloc trapped")) ==
      "realloc trapped"
  );
}

TEST_CASE("what the host returns is checked where the guest would trust it") {
  CHECK(lower_refusal(std::string("\xff"), 64) == "a string of the host is not valid UTF-8");
  CHECK(
      lower_refusal(static_cast<char32_t>(0xd800), 64) ==
      "a char of the host is not a Unicode scalar value"
  );
  CHECK(
      lower_refusal(std::unique_ptr<Door>(), 64) == "the host returned no resource where one is due"
  );
  CHECK(
      lower_refusal(Choice{Choice::Tag::Big, {}}, 64) ==
      "the host's variant lacks the payload of its case"
  );
}

TEST_CASE("where a result goes is checked") {
  FakeHeap guest(64);
  HandleTable handles;
  const auto refused = [&](std::uint32_t ptr, std::uint64_t size, std::uint32_t alignment) {
    LowerContext cx(guest, handles);
    const bool accepted = cx.accept(ptr, size, alignment);
    CHECK(accepted != cx.failed());
    return cx.failed();
  };
  CHECK_FALSE(refused(56, 8, 8));
  CHECK(refused(60, 8, 8));
  CHECK(refused(57, 1, 2));
  CHECK(refused(64, 1, 1));
  CHECK(refused(0xfffffff8, 16, 8));
}

// --- handles -------------------------------------------------------------------------------------

TEST_CASE("handles are looked up by type and taken once") {
  int destroyed = 0;
  HandleTable handles;
  const std::uint32_t door = *handles.add(Door::kTag, std::make_unique<Door>(7, &destroyed));
  const std::uint32_t window = *handles.add(Window::kTag, std::make_unique<Window>());
  using Own = std::unique_ptr<Door>;
  CHECK(refusal<Door*>({door}, {}, handles) == "");
  CHECK(refusal<Door*>({0}, {}, handles) == "unknown handle index 0: expected a door");
  CHECK(refusal<Door*>({99}, {}, handles) == "unknown handle index 99: expected a door");
  CHECK(
      refusal<Door*>({window}, {}, handles) ==
      "handle index 2 used with the wrong type, expected door but found window"
  );
  CHECK(
      refusal<Own>({window}, {}, handles) ==
      "handle index 2 used with the wrong type, expected door but found window"
  );
  CHECK(destroyed == 0);
  CHECK(refusal<Own>({door}, {}, handles) == "");
  CHECK(destroyed == 1);
  CHECK(refusal<Own>({door}, {}, handles) == "unknown handle index 1: expected a door");
}

TEST_CASE("a handle passed twice in one call, lent and taken, is a trap") {
  HandleTable handles;
  const std::uint32_t door = *handles.add(Door::kTag, std::make_unique<Door>(7));
  using Both = std::tuple<Door*, std::unique_ptr<Door>>;
  {
    LiftContext cx({}, handles, Lending::Lend);
    RawVal slots[2];
    slots[0].u64 = slots[1].u64 = door;
    (void)Abi<Both>::lift_flat(cx, slots);
    REQUIRE(cx.failed());
    CHECK(
        cx.take_trap().message ==
        "cannot remove owned resource while borrowed: handle index 1 (door) is lent out"
    );
  }
  CHECK(handles.size() == 1);
  CHECK(refusal<std::unique_ptr<Door>>({door}, {}, handles) == "");
}

TEST_CASE("resources move into the table and back") {
  HandleTable handles;
  FakeHeap guest(64);
  LowerContext lower(guest, handles);
  std::optional<std::unique_ptr<Door>> value = std::make_unique<Door>(3);
  RawVal slots[2];
  Abi<std::optional<std::unique_ptr<Door>>>::lower_flat(lower, value, slots);
  CHECK(slots[0].u64 == 1);
  CHECK(slots[1].u64 == 1);
  CHECK(handles.size() == 1);
  LiftContext lift({}, handles);
  auto back = Abi<std::optional<std::unique_ptr<Door>>>::lift_flat(lift, slots);
  REQUIRE(back);
  CHECK((*back)->number() == 3);
  CHECK(handles.size() == 0);
}

TEST_CASE("option<borrow> as a parameter is a pointer") {
  HandleTable handles;
  const std::uint32_t door = *handles.add(Door::kTag, std::make_unique<Door>(7));
  LiftContext cx({}, handles);
  RawVal slots[2];
  slots[0].u64 = 0;
  slots[1].u64 = 77;
  CHECK(Abi<OptionalBorrow<Door>>::lift_flat(cx, slots).ptr == nullptr);
  slots[0].u64 = 1;
  slots[1].u64 = door;
  CHECK(Abi<OptionalBorrow<Door>>::lift_flat(cx, slots).ptr->number() == 7);
  CHECK_FALSE(cx.failed());
}

TEST_CASE("spilled parameters are read through a checked pointer") {
  using U = std::uint64_t;
  using Sig = Signature<void, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, std::uint8_t>;
  Bytes memory(160);
  for (std::uint8_t i = 0; i < 17; ++i) {
    memory[8 + std::size_t{i} * 8] = i;
  }
  HandleTable handles;
  const auto lift = [&](std::uint32_t ptr) -> std::string {
    RawVal slot;
    slot.u64 = ptr;
    LiftContext cx(memory, handles);
    const auto arguments = LiftArguments<Sig>::lift(cx, &slot);
    if (cx.failed()) {
      return cx.take_trap().message;
    }
    return fmt::format("{} {}", std::get<1>(arguments), std::get<16>(arguments));
  };
  CHECK(lift(8) == "1 16");
  CHECK(lift(24) == "3 0");
  CHECK(lift(32) == "pointer out of bounds of memory, 136 bytes at 0x20 of 160");
  CHECK(lift(12) == "unaligned pointer 0xc: a multiple of 8 is due");
  CHECK(lift(0xfffffff8) == "pointer out of bounds of memory, 136 bytes at 0xfffffff8 of 160");
}

}  // namespace
}  // namespace whorl::component
