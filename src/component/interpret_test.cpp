// The interpreter where C++ types do not reach: maps, fixed-length lists, guests' resources, values
// that do not fit, layouts; and Values themselves.
#include "component/interpret.hpp"

#include "component/abi_test_support.hpp"
#include "component/signature.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstring>
#include <string>

namespace whorl::component {
namespace {

using namespace abi_test;
using engine::RawVal;
using enum TypeKind;

TypeRef type_of(Type type) {
  return std::make_shared<const Type>(std::move(type));
}
TypeRef prim(TypeKind kind) {
  return primitive_type(kind);
}
TypeRef fixed(TypeRef element, std::uint32_t length) {
  return type_of(
      {.kind = FixedList,
       .members = {},
       .element = std::move(element),
       .other = {},
       .length = length,
       .resource = {}}
  );
}
TypeRef map(TypeRef key, TypeRef value) {
  return type_of(
      {.kind = Map,
       .members = {},
       .element = std::move(key),
       .other = std::move(value),
       .length = 0,
       .resource = {}}
  );
}
TypeRef tuple(std::vector<TypeRef> parts) {
  return compound_type(Tuple, {}, std::move(parts));
}
TypeRef flags(std::size_t count) {
  Type type{.kind = Flags, .members = {}, .element = {}, .other = {}, .length = 0, .resource = {}};
  for (std::size_t i = 0; i < count; ++i) {
    type.members.push_back({fmt::format("f{}", i), nullptr});
  }
  return type_of(std::move(type));
}
TypeRef enumeration(std::size_t count) {
  Type type{.kind = Enum, .members = {}, .element = {}, .other = {}, .length = 0, .resource = {}};
  type.members.resize(count);
  return type_of(std::move(type));
}

std::shared_ptr<const FuncLayout> laid_out(std::vector<TypeRef> params, TypeRef result = nullptr) {
  FuncShape shape;
  for (TypeRef& param : params) {
    shape.params.push_back({"p", std::move(param)});
  }
  shape.result = std::move(result);
  auto made = make_layout(shape);
  REQUIRE(made);
  return *made;
}

Value::Fields fields(auto... values) {
  Value::Fields out;
  (out.push_back(std::move(values)), ...);
  return out;
}
Value u(std::uint64_t value) {
  return Value::unsigned_int(value);
}

/// One type, one guest.
struct Bench {
  explicit Bench(TypeRef of, StringEncoding string_encoding = StringEncoding::Utf8)
      : wit(std::move(of)), layout(laid_out({wit})), encoding(string_encoding) {}

  [[nodiscard]] const TypeLayout& type() const { return *layout->params->parts[0].type; }
  /// Why it failed, or nothing.
  std::string stored(Value value, std::uint32_t at = 0) {
    LowerContext cx(heap, handles, encoding, component_index, &scope);
    REQUIRE(cx.accept(at, type().size, type().alignment));
    store(cx, value, type(), at);
    return cx.failed() ? cx.take_trap().message : "";
  }
  std::string flattened(Value value) {
    LowerContext cx(heap, handles, encoding, component_index, &scope);
    slots.resize(type().flat_count);
    lower_flat(cx, value, type(), slots.data());
    return cx.failed() ? cx.take_trap().message : "";
  }
  /// The value's text, or why it failed.
  std::string loaded(std::uint32_t at = 0) {
    LiftContext cx(heap.memory(), handles, Lending::Lookup, encoding);
    const Value value = load(cx, heap.memory().data() + at, type());
    return cx.failed() ? cx.take_trap().message : to_text(value, *wit);
  }
  std::string lifted() {
    LiftContext cx(heap.memory(), handles, Lending::Lookup, encoding);
    const Value value = lift_flat(cx, slots.data(), type());
    return cx.failed() ? cx.take_trap().message : to_text(value, *wit);
  }
  std::string bytes(std::uint32_t ptr, std::uint32_t size) {
    std::string out;
    for (const std::uint8_t byte : heap.range(ptr, size)) {
      out += fmt::format("{:02x}", byte);
    }
    return out;
  }

  TypeRef wit;
  std::shared_ptr<const FuncLayout> layout;
  StringEncoding encoding;
  FakeHeap heap{512};
  HandleTable handles;
  BorrowScope scope;
  std::uint16_t component_index = 3;
  std::vector<RawVal> slots;
};

// --- layouts -------------------------------------------------------------------------------------

TEST_CASE("sizes, alignments and core values of types") {
  struct Row {
    TypeRef type;
    std::uint32_t size;
    std::uint32_t alignment;
    const char* flat;
  };
  const Row rows[] = {
      {prim(Bool), 1, 1, "(i32)"},
      {prim(S64), 8, 8, "(i64)"},
      {prim(Char), 4, 4, "(i32)"},
      {prim(String), 8, 4, "(i32, i32)"},
      {enumeration(1), 1, 1, "(i32)"},
      {enumeration(256), 1, 1, "(i32)"},
      {enumeration(257), 2, 2, "(i32)"},
      {enumeration(65537), 4, 4, "(i32)"},
      {flags(1), 1, 1, "(i32)"},
      {flags(8), 1, 1, "(i32)"},
      {flags(9), 2, 2, "(i32)"},
      {flags(17), 4, 4, "(i32)"},
      {flags(32), 4, 4, "(i32)"},
      {tuple({prim(U8), prim(U64), prim(U16)}), 24, 8, "(i32, i64, i32)"},
      {fixed(prim(U16), 3), 6, 2, "(i32, i32, i32)"},
      {fixed(tuple({prim(F32), prim(U8)}), 2), 16, 4, "(f32, i32, f32, i32)"},
      {map(prim(U8), prim(U64)), 8, 4, "(i32, i32)"},
      {option_type(prim(F64)), 16, 8, "(i32, f64)"},
      {result_type(prim(F32), prim(U32)), 8, 4, "(i32, i32)"},
      {result_type(prim(F32), prim(F64)), 16, 8, "(i32, i64)"},
      {result_type(tuple({prim(F32), prim(F32)}), prim(U8)), 12, 4, "(i32, i32, f32)"},
      {result_type(nullptr, nullptr), 1, 1, "(i32)"},
  };
  for (const Row& row : rows) {
    CAPTURE(to_wit(row.type));
    const auto layout = laid_out({row.type});
    const TypeLayout& type = *layout->params->parts[0].type;
    CHECK(type.size == row.size);
    CHECK(type.alignment == row.alignment);
    engine::FuncType core;
    core.params.assign(type.flat.begin(), type.flat.begin() + type.flat_count);
    CHECK(engine::to_string(core).starts_with(row.flat));
  }
}

TEST_CASE("more than sixteen core values go through memory") {
  const auto many = laid_out({fixed(prim(U8), 17)}, fixed(prim(U8), 2));
  CHECK(many->params->flat_count == 17);
  CHECK(many->flat_params() == 1);
  CHECK(many->result_spills());
  const auto few = laid_out({fixed(prim(U8), 16)}, prim(U64));
  CHECK(few->flat_params() == 16);
  CHECK(few->flat_params(kMaxFlatAsyncParams) == 1);
  CHECK_FALSE(few->result_spills());
  CHECK(few->result_spills(0));
  CHECK_FALSE(laid_out({})->result_spills(0));
}

TEST_CASE("types that no memory can hold are refused; streams are handles") {
  const auto refusal = [](TypeRef type) {
    FuncShape shape;
    shape.params = {{"p", std::move(type)}};
    auto made = make_layout(shape);
    return made ? std::string() : made.error().to_line();
  };
  const std::string large = "a type's values would take more than 268435455 bytes";
  CHECK(refusal(fixed(prim(U8), 268435455)) == "");
  CHECK(refusal(fixed(prim(U8), 268435456)) == large);
  CHECK(refusal(fixed(fixed(prim(U64), 1 << 20), 1 << 20)) == large);
  // Shared parts double at each level; the size does too.
  TypeRef doubled = prim(U64);
  for (int i = 0; i < 70; ++i) {
    doubled = tuple({doubled, doubled});
  }
  CHECK(refusal(doubled) == large);
  for (const TypeKind kind : {Stream, Future, ErrorContext}) {
    Type type{
        .kind = kind, .members = {}, .element = prim(U8), .other = {}, .length = 0, .resource = {}
    };
    CHECK(refusal(list_type(type_of(std::move(type)))) == "");
  }
  CHECK(refusal(flags(33)) == "flags have at most 32 labels");
}

// --- maps and fixed-length lists -----------------------------------------------------------------

TEST_CASE("a map is a list of pairs") {
  Bench guest(map(prim(String), prim(U16)));
  Value value = Value::list(fields(
      Value::record(fields(Value::string("a"), u(1))),
      Value::record(fields(Value::string("bc"), u(0x203)))
  ));
  CHECK(guest.stored(std::move(value)) == "");
  CHECK(guest.bytes(0, 8) == "4000000002000000");
  CHECK(
      guest.bytes(64, 24) ==
      "580000000100000001000000"
      "590000000200000003020000"
  );
  CHECK(guest.bytes(88, 3) == "616263");
  CHECK(guest.loaded() == "{\"a\": 1, \"bc\": 515}");
}

TEST_CASE("fixed-length lists lie in place") {
  Bench guest(fixed(prim(S16), 3));
  CHECK(guest.stored(Value::list(fields(Value::signed_int(-1), u(2), u(3)))) == "");
  CHECK(guest.bytes(0, 6) == "ffff02000300");
  CHECK(guest.loaded() == "[-1, 2, 3]");
  CHECK(guest.heap.requests.empty());
  const std::uint8_t raw[] = {9, 0, 0xfe, 0xff, 1, 0};
  CHECK(guest.stored(Value::scalars(raw, 2)) == "");
  CHECK(guest.loaded() == "[9, -2, 1]");
  CHECK(guest.flattened(Value::scalars(raw, 2)) == "");
  CHECK(guest.slots[1].u64 == 0xfffffffe);
  CHECK(guest.lifted() == "[9, -2, 1]");
  CHECK(guest.stored(Value::list(fields(u(1), u(2)))) == "the host's value does not fit its type");
  CHECK(guest.flattened(Value::scalars(raw, 1)) == "the host's value does not fit its type");
  Bench strings(fixed(prim(String), 2));
  CHECK(strings.flattened(Value::list(fields(Value::string("x"), Value::string("yz")))) == "");
  CHECK(strings.slots[3].u64 == 2);
  CHECK(strings.lifted() == "[\"x\", \"yz\"]");
}

// --- scalars -------------------------------------------------------------------------------------

TEST_CASE("core values are wrapped, extended and checked as the type asks") {
  struct Row {
    TypeRef type;
    std::uint64_t slot;
    const char* text;
  };
  const std::string invalid_char = "invalid `char` bit pattern: not a Unicode scalar value";
  const Row rows[] = {
      {prim(Bool), 0, "false"},
      {prim(Bool), 0x100, "true"},
      {prim(Bool), 0xffffffff00000000, "false"},  // the upper half of an i32 is nobody's
      {prim(U8), 0x1ff, "255"},
      {prim(S8), 0x180, "-128"},
      {prim(S8), 0x7f, "127"},
      {prim(U16), 0x1fffe, "65534"},
      {prim(S16), 0x8000, "-32768"},
      {prim(U32), 0xffffffff, "4294967295"},
      {prim(S32), 0xdeadbeefffffffff, "-1"},
      {prim(U64), ~std::uint64_t{0}, "18446744073709551615"},
      {prim(S64), ~std::uint64_t{0}, "-1"},
      {prim(F32), 0x3fc00000, "1.5"},
      {prim(F32), 0xffc12345, "nan"},
      {prim(F64), 0xc000000000000000, "-2"},
      {prim(Char), 0x2603, "'☃'"},
      {prim(Char), 0x1f370, "'🍰'"},
      {prim(Char), 0xdfff, invalid_char.c_str()},
      {prim(Char), 0x110000, invalid_char.c_str()},
      {flags(3), 0xfd, "{f0, f2}"},
      {enumeration(2), 2, "invalid variant discriminant: out of range"},
      {enumeration(2), 0x100000000, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(to_wit(row.type));
    CAPTURE(row.slot);
    Bench guest(row.type);
    guest.slots.resize(1);
    guest.slots[0].u64 = row.slot;
    CHECK(guest.lifted() == row.text);
  }
}

TEST_CASE("lists of scalars that a guest wrote carelessly are put in order") {
  Bench bools(list_type(prim(Bool)));
  const std::uint8_t careless[] = {64, 0, 0, 0, 3, 0, 0, 0};
  std::memcpy(bools.heap.memory().data(), careless, 8);
  std::memcpy(bools.heap.memory().data() + 64, "\x02\x00\xff", 3);
  CHECK(bools.loaded() == "[true, false, true]");
  LiftContext cx(bools.heap.memory(), bools.handles);
  cx.allow_views(bools.heap);
  const Value value = load(cx, bools.heap.memory().data(), bools.type());
  REQUIRE(value.as_scalars() != nullptr);
  CHECK_FALSE(value.as_scalars()->bytes.is_view());  // a view would pass the 0xff on
  CHECK(value.as_scalars()->bytes.bytes()[2] == 1);
  Bench chars(list_type(prim(Char)));
  std::memcpy(chars.heap.memory().data(), careless, 8);
  std::memcpy(chars.heap.memory().data() + 64, "a\0\0\0\0\xd8\0\0b\0\0\0", 12);
  CHECK(chars.loaded() == "invalid `char` bit pattern: not a Unicode scalar value");
  chars.heap.memory()[69] = 0;
  CHECK(chars.loaded() == "['a', '\\u{0}', 'b']");
}

TEST_CASE("large lists are one view and one copy") {
  Bench guest(list_type(prim(U32)));
  CHECK(guest.stored(Value::scalars(Bytes(40, 7), 4)) == "");
  LiftContext cx(guest.heap.memory(), guest.handles);
  cx.allow_views(guest.heap);
  Value value = load(cx, guest.heap.memory().data(), guest.type());
  REQUIRE(value.as_scalars() != nullptr);
  CHECK(value.as_scalars()->bytes.is_view());
  CHECK(value.length() == 10);
  Bench other(list_type(prim(U32)));
  CHECK(other.stored(std::move(value)) == "");
  CHECK(other.heap.requests == std::vector<FakeHeap::Request>{{4, 40, 64}});
  CHECK(other.bytes(64, 40) == guest.bytes(64, 40));
}

// --- values that do not fit ----------------------------------------------------------------------

TEST_CASE("a host's value must fit its type") {
  struct Row {
    TypeRef type;
    Value value;
  };
  Row rows[] = {
      {prim(U8), u(256)},
      {prim(S8), Value::signed_int(128)},
      {prim(S32), Value::signed_int(std::int64_t{1} << 31)},
      {prim(Bool), u(2)},
      {prim(Char), u(0xd800)},
      {prim(U8), Value::string("1")},
      {prim(String), u(1)},
      {flags(3), Value::flags(8)},
      {enumeration(3), Value::enumeration(3)},
      {tuple({prim(U8)}), Value::record(fields())},
      {tuple({prim(U8)}), Value::record(fields(u(1), u(2)))},
      {tuple({prim(U8)}), u(1)},
      {list_type(prim(U16)), Value::bytes(Bytes(4))},
      {list_type(prim(String)), Value::bytes(Bytes(4))},
      {list_type(prim(Bool)), Value::bytes(Bytes{2})},
      {list_type(prim(Char)), Value::scalars(Bytes{0, 0xd8, 0, 0}, 4)},
      {list_type(prim(U8)), u(1)},
      {option_type(prim(U8)), Value::variant(2)},
      {option_type(prim(U8)), Value::variant(1)},
      {option_type(prim(U8)), Value::variant(0, u(1))},
      {option_type(prim(U8)), u(1)},
      {map(prim(U8), prim(U8)), Value::list(fields(Value::record(fields(u(1)))))},
  };
  for (Row& row : rows) {
    CAPTURE(to_wit(row.type));
    Bench guest(row.type);
    CHECK(guest.stored(std::move(row.value)) == "the host's value does not fit its type");
  }
  Bench text(prim(String));
  CHECK(text.stored(Value::string("\xff")) == "a string of the host is not valid text");
  FakeHeap heap(64);
  HandleTable handles;
  LowerContext cx(heap, handles);
  RawVal slot{};
  lower_params(cx, *laid_out({prim(U8)}), {}, &slot);
  CHECK(cx.take_trap().message == "the host's value does not fit its type");
  LowerContext result_cx(heap, handles);
  std::optional<Value> nothing;
  lower_result(result_cx, *laid_out({}, prim(U8)), nothing, &slot, 0);
  CHECK(result_cx.take_trap().message == "the host's value does not fit its type");
}

// --- functions -----------------------------------------------------------------------------------

TEST_CASE("parameters and results that spill go where the pointer says") {
  const auto layout = laid_out(std::vector<TypeRef>(17, prim(U8)), tuple({prim(U8), prim(U64)}));
  FakeHeap heap(256);
  HandleTable handles;
  Value::Fields args;
  for (std::uint32_t i = 0; i < 17; ++i) {
    args.push_back(u(i));
  }
  RawVal slots[2] = {};
  LowerContext lower(heap, handles);
  lower_params(lower, *layout, args, slots);
  REQUIRE_FALSE(lower.failed());
  CHECK(heap.requests == std::vector<FakeHeap::Request>{{1, 17, 64}});
  CHECK(slots[0].u64 == 64);
  LiftContext lift(heap.memory(), handles);
  const auto back = lift_params(lift, *layout, slots);
  REQUIRE(back.size() == 17);
  CHECK(back[16].bits() == 16);

  const auto result = [&](std::uint32_t out_param) -> std::string {
    LowerContext cx(heap, handles);
    std::optional<Value> pair = Value::record(fields(u(1), u(2)));
    lower_result(cx, *layout, pair, slots, out_param);
    if (cx.failed()) {
      return cx.take_trap().message;
    }
    slots[0].u64 = out_param;
    LiftContext lift_cx(heap.memory(), handles);
    const auto lifted = lift_result(lift_cx, *layout, slots);
    return lift_cx.failed() ? lift_cx.take_trap().message
                            : to_text(*lifted, *tuple({prim(U8), prim(U64)}));
  };
  CHECK(result(240) == "(1, 2)");
  CHECK(result(4) == "unaligned pointer 0x4: a multiple of 8 is due");
  CHECK(result(248) == "pointer out of bounds of memory, 16 bytes at 0xf8 of 256");
  slots[0].u64 = 250;
  LiftContext far(heap.memory(), handles);
  CHECK(lift_params(far, *layout, slots).empty());
  CHECK(far.take_trap().message == "pointer out of bounds of memory, 17 bytes at 0xfa of 256");
}

TEST_CASE("host memory for a guest's values is bounded") {
  Bytes memory(8 + (1 << 22));
  const std::uint32_t header[] = {8, 1 << 22};
  std::memcpy(memory.data(), header, 8);
  HandleTable handles;
  const auto layout = laid_out({list_type(tuple({prim(U8)}))});
  LiftContext cx(memory, handles);
  (void)load(cx, memory.data(), *layout->params->parts[0].type);
  REQUIRE(cx.failed());
  CHECK(cx.take_trap().message == "the arguments of one call are too large");
}

// --- Values --------------------------------------------------------------------------------------

TEST_CASE("values are written as people write them, and cut") {
  const TypeRef text = prim(String);
  CHECK(to_text(Value::string("a\"\\\n\x01☃"), *text) == "\"a\\\"\\\\\\n\\u{1}☃\"");
  CHECK(
      to_text(Value::some(Value::error()), *option_type(result_type(nullptr, nullptr))) ==
      "some(err)"
  );
  CHECK(to_text(Value::ok(u(3)), *result_type(prim(U8), nullptr)) == "ok(3)");
  CHECK(to_text(Value::f32(0.5F), *prim(F32)) == "0.5");
  const std::string cut = to_text(Value::bytes(Bytes(10'000)), *list_type(prim(U8)));
  CHECK(cut.size() < 4100);
  CHECK(cut.ends_with("…"));
}

TEST_CASE("values are compared by type, not by how they are held") {
  const TypeRef bytes = list_type(prim(U8));
  CHECK(equal(Value::bytes(Bytes{1, 2}), Value::list(fields(u(1), u(2))), *bytes));
  CHECK_FALSE(equal(Value::bytes(Bytes{1, 2}), Value::list(fields(u(1), u(3))), *bytes));
  CHECK_FALSE(equal(Value::bytes(Bytes{1, 2}), Value::bytes(Bytes{1}), *bytes));
  const Bytes latin1{0xf6};
  CHECK(equal(
      Value::string("ö"), Value::text({Blob::copy_of(latin1), TextForm::Latin1}), *prim(String)
  ));
  CHECK(equal(Value::unsigned_int(0x7fc00000), Value::unsigned_int(0xffffffff), *prim(F32)));
  CHECK_FALSE(equal(Value::f64(0.0), Value::f64(-0.0), *prim(F64)));
  CHECK_FALSE(equal(Value::none(), Value::some(u(1)), *option_type(prim(U8))));
  CHECK_FALSE(equal(Value::some(u(2)), Value::some(u(1)), *option_type(prim(U8))));
}

}  // namespace
}  // namespace whorl::component
