/// The instantiation graph of a component with everything nested resolved: core instances, host
/// functions lowered for them, functions lifted from them. Built by the linker, thinned by the
/// elision of shims, then turned into a Plan.
///
/// Private to the room. Names are views into the component's bytes. @thread any (a value)
#pragma once

#include "component/async_builtins.hpp"
#include "component/core_module.hpp"
#include "component/host.hpp"
#include "component/task_builtins.hpp"
#include "component/types.hpp"
#include "engine/types.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::component {

/// A core item: what a core instance exports, or a host function lowered into core.
struct CoreRef {
  enum class Source : std::uint8_t { Export, Host };
  Source source = Source::Export;
  CoreKind kind = CoreKind::Func;
  std::uint32_t index = 0;  ///< Export: core instance; Host: entry of Graph::hosts
  std::string_view name;    ///< Export
  bool operator==(const CoreRef&) const = default;
};

/// One core instance: a module and what it is given, in the order of the module's imports.
struct GraphInstance {
  std::uint32_t module = 0;  ///< entry of Graph::modules
  std::vector<CoreRef> imports;
};

/// A core function that no core module defines: a component function lowered with certain options,
/// or a canonical built-in.
struct GraphHost {
  enum class Kind : std::uint8_t {
    Function,      ///< `function`, of the host
    CoreFunction,  ///< `core_function`, of the host
    Announced,     ///< of an interface with nothing behind it, of type `shape`
    HostDrop,      ///< resource.drop of the host resource `drop`
    GuestCall,     ///< `lift`, of another component instance
    ResourceNew,   ///< of `resource`, as the next two
    ResourceDrop,
    ResourceRep,
    ContextGet,  ///< of `task`, as the next three
    ContextSet,
    BackpressureInc,
    BackpressureDec,
    AsyncOp,   ///< `op`, with `async`
    Abstract,  ///< nothing but its type; in validation only
  };
  Kind kind = Kind::Abstract;
  const HostFunction* function = nullptr;
  const ResourceTag* drop = nullptr;
  const CoreHostFunction* core_function = nullptr;
  ResourceRef resource;
  std::uint32_t lift = 0;  ///< entry of Graph::lifts
  TaskSite task;
  ir::CanonOp op = ir::CanonOp::Lower;
  AsyncSite async;        ///< flags only; the rest is planned
  TypeRef payload;        ///< stream.*, future.*: the element type, null for none
  TypeRef result;         ///< task.return: null for none
  bool is_async = false;  ///< Function, GuestCall: lowered asynchronously
  std::optional<CoreRef> table;
  std::uint16_t host_slot = 0;
  engine::FuncType type;
  std::optional<CoreRef> memory;
  std::optional<CoreRef> realloc;
  StringEncoding encoding = StringEncoding::Utf8;
  std::uint16_t component_index = 0;  ///< the component instance that calls it
  std::string label;                  ///< "wasi:io/streams@0.2.12 [method]output-stream.write"
  // Announced
  bool is_denied = false;  ///< not granted, rather than not there
  std::shared_ptr<const FuncShape> shape;
  std::string_view interface;
  std::string_view name;
};

/// A lifted core function.
struct GraphLift {
  CoreRef func;
  std::optional<CoreRef> memory;
  std::optional<CoreRef> realloc;
  std::optional<CoreRef> post_return;
  std::optional<CoreRef> callback;
  bool is_async = false;  ///< the canonical option
  std::shared_ptr<const FuncShape> shape;
  bool shape_known = true;  ///< false: made up of core values, for a module without a world
  engine::FuncType core_type;
  StringEncoding encoding = StringEncoding::Utf8;
  std::uint16_t component_index = 0;
  std::string label;  ///< for messages: the name it was first exported under
};

/// A resource type that a component instance defines.
struct GraphResource {
  std::shared_ptr<ResourceType> type;
  std::optional<CoreRef> destructor;
};

struct GraphExport {
  std::string interface;
  std::string version;
  std::string name;
  std::uint32_t lift = 0;
};

struct Graph {
  std::deque<CoreModule> modules;
  std::deque<Bytes> made;                ///< modules of our own; entries of `modules` may view them
  std::vector<GraphInstance> instances;  ///< in the order of instantiation
  std::vector<GraphHost> hosts;
  std::vector<GraphLift> lifts;
  std::vector<GraphResource> resources;
  std::vector<GraphExport> exports;
  std::vector<CoreRef> starts;  ///< functions to call once, after all start functions
  /// Those that are modules of 2022.
  std::vector<std::uint16_t> legacy_components;
  /// Component instances by number: the one each is nested in, kNone for the root.
  std::vector<std::uint16_t> component_parents;

  /// The type of a core item. Null for what a host function is not: it is always a function.
  [[nodiscard]] const CoreExternType* extern_type(const CoreRef& ref) const noexcept;
  /// The type of a core function; null when it is none, or can't be expressed.
  [[nodiscard]] const engine::FuncType* func_type(const CoreRef& ref) const noexcept;
  [[nodiscard]] const CoreModule& module_of(const CoreRef& ref) const noexcept {
    return modules[instances[ref.index].module];
  }
};

/// How a module is called in messages: `core module 2 "wit-component:shim"`.
[[nodiscard]] std::string describe_module(const Graph& graph, std::uint32_t module);

/// Why an item cannot be given for an import; empty if it can.
[[nodiscard]] std::string explain_binding(
    const Graph& graph, const CoreModule& module, const CoreImport& import, const CoreRef& given
);

}  // namespace whorl::component
