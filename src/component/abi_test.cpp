#include "component/abi.hpp"

#include "component/abi_test_support.hpp"
#include "component/signature.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

namespace whorl::component {
namespace {

using namespace abi_test;
using engine::RawVal;
using engine::ValType;
using enum engine::ValType;

std::string hex(ByteView bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += fmt::format("{:02x}", byte);
  }
  return text;
}

template <class T>
std::vector<ValType> flat_of() {
  return {Abi<T>::kFlat.begin(), Abi<T>::kFlat.end()};
}

// --- layout --------------------------------------------------------------------------------------

struct LayoutRow {
  const char* type;
  std::uint32_t size;
  std::uint32_t alignment;
  std::vector<ValType> flat;
  std::uint32_t expected_size;
  std::uint32_t expected_alignment;
  std::vector<ValType> expected_flat;
};

template <class T>
LayoutRow row(
    const char* type, std::uint32_t size, std::uint32_t alignment, std::vector<ValType> flat
) {
  return {
      type, Abi<T>::kElemSize, Abi<T>::kAlignment, flat_of<T>(), size, alignment, std::move(flat)
  };
}

TEST_CASE("layouts are those of the executable specification") {
  using Nested = std::optional<
      std::expected<std::expected<std::optional<std::unique_ptr<Door>>, Choice>, Unit>>;
  const LayoutRow rows[] = {
      row<bool>("bool", 1, 1, {I32}),
      row<std::int8_t>("s8", 1, 1, {I32}),
      row<std::uint16_t>("u16", 2, 2, {I32}),
      row<std::uint64_t>("u64", 8, 8, {I64}),
      row<float>("f32", 4, 4, {F32}),
      row<double>("f64", 8, 8, {F64}),
      row<char32_t>("char", 4, 4, {I32}),
      row<std::string>("string", 8, 4, {I32, I32}),
      row<Bytes>("list<u8>", 8, 4, {I32, I32}),
      row<std::vector<Mixed>>("list<record>", 8, 4, {I32, I32}),
      row<std::tuple<std::uint8_t, std::uint32_t, std::uint8_t>>("tuple", 12, 4, {I32, I32, I32}),
      row<Mixed>("record", 32, 8, {I32, I32, I32, I64, I32}),
      row<Choice>("variant", 24, 8, {I32, I64, I32}),
      row<std::optional<std::uint64_t>>("option<u64>", 16, 8, {I32, I64}),
      row<std::optional<std::uint8_t>>("option<u8>", 2, 1, {I32, I32}),
      row<std::expected<std::uint8_t, std::string>>("result<u8,string>", 12, 4, {I32, I32, I32}),
      row<std::expected<void, Unit>>("result", 1, 1, {I32}),
      row<std::expected<void, std::uint16_t>>("result<_,u16>", 4, 2, {I32, I32}),
      row<Colour>("enum of 3", 1, 1, {I32}),
      row<Wide>("enum of 257", 2, 2, {I32}),
      row<Bits<3>>("flags of 3", 1, 1, {I32}),
      row<Bits<8>>("flags of 8", 1, 1, {I32}),
      row<Bits<9>>("flags of 9", 2, 2, {I32}),
      row<Bits<17>>("flags of 17", 4, 4, {I32}),
      row<Bits<32>>("flags of 32", 4, 4, {I32}),
      row<std::expected<float, std::int32_t>>("i32 joins f32", 8, 4, {I32, I32}),
      row<std::expected<float, float>>("f32 joins f32", 8, 4, {I32, F32}),
      row<std::expected<float, double>>("f32 joins f64", 16, 8, {I32, I64}),
      row<Nested>("nested", 48, 8, {I32, I32, I32, I32, I64, I32}),
      row<std::unique_ptr<Door>>("own", 4, 4, {I32}),
      row<Door*>("borrow", 4, 4, {I32}),
  };
  for (const LayoutRow& r : rows) {
    CAPTURE(r.type);
    CHECK(r.size == r.expected_size);
    CHECK(r.alignment == r.expected_alignment);
    CHECK(r.flat == r.expected_flat);
  }
}

TEST_CASE("the first 256 cases have a discriminant of one byte") {
  CHECK(discriminant_size(1) == 1);
  CHECK(discriminant_size(256) == 1);
  CHECK(discriminant_size(257) == 2);
  CHECK(discriminant_size(65536) == 2);
  CHECK(discriminant_size(65537) == 4);
}

// --- bytes ---------------------------------------------------------------------------------------

/// Stores a value at 0, lowers it flat, and lifts it from both.
template <class T>
struct Crossing {
  std::string bytes;
  std::string heap;
  std::vector<FakeHeap::Request> requests;
  std::vector<std::uint64_t> flat;

  explicit Crossing(const T& value) {
    HandleTable handles;
    {
      FakeHeap guest(256);
      LowerContext cx(guest, handles);
      T copy = value;
      REQUIRE(cx.accept(0, Abi<T>::kElemSize, Abi<T>::kAlignment));
      Abi<T>::store(cx, copy, 0);
      REQUIRE_FALSE(cx.failed());
      bytes = hex(guest.range(0, Abi<T>::kElemSize));
      heap = hex(guest.allocated());
      requests = guest.requests;
      LiftContext lift(guest.memory(), handles);
      CHECK(Abi<T>::load(lift, guest.memory().data()) == value);
      CHECK_FALSE(lift.failed());
    }
    FakeHeap guest(256);
    LowerContext cx(guest, handles);
    T copy = value;
    RawVal slots[Abi<T>::kFlat.size()];
    std::memset(slots, 0xaa, sizeof slots);
    Abi<T>::lower_flat(cx, copy, slots);
    REQUIRE_FALSE(cx.failed());
    for (const RawVal& slot : slots) {
      flat.push_back(slot.u64);
    }
    LiftContext lift(guest.memory(), handles);
    CHECK(Abi<T>::lift_flat(lift, slots) == value);
    CHECK_FALSE(lift.failed());
  }
};

template <class T>
Choice choice(Choice::Tag tag, T payload) {
  return {tag, std::move(payload)};
}

TEST_CASE("values are stored byte for byte as the executable specification stores them") {
  SUBCASE("record") {
    const Crossing<Mixed> c({0x11, 0x22334455, 0x6677, 0x8899aabbccddeeff, true});
    CHECK(c.bytes == "11000000554433227766000000000000ffeeddccbbaa99880100000000000000");
    CHECK(c.flat == std::vector<std::uint64_t>{17, 573785173, 26231, 9843086184167632639u, 1});
  }
  SUBCASE("scalars") {
    using T = std::tuple<std::int8_t, std::int16_t, std::int32_t, std::int64_t, char32_t, double>;
    const Crossing<T> c({-1, -2, -3, -4, U'€', -0.5});
    CHECK(c.bytes == "ff00fefffdfffffffcffffffffffffffac20000000000000000000000000e0bf");
    CHECK(c.flat[0] == 0xffffffff);
    CHECK(c.flat[1] == 0xfffffffe);
    CHECK(c.flat[2] == 0xfffffffd);
    CHECK(c.flat[3] == 0xfffffffffffffffc);
    CHECK(c.flat[4] == 0x20ac);
  }
  SUBCASE("strings in a list") {
    const Crossing<std::vector<std::string>> c({"a", "", "bcd"});
    CHECK(c.bytes == "4000000003000000");
    CHECK(c.heap == "58000000010000005900000000000000590000000300000061626364");
    CHECK(
        c.requests ==
        std::vector<FakeHeap::Request>{{4, 24, 64}, {1, 1, 88}, {1, 0, 89}, {1, 3, 89}}
    );
  }
  SUBCASE("list of u16") {
    const Crossing<std::vector<std::uint16_t>> c({1, 2, 0xffff});
    CHECK(c.heap == "01000200ffff");
    CHECK(c.requests == std::vector<FakeHeap::Request>{{2, 6, 64}});
  }
  SUBCASE("list of lists of bytes") {
    const Crossing<std::vector<Bytes>> c({{1, 2, 3}, {}, {4}});
    CHECK(c.heap == "58000000030000005b000000000000005b0000000100000001020304");
  }
  SUBCASE("list of bool") {
    const Crossing<std::vector<bool>> c({true, false, true});
    CHECK(c.heap == "010001");
  }
  SUBCASE("list of records") {
    const Crossing<std::vector<Mixed>> c({{1, 2, 3, 4, false}, {5, 6, 7, 8, true}});
    CHECK(
        c.heap ==
        "010000000200000003000000000000000400000000000000000000000000000005000000060000000700000000"
        "00"
        "000008000000000000000100000000000000"
    );
  }
  SUBCASE("enum and flags") {
    CHECK(Crossing<Wide>(static_cast<Wide>(256)).bytes == "0001");
    CHECK(Crossing<Colour>(Colour::Blue).bytes == "02");
    CHECK(Crossing<Bits<9>>({0b1'0000'0001}).bytes == "0101");
    CHECK(Crossing<Bits<17>>({0x10002}).bytes == "02000100");
    CHECK(Crossing<Bits<32>>({0x80000001}).bytes == "01000080");
  }
  SUBCASE("option and result") {
    using Option = std::optional<std::uint64_t>;
    CHECK(Crossing<Option>(std::nullopt).bytes == "00000000000000000000000000000000");
    CHECK(Crossing<Option>(5).bytes == "01000000000000000500000000000000");
    CHECK(Crossing<Option>(std::nullopt).flat == std::vector<std::uint64_t>{0, 0});
    using Result = std::expected<std::uint8_t, std::string>;
    const Crossing<Result> ok(Result(7));
    CHECK(ok.bytes == "000000000700000000000000");
    CHECK(ok.flat == std::vector<std::uint64_t>{0, 7, 0});
    const Crossing<Result> error(Result(std::unexpect, "no"));
    CHECK(error.bytes == "010000004000000002000000");
    CHECK(error.heap == "6e6f");
    using Bare = std::expected<void, Unit>;
    CHECK(Crossing<Bare>(Bare{}).bytes == "00");
    CHECK(Crossing<Bare>(Bare(std::unexpect)).bytes == "01");
  }
}

TEST_CASE("variants join their payloads") {
  struct Row {
    Choice value;
    const char* bytes;
    std::vector<std::uint64_t> flat;
  };
  using Tag = Choice::Tag;
  const Row rows[] = {
      {{}, "000000000000000000000000000000000000000000000000", {0, 0, 0}},
      {choice(Tag::Small, 1.5f),
       "01000000000000000000c03f000000000000000000000000",
       {1, 1069547520, 0}},
      {choice(Tag::Big, std::uint64_t{0x0102030405060708}),
       "020000000000000008070605040302010000000000000000",
       {2, 72623859790382856, 0}},
      {choice(Tag::Text, std::string("hé")),
       "030000000000000040000000030000000000000000000000",
       {3, 64, 3}},
      {choice(Tag::Pair, Choice::Two{2.5, 7}),
       "040000000000000000000000000004400700000000000000",
       {4, 4612811918334230528, 7}},
      {choice(Tag::Byte, std::uint8_t{9}),
       "050000000000000009000000000000000000000000000000",
       {5, 9, 0}},
  };
  for (const Row& r : rows) {
    const Crossing<Choice> c(r.value);
    CHECK(c.bytes == r.bytes);
    CHECK(c.flat == r.flat);
  }
  using Joined = std::expected<std::tuple<float, double>, std::tuple<std::uint32_t, std::uint64_t>>;
  CHECK(
      Crossing<Joined>(Joined({1.5f, 2.5})).flat ==
      std::vector<std::uint64_t>{0, 1069547520, 4612811918334230528}
  );
  CHECK(
      Crossing<Joined>(Joined(std::unexpect, 0xfffffffe, 3)).flat ==
      std::vector<std::uint64_t>{1, 4294967294, 3}
  );
}

TEST_CASE("a joined slot's high half is ignored where the case is narrower") {
  HandleTable handles;
  LiftContext cx({}, handles);
  RawVal slots[3];
  slots[0].u64 = 0xdeadbeef'00000001;
  slots[1].u64 = 0xdeadbeef'3fc00000;
  slots[2].u64 = 0xffffffff'ffffffff;
  CHECK(Abi<Choice>::lift_flat(cx, slots) == choice(Choice::Tag::Small, 1.5f));
  slots[0].u64 = 5;
  slots[1].u64 = 0xdeadbeef'deadbe09;
  CHECK(Abi<Choice>::lift_flat(cx, slots) == choice(Choice::Tag::Byte, std::uint8_t{9}));
  CHECK_FALSE(cx.failed());
}

TEST_CASE("narrow core values wrap, bools are any non-zero, unknown flags vanish") {
  HandleTable handles;
  LiftContext cx({}, handles);
  RawVal slot;
  slot.u64 = 0x1ff;
  CHECK(Abi<std::uint8_t>::lift_flat(cx, &slot) == 0xff);
  CHECK(Abi<std::int8_t>::lift_flat(cx, &slot) == -1);
  slot.u64 = 0x18000;
  CHECK(Abi<std::int16_t>::lift_flat(cx, &slot) == -0x8000);
  slot.u64 = 0x80000000;
  CHECK(Abi<bool>::lift_flat(cx, &slot));
  slot.u64 = 0xffffffff;
  CHECK(Abi<Bits<3>>::lift_flat(cx, &slot).bits == 7);
  CHECK(Abi<Bits<32>>::lift_flat(cx, &slot).bits == 0xffffffff);
  const std::uint8_t byte = 0xfe;
  CHECK(Abi<bool>::load(cx, &byte));
  CHECK(Abi<Bits<3>>::load(cx, &byte).bits == 6);
  CHECK_FALSE(cx.failed());
}

TEST_CASE("NaNs keep their bits") {
  FakeHeap guest(64);
  HandleTable handles;
  LowerContext lower(guest, handles);
  LiftContext lift({}, handles);
  RawVal slot;
  Abi<float>::lower_flat(lower, std::bit_cast<float>(0x7fa12345u), &slot);
  CHECK(slot.u64 == 0x7fa12345);
  CHECK(std::bit_cast<std::uint32_t>(Abi<float>::lift_flat(lift, &slot)) == 0x7fa12345);
}

// --- hostile arguments
// -----------------------------------------------------------------------------

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
  CHECK(text(65, 0) == "pointer out of bounds of memory");
  CHECK(text(1, 64) == "pointer out of bounds of memory");
  CHECK(text(0xffffffff, 1) == "pointer out of bounds of memory");
  CHECK(text(0xffffffff, 0) == "pointer out of bounds of memory");
  CHECK(text(0xfffffff0, 0x10) == "pointer out of bounds of memory");
  CHECK(text(0, 0x10000000) == "string is too long");
  CHECK(text(0, 0xffffffff) == "string is too long");

  const auto words = [&](std::uint64_t ptr, std::uint64_t count) {
    return refusal<std::vector<std::uint64_t>>({ptr, count}, *memory, handles);
  };
  CHECK(words(0, 8) == "");
  CHECK(words(8, 7) == "");
  CHECK(words(64, 0) == "");
  CHECK(words(4, 0) == "pointer not aligned");
  CHECK(words(8, 8) == "pointer out of bounds of memory");
  // 2^29 * 8 wraps to 0 in 32 bits.
  CHECK(words(0, 0x20000000) == "list is too long");
  CHECK(words(0, 0x2000000) == "list is too long");
  CHECK(words(0, 0x1ffffff) == "pointer out of bounds of memory");

  const auto bytes = [&](std::uint64_t ptr, std::uint64_t count) {
    return refusal<ByteView>({ptr, count}, *memory, handles);
  };
  CHECK(bytes(0, 64) == "");
  CHECK(bytes(0xffffffff, 0xffffffff) == "list is too long");
  CHECK(bytes(1, 0xfffffff) == "pointer out of bounds of memory");

  const std::string out_of_range = "discriminant of a variant or enum out of range";
  CHECK(refusal<Colour>({2}, *memory, handles) == "");
  CHECK(refusal<Colour>({3}, *memory, handles) == out_of_range);
  CHECK(refusal<Choice>({6, 0, 0}, *memory, handles) == out_of_range);
  CHECK(refusal<std::optional<bool>>({2, 0}, *memory, handles) == out_of_range);
  CHECK(refusal<std::expected<void, Unit>>({0xffffffff}, *memory, handles) == out_of_range);

  const std::string not_a_char = "char is not a Unicode scalar value";
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
  CHECK(refusal<Strings>({16, 1}, memory, handles) == "pointer out of bounds of memory");
  put(20, 2);
  CHECK(refusal<Strings>({16, 1}, memory, handles) == "");
  memory[30] = 0xc3;
  CHECK(refusal<Strings>({16, 1}, memory, handles) == "string is not valid UTF-8");
  memory[31] = 0xa9;
  CHECK(refusal<Strings>({16, 1}, memory, handles) == "");
  CHECK(refusal<std::vector<char32_t>>({28, 1}, memory, handles) != "");
  memory[0] = 3;
  CHECK(
      refusal<std::vector<Colour>>({0, 1}, memory, handles) ==
      "discriminant of a variant or enum out of range"
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

// --- hostile realloc
// -------------------------------------------------------------------------------

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
  CHECK(lower_refusal(Words{1, 2}, 120) == "pointer out of bounds of memory");
  CHECK(lower_refusal(Words{1, 2}, 0xfffffff8) == "pointer out of bounds of memory");
  CHECK(lower_refusal(Words{1, 2}, 68) == "pointer not aligned");
  CHECK(lower_refusal(Words{}, 129) == "pointer not aligned");
  CHECK(lower_refusal(std::string("abc"), 126) == "pointer out of bounds of memory");
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
  CHECK(refusal<Door*>({0}, {}, handles) == "unknown handle 0: expected a door");
  CHECK(refusal<Door*>({99}, {}, handles) == "unknown handle 99: expected a door");
  CHECK(refusal<Door*>({window}, {}, handles) == "handle 2 is a window, expected a door");
  CHECK(refusal<Own>({window}, {}, handles) == "handle 2 is a window, expected a door");
  CHECK(destroyed == 0);
  CHECK(refusal<Own>({door}, {}, handles) == "");
  CHECK(destroyed == 1);
  CHECK(refusal<Own>({door}, {}, handles) == "unknown handle 1: expected a door");
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
    CHECK(cx.take_trap().message == "handle 1 (door) is taken while it is lent out");
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

// --- descriptions and signatures
// -------------------------------------------------------------------

TEST_CASE("types describe themselves") {
  const TypeRef mixed = Abi<std::vector<Mixed>>::describe();
  REQUIRE(mixed->kind == TypeKind::List);
  REQUIRE(mixed->element->kind == TypeKind::Record);
  CHECK(mixed->element->members[3].name == "d");
  CHECK(mixed->element->members[3].type->kind == TypeKind::U64);
  const TypeRef variant = Abi<Choice>::describe();
  CHECK(variant->kind == TypeKind::Variant);
  CHECK(variant->members[0].type == nullptr);
  CHECK(variant->members[3].type->kind == TypeKind::String);
  const TypeRef result = Abi<std::expected<void, Unit>>::describe();
  CHECK(result->element == nullptr);
  CHECK(result->other == nullptr);
  const TypeRef door = Abi<Door*>::describe();
  CHECK(door->kind == TypeKind::Borrow);
  CHECK(door->resource->host == &Door::kTag);
  CHECK(door->resource == Abi<std::unique_ptr<Door>>::describe()->resource);
  CHECK(Abi<std::string>::describe() == Abi<std::string_view>::describe());
  CHECK(Abi<Bytes>::describe()->element->kind == TypeKind::U8);
}

TEST_CASE("more than sixteen flat parameters and more than one result spill") {
  using U = std::uint32_t;
  using Full = Signature<void, U, U, U, U, U, U, U, U, U, U, U, U, U, U, std::string_view>;
  CHECK(Full::lowered_type().params.size() == 16);
  using Spilled =
      Signature<std::string, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, std::string_view>;
  CHECK(Spilled::lowered_type() == engine::FuncType{{I32, I32}, {}});
  CHECK(Spilled::lifted_type() == engine::FuncType{{I32}, {I32}});
  CHECK(Spilled::Params::kElemSize == 68);
  using Single = Signature<double, Door*>;
  CHECK(Single::lowered_type() == engine::FuncType{{I32}, {F64}});
  using None = Signature<void>;
  CHECK(None::lowered_type() == engine::FuncType{});
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
  CHECK(lift(32) == "pointer out of bounds of memory");
  CHECK(lift(12) == "pointer not aligned");
  CHECK(lift(0xfffffff8) == "pointer out of bounds of memory");
}

// --- randomised
// ------------------------------------------------------------------------------------

using Everything = std::tuple<
    std::vector<std::tuple<std::string, Bytes>>,
    std::optional<std::expected<Choice, std::vector<std::int16_t>>>,
    std::vector<std::optional<Mixed>>,
    std::expected<std::vector<std::string>, Colour>,
    std::int64_t,
    Bits<17>>;

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  std::string text() {
    static constexpr const char* kParts[] = {"a", "zz", "é", "€", "😀", "", "0123456789abcdef"};
    std::string made;
    for (std::uint64_t n = below(5); n > 0; --n) {
      made += kParts[below(std::size(kParts))];
    }
    return made;
  }
  Bytes bytes() {
    Bytes made(below(40));
    for (auto& byte : made) {
      byte = static_cast<std::uint8_t>(random_());
    }
    return made;
  }
  Mixed mixed() {
    return {
        static_cast<std::uint8_t>(random_()),
        static_cast<std::uint32_t>(random_()),
        static_cast<std::uint16_t>(random_()),
        random_(),
        below(2) == 1
    };
  }
  Choice any_choice() {
    const auto tag = static_cast<Choice::Tag>(below(6));
    switch (tag) {
      case Choice::Tag::None:
        return {};
      case Choice::Tag::Small:
        return choice(tag, static_cast<float>(below(1000)));
      case Choice::Tag::Big:
        return choice(tag, std::uint64_t{random_()});
      case Choice::Tag::Text:
        return choice(tag, text());
      case Choice::Tag::Pair:
        return choice(tag, Choice::Two{static_cast<double>(below(1000)), 3});
      case Choice::Tag::Byte:
        return choice(tag, static_cast<std::uint8_t>(random_()));
    }
    return {};
  }
  Everything everything() {
    Everything made;
    for (std::uint64_t n = below(4); n > 0; --n) {
      std::get<0>(made).emplace_back(text(), bytes());
    }
    if (below(3) != 0) {
      if (below(2) == 0) {
        std::get<1>(made).emplace(any_choice());
      } else {
        std::get<1>(made).emplace(
            std::unexpect, std::vector<std::int16_t>(below(9), static_cast<std::int16_t>(random_()))
        );
      }
    }
    for (std::uint64_t n = below(4); n > 0; --n) {
      std::get<2>(made).push_back(below(2) == 0 ? std::nullopt : std::optional(mixed()));
    }
    if (below(2) == 0) {
      std::get<3>(made) = std::vector<std::string>(below(4), text());
    } else {
      std::get<3>(made) = std::unexpected(static_cast<Colour>(below(3)));
    }
    std::get<4>(made) = static_cast<std::int64_t>(random_());
    std::get<5>(made).bits = static_cast<std::uint32_t>(random_()) & 0x1ffff;
    return made;
  }

 private:
  std::mt19937_64 random_;
};

TEST_CASE("random values survive the crossing, in memory and flat") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  Generator generate(seed);
  for (int round = 0; round < 300; ++round) {
    const Everything value = generate.everything();
    FakeHeap guest(1 << 16, 1024);
    HandleTable handles;
    LowerContext lower(guest, handles);
    Everything copy = value;
    REQUIRE(lower.accept(0, Abi<Everything>::kElemSize, Abi<Everything>::kAlignment));
    Abi<Everything>::store(lower, copy, 0);
    RawVal slots[Abi<Everything>::kFlat.size()];
    copy = value;
    Abi<Everything>::lower_flat(lower, copy, slots);
    REQUIRE_FALSE(lower.failed());
    LiftContext lift(guest.memory(), handles);
    CHECK(Abi<Everything>::load(lift, guest.memory().data()) == value);
    CHECK(Abi<Everything>::lift_flat(lift, slots) == value);
    CHECK_FALSE(lift.failed());
  }
}

TEST_CASE("random bytes never read outside memory") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2000; ++round) {
    Bytes memory(256);
    for (std::size_t i = 0; i < memory.size(); i += 4) {
      // Small numbers, so that many pointers and lengths are nearly right.
      const auto value = static_cast<std::uint32_t>(random() % 4 == 0 ? random() : random() % 300);
      std::memcpy(memory.data() + i, &value, 4);
    }
    HandleTable handles;
    LiftContext cx(memory, handles);
    const Everything value = Abi<Everything>::load(cx, memory.data());
    if (!cx.failed()) {
      for (const auto& [text, bytes] : std::get<0>(value)) {
        CHECK(text.size() <= 256);
        CHECK(bytes.size() <= 256);
      }
    }
  }
}

}  // namespace
}  // namespace whorl::component
