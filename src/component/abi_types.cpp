// Component-level descriptions of C++ types.
#include "component/abi_compound.hpp"
#include "component/abi_scalar.hpp"

#include <utility>

namespace whorl::component {
namespace {

Type of_kind(TypeKind kind) {
  Type type{};
  type.kind = kind;
  return type;
}

TypeRef made(Type type) {
  return std::make_shared<const Type>(std::move(type));
}

constexpr auto kPrimitives = static_cast<std::size_t>(TypeKind::String) + 1;

}  // namespace

TypeRef primitive_type(TypeKind kind) {
  static const std::array<TypeRef, kPrimitives> types = [] {
    std::array<TypeRef, kPrimitives> made_types;
    for (std::size_t i = 0; i < kPrimitives; ++i) {
      made_types[i] = made(of_kind(static_cast<TypeKind>(i)));
    }
    return made_types;
  }();
  return types.at(static_cast<std::size_t>(kind));
}

TypeRef byte_list_type() {
  static const TypeRef type = list_type(primitive_type(TypeKind::U8));
  return type;
}

TypeRef handle_type(TypeKind kind, const ResourceRef& resource) {
  Type type = of_kind(kind);
  type.resource = resource;
  return made(std::move(type));
}

TypeRef list_type(TypeRef element) {
  Type type = of_kind(TypeKind::List);
  type.element = std::move(element);
  return made(std::move(type));
}

TypeRef option_type(TypeRef element) {
  Type type = of_kind(TypeKind::Option);
  type.element = std::move(element);
  return made(std::move(type));
}

TypeRef result_type(TypeRef ok, TypeRef error) {
  Type type = of_kind(TypeKind::Result);
  type.element = std::move(ok);
  type.other = std::move(error);
  return made(std::move(type));
}

TypeRef compound_type(
    TypeKind kind, std::span<const char* const> labels, std::vector<TypeRef> types
) {
  Type type = of_kind(kind);
  const std::size_t count = labels.empty() ? types.size() : labels.size();
  type.members.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (!labels.empty()) {
      type.members[i].name = labels[i];
    }
    if (!types.empty()) {
      type.members[i].type = std::move(types[i]);
    }
  }
  return made(std::move(type));
}

}  // namespace whorl::component
