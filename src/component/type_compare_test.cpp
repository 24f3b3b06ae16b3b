#include "component/type_compare.hpp"

#include <doctest/doctest.h>

namespace whorl::component {
namespace {

TypeRef simple(TypeKind kind) {
  auto type = std::make_shared<Type>();
  type->kind = kind;
  return type;
}

TypeRef aggregate(TypeKind kind, std::vector<Member> members) {
  auto type = std::make_shared<Type>();
  type->kind = kind;
  type->members = std::move(members);
  return type;
}

TypeRef of(TypeKind kind, TypeRef element, TypeRef other = nullptr) {
  auto type = std::make_shared<Type>();
  type->kind = kind;
  type->element = std::move(element);
  type->other = std::move(other);
  return type;
}

TypeRef handle(TypeKind kind, ResourceRef resource) {
  auto type = std::make_shared<Type>();
  type->kind = kind;
  type->resource = std::move(resource);
  return type;
}

std::string difference(const TypeRef& a, const TypeRef& b) {
  std::uint64_t steps = kCompareSteps;
  return explain_difference(a, b, steps);
}

const TypeRef kU32 = simple(TypeKind::U32);
const TypeRef kU64 = simple(TypeKind::U64);
const TypeRef kString = simple(TypeKind::String);

TEST_CASE("differences are explained with their place") {
  const auto record = [](TypeRef b) {
    return aggregate(TypeKind::Record, {{"a", kString}, {"b", std::move(b)}});
  };
  struct Row {
    TypeRef wanted;
    TypeRef offered;
    const char* text;
  };
  const Row rows[] = {
      {kU32, simple(TypeKind::U32), ""},
      {kU32, kU64, "wants u32, is offered u64"},
      {kU32, nullptr, "wants u32, is offered no value"},
      {record(kU32), record(simple(TypeKind::U32)), ""},
      {record(kU32), record(kU64), "field `b`: wants u32, is offered u64"},
      {of(TypeKind::List, record(kU32)),
       of(TypeKind::List, record(kU64)),
       "in the list: field `b`: wants u32, is offered u64"},
      {aggregate(TypeKind::Record, {{"a", kU32}}),
       aggregate(TypeKind::Record, {{"x", kU32}}),
       "field 1 of the record is `a`, is offered as `x`"},
      {aggregate(TypeKind::Enum, {{"red", {}}, {"blue", {}}}),
       aggregate(TypeKind::Enum, {{"red", {}}}),
       "the enum has 2 labels, is offered with 1 (without `blue`)"},
      {aggregate(TypeKind::Variant, {{"ok", kU32}}),
       aggregate(TypeKind::Variant, {{"ok", kU32}, {"no", {}}}),
       "the variant has 1 cases, is offered with 2 (also `no`)"},
      {aggregate(TypeKind::Variant, {{"ok", kU32}}),
       aggregate(TypeKind::Variant, {{"ok", {}}}),
       "case `ok`: wants u32, is offered no value"},
      {aggregate(TypeKind::Tuple, {{"", kU32}, {"", kU32}}),
       aggregate(TypeKind::Tuple, {{"", kU32}, {"", kU64}}),
       "member 2: wants u32, is offered u64"},
      {of(TypeKind::Result, kU32, kString),
       of(TypeKind::Result, kU32, kU64),
       "the error case of the result: wants string, is offered u64"},
      {of(TypeKind::Result, nullptr, kString),
       of(TypeKind::Result, kU32, kString),
       "the ok case of the result: wants no value, is offered u32"},
      {of(TypeKind::Option, kU32), kU32, "wants option<u32>, is offered u32"},
  };
  for (const Row& row : rows) {
    CAPTURE(to_wit(row.wanted));
    CHECK(difference(row.wanted, row.offered) == row.text);
  }
}

TEST_CASE("resources are the same by identity or by what the host implements") {
  constexpr static ResourceTag kTag{"test:a/b", "thing"};
  constexpr static ResourceTag kOther{"test:a/c", "thing"};
  const auto make = [](const char* name, const ResourceTag* tag) {
    return std::make_shared<const ResourceType>(ResourceType{name, tag});
  };
  const ResourceRef own = make("thing", nullptr);
  const auto a = handle(TypeKind::Own, make("thing", &kTag));
  const auto b = handle(TypeKind::Own, make("thing", &kTag));
  const auto c = handle(TypeKind::Own, make("thing", &kOther));
  CHECK(difference(a, b).empty());
  CHECK(difference(a, c) == "the two resources called `thing` are not the same");
  CHECK(difference(handle(TypeKind::Own, own), handle(TypeKind::Own, own)).empty());
  CHECK_FALSE(
      difference(handle(TypeKind::Own, own), handle(TypeKind::Own, make("thing", nullptr))).empty()
  );
  CHECK(
      difference(handle(TypeKind::Borrow, own), handle(TypeKind::Borrow, make("other", nullptr))) ==
      "wants a borrow of the resource `thing`, is offered one of `other`"
  );
  CHECK(
      difference(handle(TypeKind::Own, own), handle(TypeKind::Borrow, own)) ==
      "wants thing, is offered borrow<thing>"
  );
}

TEST_CASE("functions differ in parameters, result, async; not in names of parameters") {
  const auto compare = [](const FuncShape& a, const FuncShape& b) {
    std::uint64_t steps = kCompareSteps;
    return explain_difference(a, b, steps);
  };
  const FuncShape f{{{"p", kU32}}, kString, false};
  CHECK(compare(f, {{{"q", kU32}}, kString, false}).empty());
  CHECK(compare(f, {{{"p", kU64}}, kString, false}) == "parameter `p`: wants u32, is offered u64");
  CHECK(compare(f, {{}, kString, false}) == "wants 1 parameters, is offered 0");
  CHECK(compare(f, {{{"p", kU32}}, nullptr, false}) == "result: wants string, is offered no value");
  CHECK(
      compare(f, {{{"p", kU32}}, kString, true}) ==
      "wants a synchronous function, is offered an async one"
  );
}

TEST_CASE("shared parts are compared once and printed within bounds") {
  const auto deep = [] {
    TypeRef type = simple(TypeKind::U8);
    for (int i = 0; i < 90; ++i) {
      type = aggregate(TypeKind::Tuple, {{"", type}, {"", type}, {"", type}});
    }
    return type;
  };
  const TypeRef a = deep();
  const TypeRef b = deep();
  std::uint64_t steps = kCompareSteps;
  CHECK(explain_difference(a, b, steps).empty());
  CHECK(kCompareSteps - steps == 91);
  CHECK(to_wit(a).size() < 1000);
  std::uint64_t few = 10;
  CHECK(explain_difference(a, b, few).ends_with("the types are too large to be compared"));
}

TEST_CASE("types as text") {
  CHECK(
      to_wit(of(TypeKind::List, aggregate(TypeKind::Tuple, {{"", kString}, {"", kU32}}))) ==
      "list<tuple<string, u32>>"
  );
  CHECK(to_wit(of(TypeKind::Result, nullptr, nullptr)) == "result");
  CHECK(to_wit(of(TypeKind::Result, nullptr, kString)) == "result<_, string>");
  CHECK(to_wit(of(TypeKind::Stream, nullptr)) == "stream");
  CHECK(to_wit(aggregate(TypeKind::Variant, {{"a", kU32}, {"b", {}}})) == "variant { a(u32), b }");
  CHECK(to_wit(FuncShape{{{"x", kU32}}, kString, true}) == "async func(x: u32) -> string");
}

}  // namespace
}  // namespace whorl::component
