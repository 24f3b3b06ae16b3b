#include "component/announced.hpp"

#include <doctest/doctest.h>

namespace whorl::component {
namespace {

TypeRef type_of(TypeKind kind, std::vector<Member> members = {}) {
  auto type = std::make_shared<Type>();
  type->kind = kind;
  type->members = std::move(members);
  return type;
}
TypeRef result_of(TypeRef ok, TypeRef error) {
  auto type = std::make_shared<Type>();
  type->kind = TypeKind::Result;
  type->element = std::move(ok);
  type->other = std::move(error);
  return type;
}

TEST_CASE("the error that says best that something is not there") {
  const TypeRef text = type_of(TypeKind::String);
  const TypeRef number = type_of(TypeKind::U32);
  struct Row {
    const char* what;
    TypeRef type;
    const char* value;  ///< null: none can be made
    Absence why = Absence::NotThere;
  };
  const Row rows[] = {
      {"a string", text, "\"gone\""},
      {"a case with a text, by name",
       type_of(TypeKind::Variant, {{"io", text}, {"other", text}, {"last", nullptr}}),
       "other(\"gone\")"},
      {"a case without a text, by name",
       type_of(TypeKind::Variant, {{"access-denied", nullptr}, {"code", number}}),
       "access-denied"},
      {"the last that fits",
       type_of(TypeKind::Variant, {{"first", text}, {"second", text}, {"code", number}}),
       "second(\"gone\")"},
      {"an enum", type_of(TypeKind::Enum, {{"success", nullptr}, {"error", nullptr}}), "error"},
      {"an enum of other names", type_of(TypeKind::Enum, {{"a", nullptr}, {"b", nullptr}}), "b"},
      {"a denial, by name",
       type_of(TypeKind::Variant, {{"access-denied", nullptr}, {"other", text}}),
       "access-denied",
       Absence::Denied},
      {"a denial without a name for it",
       type_of(TypeKind::Variant, {{"io", text}, {"other", text}}),
       "other(\"gone\")",
       Absence::Denied},
      {"a variant of numbers", type_of(TypeKind::Variant, {{"code", number}}), nullptr},
      {"a record", type_of(TypeKind::Record, {{"code", number}}), nullptr},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto value = unavailable_error(row.type, "gone", row.why);
    REQUIRE(value.has_value() == (row.value != nullptr));
    if (value) {
      CHECK(to_text(*value, *row.type) == row.value);
    }
  }
}

TEST_CASE("what a function of an announced interface answers depends on its result") {
  using Answer = AnnouncedSite::Answer;
  const auto made = [](TypeRef result, Absence why = Absence::NotThere) {
    FuncShape shape;
    shape.params = {{"key", type_of(TypeKind::String)}};
    shape.result = std::move(result);
    auto site = make_announced(shape, "spin:redis/redis@3.0.0", "get", why);
    REQUIRE(site);
    return *std::move(site);
  };
  CHECK(
      made(nullptr).message ==
      "spin:redis/redis@3.0.0 get is not available: this host has nothing behind it yet"
  );
  CHECK(
      made(nullptr, Absence::Denied).message ==
      "spin:redis/redis@3.0.0 get is not permitted: its grant is not inherited"
  );
  CHECK(made(nullptr).answer == Answer::Trap);
  CHECK(made(type_of(TypeKind::U32)).answer == Answer::Trap);
  CHECK(made(result_of(nullptr, type_of(TypeKind::U32))).answer == Answer::Trap);
  CHECK(made(result_of(type_of(TypeKind::U32), nullptr)).answer == Answer::Error);
  CHECK(made(result_of(nullptr, type_of(TypeKind::String))).answer == Answer::Error);
  auto list = type_of(TypeKind::List);
  std::const_pointer_cast<Type>(list)->element = type_of(TypeKind::U8);
  CHECK(made(list).answer == Answer::Trap);
  CHECK(made(list, Absence::Denied).answer == Answer::Nothing);
}

}  // namespace
}  // namespace whorl::component
