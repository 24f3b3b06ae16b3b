/// Linker: runs a component's definitions without running any guest code.
///
/// An abstract interpreter: index spaces are filled as at a real instantiation, but with
/// descriptions instead of objects. Nested components are run where they are instantiated, with the
/// items they are given, so that aliases, re-export components and inline instances at any depth
/// collapse into one flat Graph, and resource types are the actual ones without substitution.
///
/// It is run twice. Validation runs every component also for its own sake, where it is defined,
/// with imports that are nobody's: functions of the declared type, resources that are like no
/// other. All typing rules are checked there, of any component, host or not. Linking then runs only
/// what is instantiated, takes the root's imports from the host's registry and keeps the graph.
///
/// Private to the room. @thread any (a value for one run)
/// @spec component model, Explainer "Instance Definitions", "Alias Definitions", "Type Checking"
#pragma once

#include "base/result.hpp"
#include "component/flatten.hpp"
#include "component/graph.hpp"
#include "component/host.hpp"
#include "component/ir.hpp"
#include "component/linker_items.hpp"
#include "component/types.hpp"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace whorl::component {

struct Forwarder;

/// A world: what a core module with a component-type section imports and exports.
struct World {
  std::vector<std::pair<std::string_view, Item>> imports;
  std::vector<std::pair<std::string_view, Item>> exports;
};

/// Resources that a bare core module exports: one each, however many of its worlds name it.
struct DefinedResources {
  std::uint16_t component = 0;  ///< the component instance that defines them
  /// By interface and name: entry of Graph::resources.
  std::map<std::pair<std::string_view, std::string_view>, std::uint32_t> entries;
};

/// How a component-type section is read.
struct WorldReading {
  /// Of the world, where the section holds a whole package; empty where it holds one world.
  std::string_view world;
  DefinedResources* defined = nullptr;  ///< out: of the exported interfaces
};

enum class LinkMode : std::uint8_t { Validate, Link };

/// What a component that is one of several is given instead of the host's interfaces.
struct PartImports {
  struct Given {
    Item item;
    std::string mismatch;  ///< what is said first when it is not what the import wants
  };
  std::unordered_map<std::string_view, Given> given;  ///< by other parts, by name of the import
  std::span<const std::string> denied;  ///< interfaces, in any version: their calls are refused
  [[nodiscard]] bool denies(std::string_view interface) const noexcept;
};

class Linker {
 public:
  /// @param registry  what the host offers; not looked at in validation
  explicit Linker(const HostRegistry& registry, LinkMode mode = LinkMode::Link);
  Linker(const Linker&) = delete;
  Linker& operator=(const Linker&) = delete;
  ~Linker();

  /// Runs the root component. @return InvalidInput or Unsupported
  [[nodiscard]] Result<> run(const std::shared_ptr<const ir::Component>& root);
  /// Reads the world that a component-type section describes, imports matched with the host.
  [[nodiscard]] Result<World> read_world(const ir::Component& root, const WorldReading& how);

  // Several components put together (composition.cpp). The root is around them, and has nothing of
  // its own.
  void begin_composition();
  /// What the next part finds in place of the host, until the one after it. A bare core module is
  /// linked by CoreLinker, in between.
  /// @return  the number of the component instance it will be
  std::uint16_t begin_part(const PartImports& imports);
  /// Runs a component as the part that was begun. @return what it exports
  [[nodiscard]] Result<InstanceRef> run_part(const ir::Component& component);
  /// Makes what an instance exports the exports of the whole.
  [[nodiscard]] Result<> export_root(const InstanceItem& exports);
  [[nodiscard]] const PartImports& part() const noexcept { return *part_; }

  /// Lowers a host function, checked against what is offered. For bare core modules too.
  [[nodiscard]] Result<CoreRef> lower_host(
      const FuncItem& func, const GraphHost& options, std::uint64_t offset
  );
  /// Lowers any function: of the host, of another part, of nobody.
  [[nodiscard]] Result<CoreRef> lower(
      const FuncItem& func, GraphHost options, std::uint64_t offset
  );
  /// Lowers the drop of a resource.
  [[nodiscard]] Result<CoreRef> lower_drop(
      const ResourceRef& resource, std::uint16_t component_index, std::uint64_t offset
  );
  /// The host's interface for an imported one. @return an error that says what is offered instead
  [[nodiscard]] Result<HostRegistry::Match> find_interface(
      std::string_view import_name, std::uint64_t offset
  ) const;
  /// Adds a lift after checking types and options of everything it will call.
  [[nodiscard]] Result<std::uint32_t> add_lift(GraphLift lift, std::uint64_t offset);

  /// Runs a canonical definition in index spaces that were made up for a bare core module.
  /// What it defines is the last function in `frame`. @return errors as of run()
  [[nodiscard]] Result<> define(Frame& frame, const ir::Canon& canon, std::uint64_t offset) {
    return run_canon(frame, canon, offset);
  }
  /// Charges work or memory against what one link may cost.
  [[nodiscard]] Result<> spend(std::uint64_t offset, std::size_t steps = 1);

  [[nodiscard]] Graph& graph() noexcept { return graph_; }

 private:
  /// Where the exports of an instance type come from: a given instance, the host, or nowhere.
  struct Provider {
    const InstanceItem* given = nullptr;
    std::optional<HostRegistry::Match> host;
    std::string_view name;      ///< of the import, for messages
    bool is_announced = false;  ///< the host lets it be imported, and has nothing behind it
    bool is_denied = false;     ///< and that because it was not granted
    DefinedResources* defined = nullptr;  ///< where the module itself is who provides
  };
  /// Counts what is nested in what while it is run.
  class Depth;

  // linker.cpp: definitions
  [[nodiscard]] bool validating() const noexcept { return mode_ == LinkMode::Validate; }
  [[nodiscard]] Frame& new_frame(const Frame* parent, Frame::Kind kind);
  [[nodiscard]] Frame& new_component_frame(const Frame* parent, std::uint16_t around);
  [[nodiscard]] Result<> run_component(
      Frame& frame, const ir::Component& component, const Arguments* arguments
  );
  [[nodiscard]] Result<> run_definition(
      Frame& frame, const ir::Definition& definition, const Arguments* arguments
  );
  [[nodiscard]] Result<> run_import(
      Frame& frame, const ir::Import& import, const Arguments* arguments, std::uint64_t offset
  );
  /// An import that another part satisfies, or that is denied; nothing for the host's.
  [[nodiscard]] std::optional<Result<Item>> import_from_part(
      Frame& frame, const ir::Import& import, std::uint64_t offset
  );
  [[nodiscard]] Result<Item> import_from_host(
      Frame& frame, const ir::Import& import, std::uint64_t offset
  );
  [[nodiscard]] Result<> run_export(Frame& frame, const ir::Export& item, std::uint64_t offset);
  [[nodiscard]] Result<> run_alias(Frame& frame, const ir::Alias& alias, std::uint64_t offset);
  [[nodiscard]] Result<> run_core_alias(Frame& frame, const ir::Alias& alias, std::uint64_t offset);
  [[nodiscard]] Result<> run_outer_alias(
      Frame& frame, const ir::Alias& alias, std::uint64_t offset
  );
  [[nodiscard]] Result<> run_instance(
      Frame& frame, const ir::InstanceDefinition& definition, std::uint64_t offset
  );
  [[nodiscard]] Result<InstanceRef> instantiate(
      const ComponentItem& component,
      const Arguments& arguments,
      const Frame& from,
      std::uint64_t offset
  );
  [[nodiscard]] static Item item_at(const Frame& frame, ir::SortIndex index);
  static void push(Frame& frame, Item item);
  [[nodiscard]] static Result<> add_to(
      InstanceItem& instance, std::string_view name, Item item, std::uint64_t offset
  );

  // linker_exports.cpp: what the root exports
  [[nodiscard]] Result<> add_export(
      std::string_view interface, std::string_view version, std::string_view name, const Item& item
  );
  /// An import of the host as a lifted function: through a core module made for it.
  [[nodiscard]] Result<std::uint32_t> forward(const FuncItem& func);
  [[nodiscard]] Result<std::vector<CoreRef>> forwarded_borrows(
      const FuncShape& shape, std::uint16_t component_index, Forwarder& out
  );

  // linker_core.cpp: core modules and instances
  [[nodiscard]] Result<std::uint32_t> scan_module(
      const ir::CoreModuleDefinition& definition, std::uint64_t offset
  );
  [[nodiscard]] Result<> run_core_types(
      Frame& frame, const ir::CoreTypeDefinition& definition, std::uint64_t offset
  );
  [[nodiscard]] Result<CoreModule> make_module_type(
      const Frame& frame, const ir::CoreModuleType& type, std::uint64_t offset
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
  [[nodiscard]] Result<> check_memory(const CoreRef& memory, std::uint64_t offset) const;
  [[nodiscard]] Result<> check_func(
      const CoreRef& func,
      const engine::FuncType& wanted,
      std::string_view what,
      std::uint64_t offset
  ) const;

  // linker_canon.cpp: lift, lower and the resource built-ins
  [[nodiscard]] Result<> run_canon(Frame& frame, const ir::Canon& canon, std::uint64_t offset);
  [[nodiscard]] Result<> run_lift(Frame& frame, const ir::Canon& canon, std::uint64_t offset);
  [[nodiscard]] Result<> run_lower(Frame& frame, const ir::Canon& canon, std::uint64_t offset);
  [[nodiscard]] Result<> run_resource(Frame& frame, const ir::Canon& canon, std::uint64_t offset);
  [[nodiscard]] GraphHost lower_options(const Frame& frame, const ir::CanonOptions& options) const;
  [[nodiscard]] Result<CoreRef> lower_announced(
      const FuncItem& func, const GraphHost& options, std::uint64_t offset
  );
  [[nodiscard]] Result<CoreRef> lower_guest(
      const FuncItem& func, GraphHost options, std::uint64_t offset
  );
  [[nodiscard]] Result<CoreRef> add_host(GraphHost host, std::uint64_t offset);
  [[nodiscard]] Result<> check_options(
      const FuncShape& shape,
      bool lift,
      const std::optional<CoreRef>& memory,
      const std::optional<CoreRef>& realloc,
      std::uint64_t offset
  );

  // linker_async.cpp
  [[nodiscard]] Result<> run_async_op(Frame& frame, const ir::Canon& canon, std::uint64_t offset);
  [[nodiscard]] Result<> run_async_lift(Frame& frame, const ir::Canon& canon, std::uint64_t offset);
  [[nodiscard]] Result<> run_async_lower(
      Frame& frame, const ir::Canon& canon, std::uint64_t offset
  );
  /// What a built-in is made of, when it is linked.
  [[nodiscard]] Result<> describe_async_op(
      const Frame& frame, const ir::Canon& canon, std::uint64_t offset, GraphHost& host
  );
  [[nodiscard]] Result<engine::FuncType> async_op_type(
      Frame& frame, const ir::Canon& canon, std::uint64_t offset
  );

  // linker_world.cpp: worlds of bare core modules
  /// The world among what a component type exports; of another kind if there is none.
  [[nodiscard]] Result<TypeItem> find_world(const TypeItem& outer, std::string_view name);
  [[nodiscard]] Result<Item> import_of_world(
      Frame& scope, const ir::Import& import, std::uint64_t offset
  );
  /// The resource of a name, made when it is first asked for.
  [[nodiscard]] ResourceRef defined_resource(
      DefinedResources& defined, std::string_view interface, std::string_view name
  );

  // linker_types.cpp
  [[nodiscard]] Result<TypeItem> make_type(
      const ir::TypeDefinition& definition, const Frame& frame, std::uint64_t offset
  );
  [[nodiscard]] Result<TypeItem> make_resource(
      const ir::TypeDefinition& definition, const Frame& frame, std::uint64_t offset
  );
  [[nodiscard]] Result<TypeItem> make_scope(
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

  // linker_accept.cpp
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
  [[nodiscard]] Result<Item> accept_equal(
      const TypeItem& wanted, const TypeItem* actual, std::string_view name, std::uint64_t offset
  );
  [[nodiscard]] Result<Item> accept_module(
      const ir::ExternType& declared,
      const Frame& frame,
      std::string_view name,
      const Item* given,
      std::uint64_t offset
  );
  [[nodiscard]] Result<Item> accept_component(
      const TypeItem& declared, std::string_view name, const Item* given, std::uint64_t offset
  );
  [[nodiscard]] Result<Item> accept_func(
      const TypeItem& declared,
      const Provider& provider,
      std::string_view name,
      const Item* given,
      std::uint64_t offset
  );
  [[nodiscard]] Result<InstanceRef> open_instance(
      const TypeItem& type, const Provider& provider, std::uint64_t offset, bool is_abstract = false
  );
  [[nodiscard]] Result<> open_declaration(
      Frame& frame, const ir::Definition& definition, const Provider& provider, InstanceItem& out
  );
  /// Runs the body of a component type: imports from `arguments` or nobody's, exports from `given`
  /// or nobody's.
  struct Opened {
    Arguments imports;
    std::shared_ptr<InstanceItem> exports;
  };
  [[nodiscard]] Result<Opened> open_component(
      const ir::TypeScope& scope,
      const Frame* around,
      const Arguments* arguments,
      const InstanceItem* given,
      bool is_abstract,
      std::uint64_t offset
  );
  /// The same type under a name of its own, in validation; else the type itself.
  [[nodiscard]] Result<TypeItem> named_copy(const TypeItem& type, std::uint64_t offset);

  // linker_names.cpp: what imports and exports may show
  enum class Side : std::uint8_t { Import, Export };
  [[nodiscard]] Result<> register_extern(
      Frame& frame, Side side, std::string_view name, const Item& item, std::uint64_t offset
  );
  [[nodiscard]] Result<> check_annotated(
      const NamedTypes& names, std::string_view name, const Item& item, std::uint64_t offset
  );
  [[nodiscard]] Result<> check_bag(
      const ir::InstanceDefinition& definition, const InstanceItem& bag, std::uint64_t offset
  );

  const HostRegistry& registry_;
  LinkMode mode_;
  Graph graph_;
  std::vector<std::unique_ptr<Frame>> frames_;
  std::unordered_map<std::uint32_t, std::uint32_t> scanned_;  ///< module of the file → of the graph
  std::array<TypeRef, 14> primitives_;
  Flattener flattener_;
  std::uint64_t fuel_;
  const PartImports* part_;
  Frame* part_frame_ = nullptr;
  std::uint32_t depth_ = 0;
};

/// Links a bare core module as a component instance of a composition.
/// @param component  its number
/// @return           what it exports
[[nodiscard]] Result<InstanceRef> link_core_part(
    const HostRegistry& registry, Linker& linker, ByteView bytes, std::uint16_t component
);

/// Whether everything in a component is well-typed, whatever the host offers. Asynchronous
/// operations are typed like the rest. @return InvalidInput, or Unsupported for value definitions
[[nodiscard]] Result<> validate(const std::shared_ptr<const ir::Component>& root);

}  // namespace whorl::component
