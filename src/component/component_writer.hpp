/// Writes components definition by definition; each call adds one and returns its index.
///
/// Writes what it is given: indices, names and types are the caller's to get right, and a component
/// that is put together from others is validated when it is complete. Private to the room.
/// @thread any (a value) @spec component model, Binary.md
#pragma once

#include "base/bytes.hpp"
#include "component/ir.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace whorl::component {

/// A type as it stands in a type section or declaration, with the indices that it has. A component
/// or instance type is none of them: its declarations are written one by one.
void append_type(Bytes& out, const ir::TypeDefinition& type);

/// The name of an import or export. @param implements  empty where it says none
void append_extern_name(Bytes& out, std::string_view name, std::string_view implements);

/// The type of an import, or of an export declaration.
void append_extern_type(Bytes& out, const ir::ExternType& type);

/// Calls `visit` with each type index that a value, function or resource type has.
template <class Visit>
void for_each_type(ir::TypeDefinition& type, Visit visit) {
  const auto value = [&](ir::ValType& of) {
    if (!of.is_primitive) {
      visit(of.index);
    }
  };
  for (ir::Member& member : type.members) {
    if (member.type) {
      value(*member.type);
    }
  }
  if (type.element) {
    value(*type.element);
  }
  if (type.other) {
    value(*type.other);
  }
  if (type.kind == ir::TypeDefinition::Kind::Value &&
      (type.value == TypeKind::Own || type.value == TypeKind::Borrow)) {
    visit(type.resource);
  }
}

class ComponentWriter {
 public:
  ComponentWriter();

  /// @param definition  as append_type() writes it, or any other form of a type
  std::uint32_t type(ByteView definition);
  /// A resource type of the component's own, without a destructor.
  std::uint32_t resource();
  std::uint32_t import(
      std::string_view name, std::string_view implements, const ir::ExternType& type
  );
  std::uint32_t module(ByteView bytes);
  std::uint32_t component(ByteView bytes);
  /// @param arguments  core instances
  std::uint32_t core_instance(std::uint32_t module, std::span<const ir::NamedIndex> arguments);
  std::uint32_t core_bag(std::span<const ir::NamedIndex> items);
  std::uint32_t instance(std::uint32_t component, std::span<const ir::NamedIndex> arguments);
  std::uint32_t alias(ir::Sort sort, std::uint32_t instance, std::string_view name);
  std::uint32_t core_alias(ir::Sort sort, std::uint32_t instance, std::string_view name);
  std::uint32_t resource_drop(std::uint32_t type);
  /// A function whose values lie in a memory, strings in UTF-8.
  struct Lift {
    std::uint32_t func = 0;  ///< core function
    std::uint32_t memory = 0;
    std::uint32_t realloc = 0;
    std::uint32_t type = 0;
  };
  std::uint32_t lift(const Lift& lift);
  /// @return  the index that the exported item has from now on
  std::uint32_t export_item(std::string_view name, std::string_view implements, ir::SortIndex item);

  [[nodiscard]] const Bytes& bytes() const noexcept { return bytes_; }

 private:
  std::uint32_t add(std::uint8_t section, ByteView definition, ir::Sort sort);

  Bytes bytes_;
  std::array<std::uint32_t, ir::kSortCount> counts_{};  ///< by sort
};

}  // namespace whorl::component
