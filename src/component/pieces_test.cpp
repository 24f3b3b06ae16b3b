// Long work in pieces: how often it is asked whether to go on, and that pieces make the same whole.
#include "component/pieces.hpp"

#include "component/abi_test_support.hpp"
#include "component/dynamic_call.hpp"
#include "component/interpret.hpp"
#include "component/test_builder.hpp"
#include "engine/test_support.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace whorl::component {
namespace {

using abi_test::FakeHeap;

constexpr std::size_t kPiece = kPieceBytes;

Bytes pattern(std::size_t size) {
  Bytes bytes(size);
  std::uint32_t state = 1;
  for (auto& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return bytes;
}

TEST_CASE("bytes that are moved in pieces are where they should be, whichever way both overlap") {
  constexpr std::size_t kSize = 3 * kPiece + 17;
  struct Case {
    std::size_t to;
    std::size_t from;
  };
  for (const auto [to, from] : std::vector<Case>{
           {0, 1}, {1, 0}, {100, kPiece}, {kPiece, 100}, {0, 4 * kPiece}, {4 * kPiece, 0}, {33, 33}
       }) {
    CAPTURE(to);
    CAPTURE(from);
    Bytes bytes = pattern(8 * kPiece);
    Bytes wanted = bytes;
    std::memmove(wanted.data() + to, wanted.data() + from, kSize);
    int asked = 0;
    const MutableByteView all = bytes;
    CHECK(move_in_pieces(all.subspan(to, kSize), all.subspan(from, kSize), [&] {
      return ++asked > 0;
    }));
    CHECK(asked == 3);
    CHECK(bytes == wanted);
  }
}

TEST_CASE("what is no more than a piece is moved without a question, and none means the end") {
  const Bytes from = pattern(2 * kPiece);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kPiece}) {
    Bytes to(size);
    CHECK(move_in_pieces(to, ByteView(from).first(size), [] { return false; }));
    CHECK(std::equal(to.begin(), to.end(), from.begin()));
  }
  Bytes to(from.size());
  CHECK_FALSE(move_in_pieces(to, from, [] { return false; }));
  CHECK(std::equal(to.begin(), to.begin() + kPiece, from.begin()));
  CHECK(std::count(to.begin() + kPiece, to.end(), 0) == static_cast<std::ptrdiff_t>(kPiece));
}

/// Characters of all sizes, so that pieces end within some.
std::string long_text(std::size_t shift) {
  std::string text(shift, 'x');
  while (text.size() < 4 * kPiece) {
    text += "aé€😀";
  }
  return text;
}

TEST_CASE("text that is checked and transcoded in pieces is what it is as a whole") {
  const auto go_on = [] { return true; };
  for (std::size_t shift = 0; shift < 10; ++shift) {
    CAPTURE(shift);
    const std::string text = long_text(shift);
    CHECK(check_in_pieces(as_bytes(text), TextForm::Utf8, go_on) == nullptr);
    Bytes whole(2 * text.size());
    whole.resize(utf8_to_utf16(as_bytes(text), whole).written);
    Bytes pieces(2 * text.size());
    const auto wide = transcode_in_pieces(as_bytes(text), pieces, utf8_to_utf16, go_on);
    CHECK(wide.read == text.size());
    pieces.resize(wide.written);
    CHECK(pieces == whole);
    CHECK(check_in_pieces(whole, TextForm::Utf16, go_on) == nullptr);
    std::string back(text.size(), '\0');
    const MutableByteView to(reinterpret_cast<std::uint8_t*>(back.data()), back.size());
    CHECK(transcode_in_pieces(whole, to, utf16_to_utf8, go_on).written == text.size());
    CHECK(back == text);
  }
}

TEST_CASE("what is wrong with a text is said as of the whole, wherever a piece ends") {
  const auto go_on = [] { return true; };
  for (const std::string_view wrong :
       {"\x80", "\xff", "\xe2\x82", "\xf0\x9f\x98", "\xed\xa0\x80"}) {
    for (std::size_t at = kPiece - 6; at < kPiece + 6; ++at) {
      for (const std::string_view after : {"", "y", "\xc3\xa9", "\x80\x80\x80\x80"}) {
        std::string text(at, 'x');
        text += wrong;
        text += after;
        CAPTURE(at);
        const char* whole = check_text(as_bytes(text), TextForm::Utf8);
        const char* pieces = check_in_pieces(as_bytes(text), TextForm::Utf8, go_on);
        REQUIRE((whole == nullptr) == (pieces == nullptr));
        CHECK((whole == nullptr || std::string_view(whole) == pieces));
      }
    }
  }
  // Halves of pairs, at the end of a piece.
  for (const std::size_t at : {kPiece - 4, kPiece - 2, kPiece}) {
    for (const std::uint8_t half : {std::uint8_t{0xd8}, std::uint8_t{0xdc}}) {
      Bytes text(2 * kPiece);
      text[at + 1] = half;
      CHECK(
          std::string_view(check_in_pieces(text, TextForm::Utf16, go_on)) ==
          "invalid utf-16: unpaired surrogate"
      );
    }
    Bytes pair(2 * kPiece);
    pair[at + 1] = 0xd8;
    pair[at + 3] = 0xdc;
    CHECK(check_in_pieces(pair, TextForm::Utf16, go_on) == nullptr);
  }
}

TEST_CASE("lowering asks between pieces, and ends with the guest") {
  constexpr std::size_t kSize = 5 * kPiece;
  constexpr std::uint32_t kPtr = 64;
  const std::string text(kSize, 'x');
  HandleTable handles;
  SUBCASE("a string") {
    FakeHeap heap(2 * kSize);
    LowerContext cx(heap, handles);
    CHECK(cx.store_string_into_range(text).length == kSize);
    CHECK_FALSE(cx.failed());
    CHECK(heap.looks == 4 + 4);  // it is checked, and copied
    CHECK(heap.range(kPtr, kSize).back() == 'x');
  }
  SUBCASE("a list") {
    FakeHeap heap(2 * kSize);
    LowerContext cx(heap, handles);
    CHECK(cx.store_bytes_into_range(as_bytes(text)).length == kSize);
    CHECK(heap.looks == 4);
  }
  SUBCASE("a list that is not finished") {
    FakeHeap heap(2 * kSize);
    heap.ended_at = 2;
    LowerContext cx(heap, handles);
    (void)cx.store_bytes_into_range(as_bytes(text));
    REQUIRE(cx.failed());
    CHECK(cx.take_trap().message == "the guest is being ended");
    CHECK(heap.looks == 2);
    CHECK(heap.range(kPtr + 2 * kPiece - 1, 2)[0] == 'x');
    CHECK(heap.range(kPtr + 2 * kPiece - 1, 2)[1] == 0);
  }
  SUBCASE("a string in each encoding") {
    for (const auto encoding : {StringEncoding::Utf16, StringEncoding::Latin1OrUtf16}) {
      FakeHeap heap(3 * kSize);
      LowerContext cx(heap, handles, encoding);
      CHECK(cx.store_string_into_range(TextSource{as_bytes(text), TextForm::Utf8}).length == kSize);
      CHECK(heap.looks == 4);
      FakeHeap ended(3 * kSize);
      ended.ended_at = 3;
      LowerContext other(ended, handles, encoding);
      (void)other.store_string_into_range(TextSource{as_bytes(text), TextForm::Utf8});
      REQUIRE(other.failed());
      CHECK(other.take_trap().message == "the guest is being ended");
      CHECK(ended.looks == 3);
    }
  }
  SUBCASE("many values") {
    FakeHeap heap(2 * kSize);
    LowerContext cx(heap, handles);
    FuncShape shape;
    shape.params.push_back(
        {"p", list_type(compound_type(TypeKind::Tuple, {}, {Abi<std::uint8_t>::describe()}))}
    );
    const auto layout = make_layout(shape);
    REQUIRE(layout);
    Value::Fields items;
    for (std::size_t i = 0; i < 3 * kPieceItems; ++i) {
      Value::Fields item;
      item.push_back(Value::unsigned_int(i & 0xff));
      items.push_back(Value::record(std::move(item)));
    }
    std::vector<Value> args;
    args.push_back(Value::list(std::move(items)));
    engine::RawVal slots[kMaxFlatParams] = {};
    lower_params(cx, **layout, args, slots);
    CHECK_FALSE(cx.failed());
    CHECK(heap.looks == 2);
    CHECK(heap.range(kPtr + 300, 1)[0] == 300 % 256);
    CHECK(args[0].as_fields()->at(0).as_fields() == nullptr);  // given back as it was stored
  }
}

// --- between two components
// ----------------------------------------------------------------------

using testing::ComponentBuilder;
using testing::CoreBuilder;
using testing::func_of;
using testing::func_type;
using testing::ItemSort;
using testing::kCoreI32;
using testing::kU32;
using testing::Wasm;

constexpr std::uint32_t kListBytes = 64 << 20;
constexpr std::uint32_t kPages = kListBytes / 65536 + 2;
constexpr std::size_t kReceived = 1024;  ///< where the receiver's allocator begins

/// A component that passes 64 MiB to another: the first byte is 7, the last is 5. The result is
/// 507.
Bytes passing_much() {
  const Wasm list{0x70, testing::kU8};
  const Wasm type = func_of({{0}}, {kU32});
  ComponentBuilder inner;
  inner.type(list);
  CoreBuilder receiver;
  receiver.pages = kPages;
  // first + 100 * last
  receiver.funcs = {
      {"take",
       func_type({kCoreI32, kCoreI32}, {kCoreI32}),
       Wasm{0x20, 0,    0x2d, 0, 0, 0x20, 0,    0x20, 1,    0x6a, 0x41,
            1,    0x6b, 0x2d, 0, 0, 0x41, 0xe4, 0,    0x6c, 0x6a}}
  };
  const std::uint32_t there = inner.core_instance(inner.module(receiver.bytes()));
  const Wasm options =
      testing::memory_options(inner.core_memory(there, "m"), inner.core_func(there, "r"));
  const std::uint32_t take = inner.core_func(there, "take");
  inner.export_item("take", ItemSort::Func, inner.lift(take, options, inner.type(type)));

  ComponentBuilder from;
  const Wasm wanted = Wasm{0x42}.add(
      testing::vec({Wasm{1}.add(list), Wasm{1}.add(type), testing::export_func("take", 1)})
  );
  const std::uint32_t callee = from.import_instance("c", from.type(wanted));
  CoreBuilder libc;
  libc.pages = kPages;
  const std::uint32_t memories = from.core_instance(from.module(libc.bytes()));
  const std::uint32_t memory = from.core_memory(memories, "m");
  const std::uint32_t lowered = from.lower(
      from.alias_func(callee, "take"),
      testing::memory_options(memory, from.core_func(memories, "r"))
  );
  CoreBuilder main;
  main.own_memory = false;
  main.funcs = {
      {"take", func_type({kCoreI32, kCoreI32}, {kCoreI32}), {}, true},
      {"run",
       func_type({}, {kCoreI32}),
       Wasm{0x41, 0x80, 0x80, 4, 0x41, 7,    0x3a, 0, 0,    0x41, 0xff, 0xff, 0x83, 0x20, 0x41,
            5,    0x3a, 0,    0, 0x41, 0x80, 0x80, 4, 0x41, 0x80, 0x80, 0x80, 0x20, 0x10, 0}},
  };
  const std::uint32_t bag = from.core_bag({{"m", 2, memory}, {"take", 0, lowered}});
  const std::uint32_t instance = from.core_instance(from.module(main.bytes()), {{"", bag}});
  const std::uint32_t run = from.core_func(instance, "run");
  from.export_item("run", ItemSort::Func, from.lift(run, {0}, from.type(func_of({}, {kU32}))));

  ComponentBuilder out;
  const std::uint32_t first = out.instance(out.component(inner.bytes()));
  const std::uint32_t second =
      out.instance(out.component(from.bytes()), {{"c", ItemSort::Instance, first}});
  out.export_item("run", ItemSort::Func, out.alias_func(second, "run"));
  return out.bytes();
}

/// What came of it, and at how many turns of others the list was there in part.
struct Passed {
  std::string result;
  int turns_between = 0;
  bool was_begun = false;
  bool was_finished = false;
};
Passed pass_much(const engine::Budget& budget) {
  testing::Log log;
  void* hosts[] = {&log};
  auto component = Component::load(
      engine::test::engine(), nullptr, testing::test_registry(), passing_much(), "test"
  );
  REQUIRE_MESSAGE(component, (component ? "" : component.error().to_line()));
  ComponentInstance instance(*component, hosts);
  const auto store = engine::test::make_store(budget, &instance);
  REQUIRE(instance.instantiate(*store));
  Passed out;
  const auto look = [&] {
    for (std::uint16_t slot = 0; slot < 2; ++slot) {
      const ByteView memory = store->bytes_of(*instance.memory(slot));
      out.was_begun = out.was_begun || memory[kReceived] == 7;
      out.was_finished = out.was_finished || memory[kReceived + kListBytes - 1] == 5;
    }
  };
  auto entry = [&](engine::Fiber&) -> std::expected<void, engine::Trap> {
    auto called = call_export(instance, *store, *(*component)->find_export("", "", "run"), {});
    out.result =
        called ? to_text(**called, *primitive_type(TypeKind::U32)) : called.error().message;
    return {};
  };
  engine::test::QueueScheduler scheduler;
  engine::Fiber fiber(*store, scheduler, engine::test::entry_of(entry), &entry);
  while (fiber.resume() == engine::Fiber::State::Yielded) {
    look();
    out.turns_between += out.was_begun && !out.was_finished ? 1 : 0;
  }
  look();
  return out;
}

TEST_CASE("a long list on its way to another component lets others have their turn") {
  const Passed passed = pass_much({});
  CHECK(passed.result == "507");
  CHECK(passed.turns_between > 0);
  CHECK(passed.was_finished);
}

TEST_CASE("a long list on its way to another component ends with its guest's budget") {
  engine::Budget budget;
  budget.cpu = std::chrono::milliseconds(1);
  const Passed passed = pass_much(budget);
  CHECK(passed.result == "used its CPU budget of 1 ms");
  CHECK(passed.was_begun);
  CHECK_FALSE(passed.was_finished);
}

}  // namespace
}  // namespace whorl::component
