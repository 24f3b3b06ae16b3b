#include "component/flatten.hpp"

#include <doctest/doctest.h>

namespace whorl::component {
namespace {

TypeRef make(TypeKind kind, TypeRef element = nullptr, TypeRef other = nullptr) {
  auto type = std::make_shared<Type>();
  type->kind = kind;
  type->element = std::move(element);
  type->other = std::move(other);
  return type;
}

TypeRef aggregate(TypeKind kind, std::vector<TypeRef> parts) {
  auto type = std::make_shared<Type>();
  type->kind = kind;
  for (TypeRef& part : parts) {
    type->members.push_back({"m", std::move(part)});
  }
  return type;
}

TEST_CASE("functions flatten as the canonical ABI says") {
  const TypeRef u32 = make(TypeKind::U32);
  const TypeRef u64 = make(TypeKind::U64);
  const TypeRef f32 = make(TypeKind::F32);
  const TypeRef f64 = make(TypeKind::F64);
  const TypeRef text = make(TypeKind::String);
  const TypeRef list = make(TypeKind::List, make(TypeKind::U8));
  const TypeRef ten = aggregate(TypeKind::Tuple, std::vector<TypeRef>(10, u32));
  const TypeRef error = aggregate(TypeKind::Variant, {f32, u64, nullptr});
  struct Row {
    std::vector<TypeRef> params;
    TypeRef result;
    const char* lift;
    const char* lower;
  };
  const Row rows[] = {
      {{}, nullptr, "() -> ()", "() -> ()"},
      {{u32, u64, f32, f64}, u32, "(i32, i64, f32, f64) -> i32", "(i32, i64, f32, f64) -> i32"},
      {{text}, text, "(i32, i32) -> i32", "(i32, i32, i32) -> ()"},
      {{ten},
       nullptr,
       "(i32, i32, i32, i32, i32, i32, i32, i32, i32, i32) -> ()",
       "(i32, i32, i32, i32, i32, i32, i32, i32, i32, i32) -> ()"},
      {{ten, ten}, u64, "(i32) -> i64", "(i32) -> i64"},
      {{error}, nullptr, "(i32, i64) -> ()", "(i32, i64) -> ()"},
      {{aggregate(TypeKind::Variant, {f32, u32})}, nullptr, "(i32, i32) -> ()", "(i32, i32) -> ()"},
      {{aggregate(TypeKind::Variant, {f64, f64})}, nullptr, "(i32, f64) -> ()", "(i32, f64) -> ()"},
      {{make(TypeKind::Option, text)},
       make(TypeKind::Result),
       "(i32, i32, i32) -> i32",
       "(i32, i32, i32) -> i32"},
      {{}, make(TypeKind::Result, list, error), "() -> i32", "(i32) -> ()"},
      {{make(TypeKind::Own), make(TypeKind::Flags), make(TypeKind::Enum), make(TypeKind::Char)},
       make(TypeKind::Stream, make(TypeKind::U8)),
       "(i32, i32, i32, i32) -> i32",
       "(i32, i32, i32, i32) -> i32"},
  };
  for (const Row& row : rows) {
    FuncShape func;
    for (const TypeRef& param : row.params) {
      func.params.push_back({"p", param});
    }
    func.result = row.result;
    CAPTURE(to_wit(func));
    Flattener flattener;
    CHECK(engine::to_string(flattener.func(func, Direction::Lift)) == row.lift);
    CHECK(engine::to_string(flattener.func(func, Direction::Lower)) == row.lower);
  }
}

TEST_CASE("what values need of the guest") {
  const TypeRef text = make(TypeKind::String);
  const TypeRef list = make(TypeKind::List, make(TypeKind::U8));
  const TypeRef u32 = make(TypeKind::U32);
  const auto needs = [](FuncShape func, Direction direction) {
    Flattener flattener;
    const AbiNeeds out = flattener.needs(func, direction);
    return std::string(out.memory ? "memory " : "") + (out.realloc ? "realloc " : "") +
           (out.strings ? "strings" : "");
  };
  CHECK(needs({{{"p", u32}}, u32, false}, Direction::Lift).empty());
  CHECK(needs({{{"p", list}}, u32, false}, Direction::Lift) == "memory realloc ");
  CHECK(needs({{{"p", list}}, u32, false}, Direction::Lower) == "memory ");
  CHECK(needs({{}, text, false}, Direction::Lift) == "memory strings");
  CHECK(needs({{}, text, false}, Direction::Lower) == "memory realloc strings");
  CHECK(needs({{}, aggregate(TypeKind::Tuple, {u32, u32}), false}, Direction::Lower) == "memory ");
  CHECK(needs({{}, make(TypeKind::Stream, text), false}, Direction::Lower).empty());
}

TEST_CASE("wide and deep variants are flattened in linear time") {
  TypeRef type = make(TypeKind::U32);
  for (int i = 0; i < 15; ++i) {
    type = aggregate(TypeKind::Variant, std::vector<TypeRef>(1000, type));
  }
  Flattener flattener;
  REQUIRE(flattener.type(type) != nullptr);
  CHECK(flattener.type(type)->size() == 16);
  CHECK(flattener.type(make(TypeKind::Option, type)) == nullptr);
  auto fixed = std::make_shared<Type>();
  fixed->kind = TypeKind::FixedList;
  fixed->length = 0xffffffff;
  fixed->element = make(TypeKind::String);
  CHECK(flattener.type(fixed) == nullptr);
}

}  // namespace
}  // namespace whorl::component
