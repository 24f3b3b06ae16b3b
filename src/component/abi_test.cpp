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

TEST_CASE("a guest's NaN becomes the canonical one") {
  FakeHeap guest(64);
  HandleTable handles;
  LowerContext lower(guest, handles);
  LiftContext lift({}, handles);
  RawVal slot;
  Abi<float>::lower_flat(lower, std::bit_cast<float>(0x7fa12345u), &slot);
  CHECK(slot.u64 == 0x7fa12345);
  CHECK(std::bit_cast<std::uint32_t>(Abi<float>::lift_flat(lift, &slot)) == 0x7fc00000);
  slot.u64 = 0xfff0000000000001;
  CHECK(std::bit_cast<std::uint64_t>(Abi<double>::lift_flat(lift, &slot)) == 0x7ff8000000000000);
  slot.u64 = 0xfff0000000000000;
  CHECK(std::bit_cast<std::uint64_t>(Abi<double>::lift_flat(lift, &slot)) == 0xfff0000000000000);
}

// --- descriptions and signatures -----------------------------------------------------------------

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

// --- randomised ----------------------------------------------------------------------------------

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
