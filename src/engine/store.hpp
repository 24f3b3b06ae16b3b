/// Store: the isolated world of one event: its core instances, memories, budget and fibers.
///
/// A store belongs to one shard and lives as long as one event (later: until it is reset). Modules
/// are instantiated first, off the fibers; then guest code runs on a Fiber through call_guest().
/// @thread shard, all of it
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"
#include "engine/module.hpp"
#include "engine/types.hpp"

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace whorl::engine {

class Store;
class Fiber;

/// A host function: reads its arguments from `slots`, writes its results there (from slots[0]).
///
/// @param env    what was given when the function was defined; outlives every store that links it
/// @param slots  max(params, results) values
/// @return       Trap after store.set_trap(…); the status is Trap whatever the function returns
///               once the store is dying (engine.md K2). Exceptions that escape become traps.
using HostFn = HostStatus (*)(void* env, Store& store, RawVal* slots);

/// A core function's definition by the host.
struct HostFunc {
  FuncType type;
  HostFn call = nullptr;
  void* env = nullptr;
};

/// Handles into a store; valid as long as it. Using one with another store is a bug (the engine
/// aborts), so they are kept in per-store state only.
struct Func {
  std::uint64_t opaque[2] = {};
};
struct Memory {
  std::uint64_t opaque[3] = {};
};
struct Instance {
  std::uint64_t opaque[2] = {};
};
struct Global {
  std::uint64_t opaque[3] = {};
};
/// The value of a global of a number or vector type.
struct GlobalValue {
  ValType type = ValType::I32;
  RawVal value = {};
};
/// Any item a module exports or imports: function, memory, table, global, tag.
struct alignas(16) Extern {
  std::uint8_t opaque[48] = {};
};

/// A module whose imports are all host functions, resolved and type-checked once.
/// @thread any
class InstancePre {
 public:
  /// One import of a module.
  struct Import {
    std::string module;
    std::string name;
    HostFunc func;
  };
  /// @param imports  one entry per import of the module; order does not matter
  /// @return InvalidInput when an import is missing or its type differs; the message names it
  [[nodiscard]] static Result<InstancePre> create(
      const Engine& engine, const Module& module, std::span<const Import> imports
  );

  struct Impl;
  [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }

 private:
  explicit InstancePre(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

/// What one event may use.
struct Budget {
  std::chrono::nanoseconds cpu = std::chrono::seconds(30);  ///< CPU in all
  /// After this much CPU in one go others get their turn (engine.md K8).
  std::chrono::nanoseconds slice = kEpochTick;
  /// Wall-clock end; time_point::max() for none. Can be moved while the guest runs or waits.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  std::uint64_t memory_bytes = std::uint64_t{1} << 30;  ///< per linear memory
};

class Store {
 public:
  /// @param host_data  what host functions find by host_data(); must outlive the store
  [[nodiscard]] static Result<std::unique_ptr<Store>> create(
      const std::shared_ptr<Engine>& engine, const Budget& budget, void* host_data
  );
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  /// Ends fibers that are still alive (each unwinds, none waits), then frees everything.
  ~Store();

  [[nodiscard]] void* host_data() const noexcept { return host_data_; }
  [[nodiscard]] const Budget& budget() const noexcept;
  void set_deadline(std::chrono::steady_clock::time_point deadline) noexcept;
  /// Makes a store whose event ended well ready for the next one: a budget anew, nothing used.
  ///
  /// @param budget  its memory_bytes is the one the store was made with
  /// @param now     the time, for callers that know it already
  /// @return        false if it can't serve again: it is dying, or a fiber of it is alive
  [[nodiscard]] bool begin_next_event(
      const Budget& budget,
      std::chrono::steady_clock::time_point now = std::chrono::steady_clock::now()
  ) noexcept;
  /// Calls of host functions so far. Unchanged over a stretch of guest code: it saw nothing of the
  /// world outside.
  [[nodiscard]] std::uint64_t host_calls() const noexcept;
  /// CPU used so far by guest code and the host functions it called.
  [[nodiscard]] std::chrono::nanoseconds cpu_used() const noexcept;

  // --- instantiation: before the first fiber starts ------------------------------------------
  // A start function runs inside, off any fiber: it may not wait (a host function that must wait
  // traps) and its budget is charged without giving way to others.

  [[nodiscard]] std::expected<Instance, Trap> instantiate(const InstancePre& pre);
  /// @param imports  in the order of the module's imports
  [[nodiscard]] std::expected<Instance, Trap> instantiate(
      const Module& module, std::span<const Extern> imports
  );
  /// A host function as an item that can be imported in this store.
  [[nodiscard]] Extern define(const HostFunc& func);
  [[nodiscard]] std::optional<Extern> find_export(const Instance& instance, std::string_view name);
  [[nodiscard]] std::optional<Func> as_func(const Extern& item) const noexcept;
  [[nodiscard]] std::optional<Memory> as_memory(const Extern& item) const noexcept;
  [[nodiscard]] std::optional<Global> as_global(const Extern& item) const noexcept;
  /// The function at an index of a table of functions; nothing for a null entry, an index past the
  /// end, and an item that is no such table.
  [[nodiscard]] std::optional<Func> func_in_table(const Extern& table, std::uint64_t index) const;
  /// The value of a global; nothing for references.
  [[nodiscard]] std::optional<GlobalValue> value_of(const Global& global) const noexcept;
  /// Sets a mutable global to a value of its type. @return false if it is not one
  [[nodiscard]] bool set_value(const Global& global, const GlobalValue& value) noexcept;
  /// The type of a function, for the one-time check behind unchecked calls (engine.md D.6).
  [[nodiscard]] FuncType type_of(const Func& func);

  // --- guest memory ----------------------------------------------------------------------------
  /// The bytes of a memory now. Any guest entry may move or grow it: keep offsets, never this view,
  /// across one.
  [[nodiscard]] MutableByteView bytes_of(const Memory& memory) noexcept;

  // --- calls -----------------------------------------------------------------------------------
  /// The one way into guest code. Checks the fiber's stack first (engine.md K1): a guest nested too
  /// deeply through host functions gets StackOverflow. Any call may suspend the fiber.
  /// Not from a destructor or a catch block (engine.md K4).
  ///
  /// @param slots  arguments in, results out; max(params, results) values. The function's type must
  ///               be known to match: it is not checked here.
  [[nodiscard]] std::expected<void, Trap> call_guest(const Func& func, std::span<RawVal> slots);

  /// For host functions, between pieces of work that may be long: what a loop of the guest does at
  /// a tick. Its budget is looked at, and others of the shard get their turn when its slice is
  /// over. No guest entry: nothing else of this store runs meanwhile, and its memories stay where
  /// they are. Without effect off the fibers. Costs as much as a call of an empty guest function.
  ///
  /// @return  false once the store is dying: the work is to be left as it is
  [[nodiscard]] bool give_way_if_due();

  /// Records why the running guest is to be ended; the host function then returns
  /// HostStatus::Trap. The first reason of a store wins.
  HostStatus set_trap(TrapKind kind, std::string message, int exit_code = 0);

  /// The fiber that is running now; nullptr off the fibers.
  [[nodiscard]] Fiber* current_fiber() const noexcept;
  /// True once the store is being ended: nothing in it may wait any more.
  [[nodiscard]] bool is_dying() const noexcept;

  struct Impl;
  Store(std::unique_ptr<Impl> impl, void* host_data) noexcept;  ///< for create()
  [[nodiscard]] Impl& impl() const noexcept { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
  void* host_data_;
};

}  // namespace whorl::engine
