/// A bare core module as a component instance: its names say what a component's sections would.
///
/// Private to the room. @thread any (a value for one run)
/// @spec wit-component's name mangling, as engine.md E.7 sums it up
#pragma once

#include "component/core_names.hpp"
#include "component/core_world.hpp"
#include "component/legacy_abi.hpp"
#include "component/linker.hpp"

#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace whorl::component {

class CoreLinker {
 public:
  /// @param component  the component instance that the module makes up
  CoreLinker(
      const HostRegistry& registry, Linker& linker, CoreModule module, std::uint16_t component
  );

  /// @return what it exports; by its world only, if it has one
  [[nodiscard]] Result<InstanceRef> run() &&;

 private:
  using Side = CoreWorlds::Side;

  /// A function of the module as a component's.
  struct Lifted {
    std::string_view interface;
    std::string_view func;
    FuncItem item;
  };

  [[nodiscard]] Graph& graph() noexcept { return linker_.graph(); }
  /// Memory and realloc of what the module imports or exports.
  [[nodiscard]] GraphHost options(Side side) const;
  [[nodiscard]] std::optional<CoreRef> own_export(
      std::span<const std::string_view> names, CoreKind kind
  ) const;
  [[nodiscard]] std::optional<CoreRef> own_export(std::string_view name, CoreKind kind) const;
  [[nodiscard]] Error unknown_import(const CoreImport& import) const;

  // core_component.cpp: imports
  [[nodiscard]] Result<CoreRef> bind(const CoreImport& import);
  [[nodiscard]] Result<CoreRef> bind_component(const CoreImport& import);
  /// resource.new, resource.rep and resource.drop.
  [[nodiscard]] Result<CoreRef> lower_resource(
      const CoreImport& import, const CoreImportModule& module, const CoreImportName& name
  );
  [[nodiscard]] Result<CoreRef> lower_drop(
      const CoreImport& import, std::string_view interface, std::string_view resource
  );
  /// The function of an interface, declared or not: of another part, of the host, of nobody.
  [[nodiscard]] Result<FuncItem> imported_func(std::string_view interface, std::string_view name);
  /// An import of a module of 2022.
  [[nodiscard]] Result<CoreRef> lower_legacy(const LegacyName& import);
  /// What another part has for an import that no world describes; null if there is nothing.
  [[nodiscard]] const Item* given_item(std::string_view interface, std::string_view name) const;
  /// Preview 1 has no interfaces that could be denied one by one: the host has it in variants.
  [[nodiscard]] std::string_view core_module_name(std::string_view name) const;
  /// A function of a core-level host module: given as it is, its type is compared afterwards.
  [[nodiscard]] Result<CoreRef> lower_core(
      const CoreImport& import, const HostRegistry::CoreMatch& match
  );

  // core_async.cpp: what asynchronous modules import and export
  /// The index spaces in which the module's canonical definitions are run.
  void make_frame();
  [[nodiscard]] Result<CoreRef> lower_builtin(
      const CoreImport& import, const CoreImportModule& module, const CoreImportName& name
  );
  /// The type that a built-in is for: of a payload, of a function's result.
  [[nodiscard]] Result<TypeRef> type_of_builtin(
      const CoreImport& import, const CoreImportModule& module, const CoreImportName& name
  );
  [[nodiscard]] Result<CoreRef> lower_async(const FuncItem& func, StringEncoding encoding);
  [[nodiscard]] Result<FuncItem> lift_async(
      std::string_view name, const CoreExportName& parts, const FuncItem& declared
  );
  /// Runs a definition that defines a core function.
  [[nodiscard]] Result<CoreRef> define(const ir::Canon& canon);
  enum class Realloc : std::uint8_t { Without, With };
  [[nodiscard]] ir::CanonOptions canon_options(Side side, Realloc realloc) const;
  std::uint32_t push_type(TypeItem type);

  // core_exports.cpp
  [[nodiscard]] Result<> lift(std::string_view name);
  [[nodiscard]] Result<FuncItem> lift_plain(
      std::string_view name, const CoreExportName& parts, const FuncItem* declared
  );
  /// An exported function that destroys a resource of an exported interface.
  [[nodiscard]] Result<> add_destructor(std::string_view name, const CoreExportName& parts);
  /// The types of the world's exports, and the functions that the module has for them.
  [[nodiscard]] InstanceRef exports() const;
  [[nodiscard]] Result<> initialize();

  const HostRegistry& registry_;
  Linker& linker_;
  CoreModule module_;
  std::uint16_t component_;
  std::uint32_t instance_ = 0;  ///< entry of Graph::instances
  Frame frame_;
  /// Functions of `frame_`.
  std::optional<std::uint32_t> import_realloc_;
  std::optional<std::uint32_t> export_realloc_;
  std::vector<Lifted> lifted_;
  CoreWorlds worlds_;
};

/// What a function of the host takes and returns; null if the interface has none of that name.
[[nodiscard]] std::shared_ptr<const FuncShape> offered_shape(
    const HostInterface& interface, std::string_view name
);

}  // namespace whorl::component
