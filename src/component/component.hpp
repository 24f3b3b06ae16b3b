/// Component: a decoded, checked, linked and compiled component, ready to be instantiated; and
/// ComponentInstance: one instance of it in one store.
///
/// load() accepts component binaries and bare core modules (with a component-type section, or whose
/// imports are all known by name, engine.md E.7). Everything that can be decided before a request
/// is decided here; an instantiation runs a flat list of steps (engine.md D.1).
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "component/handle_table.hpp"
#include "component/host.hpp"
#include "component/task_builtins.hpp"
#include "component/types.hpp"
#include "engine/module.hpp"
#include "engine/store.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::component {

class AsyncState;
struct FuncLayout;
struct Part;

/// A lifted export that can be called: where its core function is, its type, its options.
struct ExportedFunc {
  std::string interface;  ///< "wasi:http/incoming-handler", empty for a top-level function
  std::string version;    ///< "0.2.4"
  std::string name;       ///< "handle"
  FuncShape shape;
  /// False for a bare core module without a component-type section: then `shape` is a guess of
  /// plain numbers, and only `core_type` says what the function takes.
  bool shape_known = true;
  engine::FuncType core_type;
  std::uint16_t func_slot = 0;  ///< index into the instance's functions
  std::uint16_t post_return_slot = CallSite::kNone;
  std::uint16_t memory_slot = CallSite::kNone;
  std::uint16_t realloc_slot = CallSite::kNone;
  std::uint16_t component_index = 0;
  StringEncoding encoding = StringEncoding::Utf8;
  bool is_async_type = false;  ///< `async func`: call_async_export() calls it
  bool is_async_lift = false;  ///< it returns by task.return
  std::uint16_t callback_slot = CallSite::kNone;
  std::uint32_t result_id = 0;  ///< of its result type, as task.return names it
  /// Sizes and places of the shape's values, for calls that are interpreted; null when the shape is
  /// not known.
  std::shared_ptr<const FuncLayout> layout;
};

/// How shim and fix-up modules are handled (engine.md E.1).
enum class ShimMode : std::uint8_t { ElideWherePossible, Faithful };

/// How preview 1 adapters are handled (engine.md E.2).
enum class AdapterMode : std::uint8_t {
  NativeWherePossible,  ///< the host's preview 1 in their place, if shims are elided too
  AsShipped,
};

struct LoadOptions {
  ShimMode shims = ShimMode::ElideWherePossible;
  AdapterMode adapters = AdapterMode::NativeWherePossible;
};

/// Immutable and shared by all shards. @thread any
class Component {
 public:
  /// @param name   for messages: the file or component id
  /// @param cache  may be null: then everything is compiled anew
  /// @return       InvalidInput or Unsupported, one message that says what is wrong, where, and (as
  ///               help) what to do about it
  [[nodiscard]] static Result<std::shared_ptr<const Component>> load(
      const std::shared_ptr<engine::Engine>& engine,
      const engine::ModuleCache* cache,
      const HostRegistry& registry,
      ByteView bytes,
      std::string_view name,
      const LoadOptions& options = {}
  );
  /// The same of several components put together (component/composition.hpp).
  [[nodiscard]] static Result<std::shared_ptr<const Component>> load(
      const std::shared_ptr<engine::Engine>& engine,
      const engine::ModuleCache* cache,
      const HostRegistry& registry,
      std::span<const Part> parts,
      const LoadOptions& options = {}
  );
  Component(const Component&) = delete;
  Component& operator=(const Component&) = delete;
  ~Component();

  /// Finds an exported function by interface, semver-compatible version and name.
  [[nodiscard]] const ExportedFunc* find_export(
      std::string_view interface, std::string_view version, std::string_view name
  ) const noexcept;
  [[nodiscard]] std::span<const ExportedFunc> exports() const noexcept;
  [[nodiscard]] const std::shared_ptr<engine::Engine>& engine() const noexcept;

  /// What went wrong with the code cache while loading, for the log; empty if nothing did.
  [[nodiscard]] std::span<const std::string> notes() const noexcept;
  /// How instances are made, one step per line, for people who debug.
  [[nodiscard]] std::string describe() const;

  struct Impl;
  [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }

 private:
  explicit Component(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

/// One instance. Create it, create a store whose host_data is this object, then instantiate().
/// @thread shard
class ComponentInstance {
 public:
  /// @param hosts  Host objects by slot of the registry; outlive the instance
  ComponentInstance(std::shared_ptr<const Component> component, std::span<void* const> hosts);
  ComponentInstance(const ComponentInstance&) = delete;
  ComponentInstance& operator=(const ComponentInstance&) = delete;
  /// Drops what is left in the handle tables. The store must be gone or about to go unused.
  ~ComponentInstance();

  /// Runs the plan: instantiates every core module, fills the slots. Off the fibers.
  [[nodiscard]] std::expected<void, engine::Trap> instantiate(engine::Store& store);
  /// Runs the start functions that could be put off until a fiber is there (_initialize and its
  /// like). On the fiber, once, before the first call of an export.
  [[nodiscard]] std::expected<void, engine::Trap> run_deferred_starts(engine::Store& store);
  [[nodiscard]] bool has_deferred_starts() const noexcept;

  [[nodiscard]] const Component& component() const noexcept { return *component_; }
  /// The Host object of an interface; null where the instance was given none.
  [[nodiscard]] void* host(std::uint16_t slot) const noexcept {
    return slot < hosts_.size() ? hosts_[slot] : nullptr;
  }

  // --- for component/abi.hpp -------------------------------------------------------------------
  // Component instances are numbered as in the plan; the root is 0.
  [[nodiscard]] HandleTable& handles(std::uint16_t component_index) noexcept {
    return states_[component_index].handles;
  }
  /// False while a realloc or post-return of that component instance runs.
  [[nodiscard]] bool may_leave(std::uint16_t component_index) const noexcept {
    return states_[component_index].may_leave;
  }
  void set_may_leave(std::uint16_t component_index, bool value) noexcept {
    State& state = states_[component_index];
    state.may_leave = value || state.realloc_may_leave;
  }

  /// The caller of enter() when the host calls.
  static constexpr std::uint16_t kHost = 0xffff;
  /// Enters a component instance, and those around it that the caller is not in already. Nothing of
  /// them can be entered again until leave(): a component is never re-entered. After a trap nobody
  /// leaves, so that what trapped stays closed for good.
  ///
  /// @return false, and nothing entered, when one of them is already entered
  /// @spec definitions.py ComponentInstance.may_enter_from, enter_from
  [[nodiscard]] bool enter(std::uint16_t component_index, std::uint16_t caller) noexcept;
  /// Whether one of both is nested in the other: such calls trap, as they do in the engines that
  /// are out. @spec component model test/async/trap-on-reenter.wast
  [[nodiscard]] bool is_nested(std::uint16_t one, std::uint16_t other) const noexcept;
  /// Undoes enter() after a call that returned. @spec definitions.py ComponentInstance.leave_to
  void leave(std::uint16_t component_index, std::uint16_t caller) noexcept;

  /// The asynchronous side; null for a component without asynchronous operations.
  [[nodiscard]] AsyncState* async() noexcept { return async_.get(); }
  [[nodiscard]] std::uint16_t backpressure(std::uint16_t component_index) const noexcept {
    return states_[component_index].backpressure;
  }
  /// An entry of a table of functions, for thread.new-indirect.
  [[nodiscard]] std::optional<engine::Func> func_in_table(
      engine::Store& store, std::uint16_t table_slot, std::uint32_t index
  ) const;

  /// Of the task that a component instance runs: zero since enter(). Whoever enters on behalf of
  /// another component instance puts back what was there.
  [[nodiscard]] TaskStorage& task_storage(std::uint16_t component_index) noexcept {
    return states_[component_index].storage;
  }
  /// @return false when the count of 16 bits would overflow, or go below 0
  [[nodiscard]] bool add_backpressure(std::uint16_t component_index) noexcept;
  [[nodiscard]] bool remove_backpressure(std::uint16_t component_index) noexcept;

  /// Null until the module that defines it was instantiated.
  [[nodiscard]] const engine::Memory* memory(std::uint16_t slot) const noexcept {
    return memories_[slot] ? &*memories_[slot] : nullptr;
  }
  [[nodiscard]] const engine::Func* func(std::uint16_t slot) const noexcept {
    return funcs_[slot] ? &*funcs_[slot] : nullptr;
  }

  // --- for component/instance_reset.hpp ----------------------------------------------------------
  /// An export of a core instance, by the step of the plan that made it.
  [[nodiscard]] std::optional<engine::Extern> find_core_export(
      engine::Store& store, std::uint32_t step, std::string_view name
  ) const;
  /// After an event: destroys what the handle tables hold. @return false when a call did not come
  /// back, so that the instance can't serve again
  [[nodiscard]] bool end_event() noexcept;

 private:
  /// Looks up what the host will use of a core instance that was just made.
  [[nodiscard]] std::expected<void, engine::Trap> fill_slots(
      engine::Store& store, const engine::Instance& instance, std::uint32_t step
  );
  /// The same of functions that no core instance defines.
  [[nodiscard]] std::expected<void, engine::Trap> fill_host_slots(
      engine::Store& store, const engine::Instance& bridge
  );
  /// Calls are not checked by the engine: their types are compared once with the ones planned for.
  [[nodiscard]] std::expected<void, engine::Trap> check_types(engine::Store& store) const;

  std::shared_ptr<const Component> component_;
  std::span<void* const> hosts_;
  std::uint32_t num_handles_ = 0;  ///< entries of all tables, where there are several
  /// Of one component instance.
  struct State {
    HandleTable handles;
    bool may_enter = true;
    bool may_leave = true;
    bool realloc_may_leave = false;  ///< a module of 2022: its first realloc may ask the host
    std::uint16_t backpressure = 0;
    TaskStorage storage = {};
  };
  std::vector<State> states_;
  std::vector<engine::Instance> core_instances_;  ///< by step of the plan
  std::vector<std::optional<engine::Memory>> memories_;
  std::vector<std::optional<engine::Func>> funcs_;
  std::vector<std::optional<engine::Extern>> tables_;
  std::unique_ptr<AsyncState> async_;
};

}  // namespace whorl::component
