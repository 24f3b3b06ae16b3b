// Resources through the interpreter: owned and borrowed, guests' and the host's, and what hostile
// guests do with handles.
#include "component/abi_test_support.hpp"
#include "component/interpret.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

namespace whorl::component {
namespace {

using namespace abi_test;
using engine::RawVal;

constexpr std::uint16_t kImplementer = 1;
constexpr std::uint16_t kUser = 2;

ResourceRef guest_resource(const char* name) {
  ResourceType type;
  type.name = name;
  type.impl = kImplementer;
  return std::make_shared<const ResourceType>(std::move(type));
}

std::shared_ptr<const FuncLayout> laid_out(std::vector<TypeRef> params) {
  FuncShape shape;
  for (TypeRef& param : params) {
    shape.params.push_back({"p", std::move(param)});
  }
  auto made = make_layout(shape);
  REQUIRE(made);
  return *made;
}

/// A component instance that calls or is called.
struct Side {
  FakeHeap heap{64};
  HandleTable handles;

  /// Values of the handles given, or why there are none.
  std::string lift(
      LiftContext& cx,
      const FuncLayout& func,
      std::vector<std::uint32_t> indices,
      std::vector<Value>& out
  ) {
    std::vector<RawVal> slots(indices.size());
    for (std::size_t i = 0; i < indices.size(); ++i) {
      slots[i].u64 = indices[i];
    }
    out = lift_params(cx, func, slots.data());
    return cx.failed() ? cx.take_trap().message : "";
  }
};

struct Passed {
  std::string trap;
  std::vector<std::uint64_t> slots;
};
Passed lower(
    Side& side,
    const FuncLayout& func,
    std::vector<Value>& values,
    std::uint16_t into,
    BorrowScope* scope
) {
  LowerContext cx(side.heap, side.handles, StringEncoding::Utf8, into, scope);
  RawVal slots[kMaxFlatParams] = {};
  lower_params(cx, func, values, slots);
  Passed out{cx.failed() ? cx.take_trap().message : "", {}};
  for (std::uint32_t i = 0; i < func.flat_params(); ++i) {
    out.slots.push_back(slots[i].u64);
  }
  return out;
}

TEST_CASE("a guest's resource moves from table to table") {
  const ResourceRef file = guest_resource("file");
  const auto func = laid_out({handle_type(TypeKind::Own, file)});
  CHECK_FALSE(func->params_borrow);
  Side caller;
  Side callee;
  CHECK(*caller.handles.add_own(resource_key(*file), ResourceRep(77)) == 1);
  std::vector<Value> values;
  LiftContext cx({}, caller.handles, Lending::Lend);
  REQUIRE(caller.lift(cx, *func, {1}, values) == "");
  CHECK(caller.handles.size() == 0);
  CHECK(lower(callee, *func, values, kUser, nullptr).slots == std::vector<std::uint64_t>{1});
  CHECK(callee.handles.rep(1, resource_key(*file))->rep == 77);
  CHECK(caller.lift(cx, *func, {1}, values) == "unknown handle index 1: expected a file");
}

TEST_CASE("a borrow is a handle of its own, except where the resource comes from") {
  const ResourceRef file = guest_resource("file");
  const auto func = laid_out({handle_type(TypeKind::Borrow, file)});
  CHECK(func->params_borrow);
  Side caller;
  Side callee;
  const ResourceKey key = resource_key(*file);
  CHECK(*caller.handles.add_own(key, ResourceRep(77)) == 1);
  BorrowScope scope;
  {
    LiftContext cx({}, caller.handles, Lending::Lend);
    std::vector<Value> values;
    REQUIRE(caller.lift(cx, *func, {1}, values) == "");
    CHECK(
        caller.handles.drop(1, key).error().message ==
        "cannot remove owned resource while borrowed: handle index 1 (file) is lent out"
    );
    CHECK(lower(callee, *func, values, kUser, &scope).slots == std::vector<std::uint64_t>{1});
    CHECK(scope.num_borrows == 1);
    CHECK(
        callee.handles.take_own(1, key).error().message ==
        "cannot lift own resource from a borrow: handle index 1 (file)"
    );
    CHECK(callee.handles.rep(1, key)->rep == 77);
    {
      // Lent on, the borrow stays too.
      LiftContext again({}, callee.handles, Lending::Lend);
      std::vector<Value> borrowed;
      REQUIRE(callee.lift(again, *func, {1}, borrowed) == "");
      CHECK(
          callee.handles.drop(1, key).error().message ==
          "cannot remove borrowed resource while borrowed: handle index 1 (file) is lent out"
      );
      Side implementer;
      CHECK(
          lower(implementer, *func, borrowed, kImplementer, &scope).slots ==
          std::vector<std::uint64_t>{77}
      );
      CHECK(implementer.handles.size() == 0);
      CHECK(scope.num_borrows == 1);
    }
    auto dropped = callee.handles.drop(1, key);
    REQUIRE(dropped);
    CHECK_FALSE(dropped->was_own);
    CHECK(scope.num_borrows == 0);
  }
  auto dropped = caller.handles.drop(1, key);
  REQUIRE(dropped);
  CHECK(dropped->was_own);
  CHECK(dropped->rep.rep() == 77);
}

TEST_CASE("borrows that a callee keeps end with the call") {
  const ResourceRef file = guest_resource("file");
  const ResourceKey key = resource_key(*file);
  Side callee;
  REQUIRE(callee.handles.add_own(key, ResourceRep(1)));
  BorrowScope outer;
  BorrowScope inner;
  REQUIRE(callee.handles.add_borrow(key, {nullptr, 2}, outer));
  REQUIRE(callee.handles.add_borrow(key, {nullptr, 3}, inner));
  REQUIRE(callee.handles.add_borrow(key, {nullptr, 4}, inner));
  callee.handles.abandon(inner);
  CHECK(inner.num_borrows == 0);
  CHECK(outer.num_borrows == 1);
  CHECK(callee.handles.size() == 2);
  CHECK_FALSE(callee.handles.rep(3, key));
  CHECK_FALSE(callee.handles.rep(4, key));
  CHECK(callee.handles.rep(2, key)->rep == 2);
  callee.handles.abandon(outer);
  CHECK(callee.handles.size() == 1);
}

TEST_CASE("a handle lent and taken in one call is a trap, whichever comes first") {
  const ResourceRef file = guest_resource("file");
  const TypeRef own = handle_type(TypeKind::Own, file);
  const TypeRef borrow = handle_type(TypeKind::Borrow, file);
  Side caller;
  REQUIRE(caller.handles.add_own(resource_key(*file), ResourceRep(5)));
  std::vector<Value> values;
  {
    LiftContext cx({}, caller.handles, Lending::Lend);
    CHECK(
        caller.lift(cx, *laid_out({borrow, own}), {1, 1}, values) ==
        "cannot remove owned resource while borrowed: handle index 1 (file) is lent out"
    );
  }
  CHECK(caller.handles.size() == 1);  // the loan is over
  LiftContext cx({}, caller.handles, Lending::Lend);
  CHECK(
      caller.lift(cx, *laid_out({own, borrow}), {1, 1}, values) ==
      "unknown handle index 1: expected a file"
  );
  CHECK(caller.handles.size() == 0);
}

TEST_CASE("resources of two instantiations, or of guest and host, are not the same") {
  const ResourceRef one = guest_resource("file");
  const ResourceRef two = guest_resource("file");
  const ResourceRef other = guest_resource("door");
  Side caller;
  REQUIRE(caller.handles.add_own(resource_key(*one), ResourceRep(5)));
  REQUIRE(caller.handles.add(Door::kTag, std::make_unique<Door>(1)));
  std::vector<Value> values;
  const auto refusal = [&](const ResourceRef& type, std::uint32_t index) {
    LiftContext cx({}, caller.handles, Lending::Lend);
    return caller.lift(cx, *laid_out({handle_type(TypeKind::Borrow, type)}), {index}, values);
  };
  const std::string wrong =
      "handle index 1 used with the wrong type, expected guest-defined resource but found a "
      "different guest-defined resource";
  CHECK(refusal(one, 1) == "");
  CHECK(refusal(two, 1) == wrong);
  CHECK(refusal(other, 1) == wrong + ": expected (door), found (file)");
  CHECK(
      refusal(other, 2) ==
      "handle index 2 used with the wrong type, expected guest-defined resource (door) but found "
      "door"
  );
  CHECK(
      refusal(resource_type<Door>(), 1) ==
      "handle index 1 used with the wrong type, expected door but found guest-defined resource "
      "(file)"
  );
  CHECK(refusal(resource_type<Door>(), 2) == "");
}

TEST_CASE("a host's resource passes between guests and is destroyed once") {
  int destroyed = 0;
  const auto func = laid_out({handle_type(TypeKind::Own, resource_type<Door>())});
  Side caller;
  Side callee;
  REQUIRE(caller.handles.add(Door::kTag, std::make_unique<Door>(1, &destroyed)));
  {
    LiftContext cx({}, caller.handles, Lending::Lend);
    std::vector<Value> values;
    REQUIRE(caller.lift(cx, *func, {1}, values) == "");
    CHECK(lower(callee, *func, values, kUser, nullptr).slots == std::vector<std::uint64_t>{1});
  }
  CHECK(destroyed == 0);
  {
    LiftContext cx({}, callee.handles, Lending::Lend);
    std::vector<Value> values;
    REQUIRE(callee.lift(cx, *func, {1}, values) == "");
    // The call fails on its way: the value goes, and the resource with it.
  }
  CHECK(destroyed == 1);
}

TEST_CASE("a host's resource that is borrowed belongs to the one that lends it") {
  int destroyed = 0;
  const auto func = laid_out({handle_type(TypeKind::Borrow, resource_type<Door>())});
  const ResourceKey key = resource_key(Door::kTag);
  Side caller;
  BorrowScope scope;
  REQUIRE(caller.handles.add(Door::kTag, std::make_unique<Door>(9, &destroyed)));
  {
    Side callee;
    LiftContext cx({}, caller.handles, Lending::Lend);
    std::vector<Value> values;
    REQUIRE(caller.lift(cx, *func, {1}, values) == "");
    CHECK(lower(callee, *func, values, kUser, &scope).trap == "");
    // A host function finds it behind the borrow.
    auto found = callee.handles.get(1, Door::kTag);
    REQUIRE(found);
    CHECK(static_cast<Door*>(*found)->number() == 9);
    CHECK_FALSE(callee.handles.take(1, Door::kTag));
    REQUIRE(callee.handles.drop(1, key));
    CHECK(lower(callee, *func, values, kUser, &scope).trap == "");
    callee.handles.clear();
  }
  CHECK(destroyed == 0);
  CHECK(caller.handles.get(1, Door::kTag));
  CHECK(caller.handles.take(1, Door::kTag));
  CHECK(destroyed == 1);
}

TEST_CASE("handles that do not fit their type, or have no scope, are refused") {
  const ResourceRef file = guest_resource("file");
  Side callee;
  BorrowScope scope;
  const auto refusal = [&](TypeKind kind, const ResourceRef& type, Value value, BorrowScope* in) {
    std::vector<Value> values;
    values.push_back(std::move(value));
    return lower(callee, *laid_out({handle_type(kind, type)}), values, kUser, in).trap;
  };
  const std::string misfit = "the host's value does not fit its type";
  const ResourceRef door = resource_type<Door>();
  CHECK(refusal(TypeKind::Own, door, Value::own(ResourceRep(1)), &scope) == misfit);
  CHECK(
      refusal(TypeKind::Own, file, Value::own(ResourceRep(std::make_unique<Door>(1))), &scope) ==
      misfit
  );
  CHECK(refusal(TypeKind::Own, file, Value::borrow({nullptr, 1}), &scope) == misfit);
  CHECK(refusal(TypeKind::Borrow, file, Value::own(ResourceRep(1)), &scope) == misfit);
  CHECK(refusal(TypeKind::Borrow, door, Value::borrow({nullptr, 1}), &scope) == misfit);
  CHECK(
      refusal(TypeKind::Borrow, file, Value::borrow({nullptr, 1}), nullptr) ==
      "a borrow is passed where no call is under way that lends it"
  );
  CHECK(refusal(TypeKind::Borrow, file, Value::borrow({nullptr, 1}), &scope) == "");
  CHECK(scope.num_borrows == 1);
  CHECK(callee.handles.size() == 1);
}

TEST_CASE("many loans of one call are all given back") {
  const ResourceRef file = guest_resource("file");
  const auto func = laid_out(std::vector<TypeRef>(9, handle_type(TypeKind::Borrow, file)));
  Side caller;
  std::vector<std::uint32_t> indices;
  for (std::uint32_t i = 0; i < 9; ++i) {
    indices.push_back(*caller.handles.add_own(resource_key(*file), ResourceRep(i)));
  }
  {
    LiftContext cx({}, caller.handles, Lending::Lend);
    std::vector<Value> values;
    REQUIRE(caller.lift(cx, *func, indices, values) == "");
    for (const std::uint32_t index : indices) {
      CHECK_FALSE(caller.handles.drop(index, resource_key(*file)));
    }
  }
  for (const std::uint32_t index : indices) {
    CHECK(caller.handles.drop(index, resource_key(*file)));
  }
}

}  // namespace
}  // namespace whorl::component
