/// Plan: the flat list of steps that makes an instance of a component (engine.md D.1).
///
/// Made once, at load, from a component or a bare core module; an instantiation only runs it.
/// @thread any (immutable once made)
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "component/announced.hpp"
#include "component/async_builtins.hpp"
#include "component/component.hpp"
#include "component/guest_call.hpp"
#include "component/host.hpp"
#include "component/payloads.hpp"
#include "component/resource_builtins.hpp"
#include "engine/store.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::component {

struct Graph;

/// A core function that no core module defines, with the environment of its thunk: a lowered
/// function of the host or of another component instance, or a built-in. Its address is given to
/// the engine, so it never moves.
struct HostImport {
  CallSite site;            ///< of a function of the host
  DropSite drop;            ///< of the drop of a host resource
  GuestCallSite guest;      ///< of a function of another component instance
  AnnouncedSite announced;  ///< of a function of an interface with nothing behind it
  ResourceSite resource;    ///< of a built-in of a resource that a component defines
  TaskSite task;            ///< of a built-in of the task
  AsyncSite async;          ///< of a built-in for tasks, waitables, streams, futures, threads
  engine::HostFunc func;    ///< env points to one of the above
  std::string label;        ///< for messages
};

struct Plan {
  struct Module {
    ByteView original;  ///< in the component's bytes; only good while it is loaded
    Bytes rewritten;    ///< instead, where the start function was taken out
    std::string name;   ///< for messages
    [[nodiscard]] ByteView wasm() const noexcept {
      return rewritten.empty() ? original : ByteView(rewritten);
    }
  };
  /// What one import of a module is bound to.
  struct Binding {
    std::string module;  ///< names of the import
    std::string name;
    std::optional<std::uint32_t> host;  ///< entry of `hosts`
    std::uint32_t instance = 0;         ///< else the step whose instance exports it …
    std::string item;                   ///< … under this name
  };
  /// Instantiates a module; the n-th step makes core instance n.
  struct Step {
    std::uint32_t module = 0;
    std::vector<Binding> imports;  ///< in the order of the module's imports
    [[nodiscard]] bool all_host() const noexcept;
  };
  /// A memory or function that the host will use: an export of a core instance, or an entry of
  /// `hosts`.
  struct Slot {
    std::uint32_t instance = kNoInstance;
    std::string item;
    std::optional<std::uint32_t> host = {};
    static constexpr std::uint32_t kNoInstance = ~std::uint32_t{0};
    bool operator==(const Slot&) const = default;
  };

  std::vector<Module> modules;
  std::vector<Step> steps;
  std::vector<Slot> memories;
  std::vector<Slot> tables;
  std::vector<Slot> funcs;
  std::vector<engine::FuncType> func_types;    ///< of `funcs`, as checked at load
  std::vector<std::uint16_t> deferred_starts;  ///< func slots, in order
  std::vector<std::unique_ptr<HostImport>> hosts;
  std::vector<ExportedFunc> exports;
  /// A component instance: the root first, nested ones after what they are nested in.
  struct ComponentInfo {
    std::uint16_t parent = kNoParent;
    std::uint16_t depth = 0;  ///< of the root: 0
    /// A module of 2022, which knows no such rule: its first realloc runs what others do at start.
    bool realloc_may_leave = false;
    static constexpr std::uint16_t kNoParent = 0xffff;
  };
  std::vector<ComponentInfo> components;
  std::vector<std::string> notes;  ///< what was elided or kept, for people
  /// Some operation of it is asynchronous: instances have an AsyncState.
  bool uses_async = false;
  std::unique_ptr<PayloadTable> payloads;  ///< what its streams and futures carry
};

/// Decodes, links and plans without compiling anything: all of loading that needs no engine.
///
/// @param bytes  component or bare core module; must outlive the plan's use of Module::original
/// @return       InvalidInput or Unsupported, as Component::load
[[nodiscard]] Result<Plan> plan_component(
    const HostRegistry& registry, ByteView bytes, const LoadOptions& options
);

/// Whether a component is well-formed and well-typed in all its parts, whatever a host offers and
/// whether or not it can be run here: asynchronous operations are only refused by plan_component().
///
/// @return InvalidInput; Unsupported for start and value definitions, and for 64-bit or shared
///         memories as a canonical option
[[nodiscard]] Result<> validate_component(ByteView bytes);

/// Turns a linked graph into a plan: elides shims, decides on start functions, numbers slots.
[[nodiscard]] Result<Plan> make_plan(
    Graph graph, const HostRegistry& registry, const LoadOptions& options
);

/// The plan as text, one step per line, for debugging and for tests.
[[nodiscard]] std::string describe_plan(const Plan& plan);

/// A bare core module (engine.md E.7): imports matched by name, the world of its component-type
/// sections used where there is one.
[[nodiscard]] Result<Graph> link_core_module(const HostRegistry& registry, ByteView bytes);

}  // namespace whorl::component
