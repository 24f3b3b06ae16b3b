/// Linker: runs a component's definitions without running any guest code.
///
/// An abstract interpreter: index spaces are filled as at a real instantiation, but with
/// descriptions instead of objects. Nested components are run where they are instantiated, with the
/// items they are given, so that aliases, re-export components and inline instances at any depth
/// collapse into one flat Graph, and resource types are the actual ones without substitution.
/// Imports of the root component are taken from the host's registry.
///
/// Private to the room. @thread any (a value for one run)
/// @spec component model, Explainer "Instance Definitions", "Alias Definitions", "Type Checking"
#pragma once

#include "base/result.hpp"
#include "component/flatten.hpp"
#include "component/graph.hpp"
#include "component/host.hpp"
#include "component/ir.hpp"
#include "component/types.hpp"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace whorl::component {

struct Frame;
struct InstanceItem;
using InstanceRef = std::shared_ptr<const InstanceItem>;

/// A type while linking. Value types carry what later definitions ask of them.
struct TypeItem {
  enum class Kind : std::uint8_t { Value, Func, Resource, Instance, Component };
  Kind kind = Kind::Value;
  TypeRef value;
  std::uint32_t depth = 0;  ///< nesting of the value type
  std::uint64_t size = 0;   ///< bytes of an element, with 64-bit pointers
  std::uint64_t alignment = 1;
  bool has_borrow = false;
  std::shared_ptr<const FuncShape> func;
  ResourceRef resource;
  std::shared_ptr<const ir::TypeScope> scope;  ///< Instance, Component
  const Frame* frame = nullptr;                ///< where the scope was defined
};

/// A component function: one the host offers, or one lifted from core.
struct FuncItem {
  std::shared_ptr<const FuncShape> shape;
  std::optional<std::uint32_t> lift;  ///< entry of Graph::lifts
  // Host functions: looked up and checked only where they are lowered.
  std::optional<HostRegistry::Match> host;
  std::string_view interface;  ///< as imported, "wasi:io/streams@0.2.0"
  std::string_view name;
};

struct ModuleItem {
  std::uint32_t index = 0;  ///< entry of Graph::modules
};
struct ComponentItem {
  std::shared_ptr<const ir::Component> component;
  const Frame* frame = nullptr;  ///< where it was defined
};
using Item = std::variant<ModuleItem, FuncItem, TypeItem, ComponentItem, InstanceRef>;

/// A component instance: its exports by name, in order.
struct InstanceItem {
  std::vector<std::pair<std::string_view, Item>> exports;
  std::unordered_map<std::string_view, std::size_t> by_name;
  [[nodiscard]] const Item* find(std::string_view name) const noexcept;
  void add(std::string_view name, Item item);
};

/// A core instance: an instantiated module, or a bag of items.
struct CoreInstanceItem {
  std::optional<std::uint32_t> instance;  ///< entry of Graph::instances
  std::shared_ptr<const std::unordered_map<std::string_view, CoreRef>> bag;
};

/// The index spaces of one component instance, or of a type's body, while it is run.
struct Frame {
  const Frame* parent = nullptr;
  std::array<std::vector<CoreRef>, 5> core;  ///< by CoreKind
  std::vector<ModuleItem> modules;
  std::vector<CoreInstanceItem> core_instances;
  std::vector<FuncItem> funcs;
  std::vector<TypeItem> types;
  std::vector<ComponentItem> components;
  std::vector<InstanceRef> instances;
  std::uint16_t component_index = CallSite::kNone;  ///< entry of Graph::component_parents
  std::shared_ptr<InstanceItem> exports;
  std::uint32_t depth = 0;  ///< of nested instantiation
};

/// A world: what a core module with a component-type section imports and exports.
struct World {
  std::vector<std::pair<std::string_view, Item>> imports;
  std::vector<std::pair<std::string_view, Item>> exports;
};

class Linker {
 public:
  explicit Linker(const HostRegistry& registry);
  Linker(const Linker&) = delete;
  Linker& operator=(const Linker&) = delete;
  ~Linker();

  /// Runs the root component. @return InvalidInput or Unsupported
  [[nodiscard]] Result<> run(std::shared_ptr<const ir::Component> root);
  /// Reads the world that a component-type section describes, imports matched with the host.
  [[nodiscard]] Result<World> read_world(const ir::Component& root);

  /// Lowers a host function, checked against what is offered. For bare core modules too.
  [[nodiscard]] Result<CoreRef> lower_host(
      const FuncItem& func, const GraphHost& options, std::uint64_t offset
  );
  /// Lowers the drop of a host resource.
  [[nodiscard]] Result<CoreRef> lower_drop(
      const ResourceRef& resource, std::uint16_t component_index, std::uint64_t offset
  );
  /// The host's interface for an imported one. @return an error that says what is offered instead
  [[nodiscard]] Result<HostRegistry::Match> find_interface(
      std::string_view import_name, std::uint64_t offset
  ) const;
  /// Adds a lift after checking types and options of everything it will call.
  [[nodiscard]] Result<std::uint32_t> add_lift(GraphLift lift, std::uint64_t offset);

  [[nodiscard]] Graph& graph() noexcept { return graph_; }

 private:
  /// Where the exports of an instance type come from: a given instance, the host, or nowhere.
  struct Provider {
    const InstanceItem* given = nullptr;
    std::optional<HostRegistry::Match> host;
    std::string_view name;  ///< of the import, for messages
  };

  // linker.cpp
  [[nodiscard]] Result<> spend(std::uint64_t offset);
  [[nodiscard]] Frame& new_frame(const Frame* parent);
  using Arguments = std::unordered_map<std::string_view, Item>;
  [[nodiscard]] Result<> run_component(
      Frame& frame, const ir::Component& component, const Arguments* arguments
  );
  [[nodiscard]] Result<> run_definition(
      Frame& frame, const ir::Definition& definition, const Arguments* arguments
  );
  [[nodiscard]] Result<> run_import(
      Frame& frame, const ir::Import& import, const Arguments* arguments, std::uint64_t offset
  );
  [[nodiscard]] Result<Item> import_from_host(
      Frame& frame, const ir::Import& import, std::uint64_t offset
  );
  [[nodiscard]] Result<> run_export(Frame& frame, const ir::Export& item, std::uint64_t offset);
  [[nodiscard]] Result<> run_alias(Frame& frame, const ir::Alias& alias, std::uint64_t offset);
  [[nodiscard]] Result<> run_instance(
      Frame& frame, const ir::InstanceDefinition& definition, std::uint64_t offset
  );
  [[nodiscard]] Result<InstanceRef> instantiate(
      const ComponentItem& component,
      const Arguments& arguments,
      const Frame& from,
      std::uint64_t offset
  );
  [[nodiscard]] std::uint16_t add_component_instance(std::uint16_t parent);
  [[nodiscard]] Result<> refuse_encoding(
      const FuncShape& shape, const ir::CanonOptions& options, std::uint64_t offset
  );
  [[nodiscard]] static Item item_at(const Frame& frame, ir::SortIndex index);
  static void push(Frame& frame, Item item);
  [[nodiscard]] Result<> export_root(const InstanceItem& exports);
  [[nodiscard]] Result<> add_export(
      std::string_view interface, std::string_view version, std::string_view name, const Item& item
  );

  // linker_core.cpp
  [[nodiscard]] Result<std::uint32_t> scan_module(
      const ir::CoreModuleDefinition& definition, std::uint64_t offset
  );
  [[nodiscard]] Result<> run_core_instance(
      Frame& frame, const ir::CoreInstanceDefinition& definition, std::uint64_t offset
  );
  [[nodiscard]] Result<CoreInstanceItem> instantiate_core(
      Frame& frame, const ir::CoreInstanceDefinition& definition, std::uint64_t offset
  );
  [[nodiscard]] Result<CoreRef> core_export(
      const CoreInstanceItem& instance, std::string_view name, std::uint64_t offset
  );
  [[nodiscard]] Result<> run_canon(Frame& frame, const ir::Canon& canon, std::uint64_t offset);
  [[nodiscard]] Result<> run_lift(Frame& frame, const ir::Canon& canon, std::uint64_t offset);
  [[nodiscard]] Result<> run_lower(Frame& frame, const ir::Canon& canon, std::uint64_t offset);
  [[nodiscard]] Result<> check_memory(const CoreRef& memory, std::uint64_t offset) const;
  [[nodiscard]] Result<> check_func(
      const CoreRef& func,
      const engine::FuncType& wanted,
      std::string_view what,
      std::uint64_t offset
  ) const;
  [[nodiscard]] Result<> check_options(
      const FuncShape& shape,
      bool lift,
      const std::optional<CoreRef>& memory,
      const std::optional<CoreRef>& realloc,
      std::uint64_t offset
  );

  // linker_types.cpp
  [[nodiscard]] Result<TypeItem> make_type(
      const ir::TypeDefinition& definition, const Frame& frame, std::uint64_t offset
  );
  [[nodiscard]] Result<TypeItem> make_value(
      const ir::TypeDefinition& definition, const Frame& frame, std::uint64_t offset
  );
  [[nodiscard]] Result<TypeItem> make_func(
      const ir::TypeDefinition& definition, const Frame& frame, std::uint64_t offset
  );
  [[nodiscard]] Result<TypeItem> value_at(
      const ir::ValType& type, const Frame& frame, std::uint64_t offset
  ) const;
  /// Matches a declared type with what is there for it; the result shows no more than is declared.
  [[nodiscard]] Result<Item> accept(
      const ir::ExternType& declared,
      const Frame& frame,
      const Provider& provider,
      std::string_view name,
      const Item* given,
      std::uint64_t offset
  );
  [[nodiscard]] Result<Item> accept_type(
      const ir::ExternType& declared,
      const Frame& frame,
      const Provider& provider,
      std::string_view name,
      const Item* given,
      std::uint64_t offset
  );
  [[nodiscard]] Result<InstanceRef> open_instance(const TypeItem& type, const Provider& provider);
  [[nodiscard]] Result<> open_declaration(
      Frame& frame, const ir::Definition& definition, const Provider& provider, InstanceItem& out
  );

  const HostRegistry& registry_;
  Graph graph_;
  std::vector<std::unique_ptr<Frame>> frames_;
  std::unordered_map<std::uint32_t, std::uint32_t> scanned_;  ///< module of the file → of the graph
  std::array<TypeRef, 14> primitives_;
  Flattener flattener_;
  std::uint64_t fuel_;
};

/// Refuses what is only known to work with asynchronous components: looks at the canonical
/// definitions of the component and of those nested in it.
[[nodiscard]] Result<> refuse_async(const ir::Component& component);

/// Help text for features of WASI 0.3.
inline constexpr const char* kAsyncHelp =
    "WASI 0.3 / async components are not supported yet; build for WASI 0.2";

}  // namespace whorl::component
