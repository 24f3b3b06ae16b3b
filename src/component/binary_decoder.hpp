/// Private to binary*.cpp: the state shared by the parts of the decoder.
#pragma once

#include "component/binary.hpp"
#include "component/ir.hpp"
#include "component/reader.hpp"

#include <array>
#include <string>
#include <unordered_set>
#include <vector>

namespace whorl::component::detail {

/// What a type index stands for, as far as it is known without resolving aliases of exports.
enum class Category : std::uint8_t {
  Unknown,
  Value,
  Func,
  Resource,
  Component,
  Instance,
  CoreType,
  CoreModule
};

/// One scope of definitions while it is decoded: a component, a component type or instance type.
struct Scope {
  enum class Kind : std::uint8_t { Component, ComponentType, InstanceType, ModuleType };
  Kind kind = Kind::Component;
  const Scope* parent = nullptr;
  std::array<std::uint32_t, ir::kSortCount> counts{};
  std::vector<Category> types;                   ///< by type index
  std::vector<Category> core_types;              ///< by core type index
  std::unordered_set<std::string> import_names;  ///< uniqueness keys
  std::unordered_set<std::string> export_names;
};

class Decoder {
 public:
  /// Decodes a component from its preamble to its end.
  [[nodiscard]] Result<std::shared_ptr<const ir::Component>> component(
      Reader& in, const Scope* parent, std::uint32_t depth
  );

 private:
  using Definitions = std::vector<ir::Definition>;

  // binary.cpp: sections
  [[nodiscard]] Result<> section(
      std::uint8_t id, Reader& in, Scope& scope, std::uint32_t depth, ir::Component& out
  );
  [[nodiscard]] Result<> custom_section(Reader& in, ir::Component& out);
  [[nodiscard]] Result<> core_module(Reader& in, Scope& scope, Definitions& out);
  [[nodiscard]] Result<ir::CoreInstanceDefinition> core_instance(Reader& in, const Scope& scope);
  [[nodiscard]] Result<ir::InstanceDefinition> instance(Reader& in, const Scope& scope);
  [[nodiscard]] Result<ir::Alias> alias(Reader& in, const Scope& scope);
  [[nodiscard]] Result<ir::Import> import(Reader& in, Scope& scope);
  [[nodiscard]] Result<ir::Export> export_item(Reader& in, Scope& scope);

  // binary_canon.cpp
  [[nodiscard]] Result<ir::Canon> canon(Reader& in, const Scope& scope);
  [[nodiscard]] Result<> canon_operands(Reader& in, const Scope& scope, ir::Canon& out);
  [[nodiscard]] Result<ir::CanonOptions> canon_options(Reader& in, const Scope& scope);

  // binary_types.cpp
  [[nodiscard]] Result<ir::TypeDefinition> type(
      Reader& in, const Scope& scope, std::uint32_t depth
  );
  [[nodiscard]] Result<ir::TypeDefinition> value_type(
      std::uint8_t code, std::uint64_t start, Reader& in, const Scope& scope
  );
  [[nodiscard]] Result<> labelled(
      Reader& in, const Scope& scope, std::string_view what, bool typed, ir::TypeDefinition& out
  );
  [[nodiscard]] Result<> variant_cases(Reader& in, const Scope& scope, ir::TypeDefinition& out);
  [[nodiscard]] Result<ir::TypeDefinition> func_type(Reader& in, const Scope& scope);
  [[nodiscard]] Result<ir::TypeDefinition> resource_type(
      std::uint64_t start, Reader& in, const Scope& scope
  );
  [[nodiscard]] Result<ir::TypeDefinition> scope_type(
      Scope::Kind kind, Reader& in, const Scope& parent, std::uint32_t depth
  );
  [[nodiscard]] Result<> declaration(
      Reader& in, Scope& scope, std::uint32_t depth, std::vector<ir::Definition>& out
  );
  [[nodiscard]] Result<ir::ValType> val_type(Reader& in, const Scope& scope);
  [[nodiscard]] Result<std::optional<ir::ValType>> optional_val_type(
      Reader& in, const Scope& scope
  );
  [[nodiscard]] Result<std::optional<ir::ValType>> result_list(Reader& in, const Scope& scope);
  [[nodiscard]] Result<ir::ExternType> extern_type(Reader& in, const Scope& scope);

  // binary_core_types.cpp
  [[nodiscard]] Result<ir::CoreTypeDefinition> core_type(Reader& in, Scope& scope);
  struct ModuleNames;
  [[nodiscard]] Result<ir::CoreTypeDefinition> module_type(
      Reader& in, Scope& scope, std::uint64_t start
  );
  [[nodiscard]] Result<> module_declaration(
      Reader& in, Scope& scope, ModuleNames& names, ir::CoreModuleType& out
  );
  [[nodiscard]] Result<CoreExternType> module_item(Reader& in, const Scope& scope);
  [[nodiscard]] Result<ir::CoreTypeAlias> module_alias(Reader& in, const Scope& scope);

  // shared pieces, binary.cpp
  struct ExternNames {
    std::string_view name;
    std::string_view implements;
    std::uint64_t offset = 0;
  };
  [[nodiscard]] Result<ExternNames> extern_name(Reader& in);
  [[nodiscard]] Result<> name_attributes(Reader& in, ExternNames& out);
  [[nodiscard]] Result<> check_import_name(const ExternNames& name, ir::Sort sort, Scope& scope);
  [[nodiscard]] Result<> check_export_name(const ExternNames& name, ir::Sort sort, Scope& scope);
  [[nodiscard]] Result<ir::Sort> sort(Reader& in, std::string_view what);
  [[nodiscard]] Result<ir::Sort> core_sort(Reader& in, std::string_view what);
  [[nodiscard]] Result<ir::SortIndex> sort_index(Reader& in, const Scope& scope);
  [[nodiscard]] Result<std::uint32_t> index(Reader& in, const Scope& scope, ir::Sort sort);
  [[nodiscard]] Result<> define(
      Scope& scope, ir::Sort sort, std::uint64_t offset, Category category = Category::Unknown
  );
  /// An index of a type that must be of one kind.
  [[nodiscard]] Result<std::uint32_t> type_index(Reader& in, const Scope& scope, Category wanted);
  [[nodiscard]] Result<> define_extern(
      Scope& scope, const ir::ExternType& type, std::uint64_t offset
  );
  [[nodiscard]] Result<> define_alias(Scope& scope, const ir::Alias& alias, std::uint64_t offset);

  /// Charges items against the limit of the whole file.
  [[nodiscard]] Result<> spend(std::uint32_t items, std::uint64_t offset);

  std::uint32_t definitions_ = 0;
  std::uint32_t modules_ = 0;
  std::uint32_t components_ = 0;
};

[[nodiscard]] Category category_of(const ir::TypeDefinition& type) noexcept;
/// The scope that many steps outwards; null if there are not so many.
[[nodiscard]] const Scope* outwards(const Scope& scope, std::uint32_t steps) noexcept;

/// True if an attribute or flag byte is set. @return InvalidInput unless it is 0 or 1
[[nodiscard]] Result<bool> flag_byte(Reader& in, std::string_view what);

}  // namespace whorl::component::detail
