/// Internal to engine/: what a Store holds, and the steps that store.cpp, call.cpp and fiber.cpp
/// share.
#pragma once

#include "engine/asan_stack.hpp"
#include "engine/capi.hpp"
#include "engine/engine_impl.hpp"
#include "engine/fiber.hpp"
#include "engine/store.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace whorl::engine {

using Clock = std::chrono::steady_clock;

/// The asynchronous call of the driver that a fiber stands on. The engine keeps references to all
/// of it while it runs.
struct DriverCall {
  wasmtime_func_t run = {};
  wasm_trap_t* trap = nullptr;        ///< written by the engine when the call is over
  wasmtime_error_t* error = nullptr;  ///< likewise
  capi::Future future;

  DriverCall() = default;
  DriverCall(const DriverCall&) = delete;
  DriverCall& operator=(const DriverCall&) = delete;
  ~DriverCall() {
    future.reset();
    const capi::WasmTrap owned_trap(trap);
    const capi::Error owned_error(error);
  }
};

struct Fiber::Impl {
  Fiber* self = nullptr;
  Store::Impl* store_impl = nullptr;  ///< null once the store is gone
  Store* store = nullptr;
  FiberScheduler* scheduler = nullptr;
  Entry entry = nullptr;
  void* env = nullptr;

  State state = State::New;
  bool woken = false;         ///< an unpark() that no park() has used yet
  bool told_ready = false;    ///< fiber_ready() was called and resume() not yet
  bool parking = false;       ///< between park()'s entry and its return
  bool yielding = false;      ///< the epoch callback asked for a yield
  bool past_slice = false;    ///< has yielded before
  bool just_back = false;     ///< goes on after a yield: the epoch callback is called once at once
  bool interrupted = false;   ///< interrupt() was called
  bool asked_to_end = false;  ///< its operation was asked to end, or it was woken for that
  bool returned = false;      ///< the entry returned: outcome is what it said
  bool rests = false;         ///< and its call waits for the store's next fiber
  async::Cancellable* operation = nullptr;

  std::unique_ptr<DriverCall> call;
  std::uintptr_t stack_bottom = 0;  ///< no frame may come below
  /// The thread's C++ exception state as of the last suspension (engine.md K4).
  struct ExceptionState {
    void* caught = nullptr;
    unsigned int uncaught = 0;
  } exceptions;
  std::expected<void, Trap> outcome;

  Impl* next = nullptr;  ///< fibers of the store
  Impl* previous = nullptr;

  /// Called wherever our code may find itself on the fiber after a switch.
  void arrived() noexcept {
#ifdef WHORL_ENGINE_ASAN
    const StackBounds before =
        stand_on({reinterpret_cast<const void*>(stack_bottom), kFiberStackBytes - kFramesAboveEntry}
        );
    if (thread_stack.bottom == nullptr) {
      thread_stack = before;
    }
#endif
  }
  StackBounds thread_stack;  ///< what the fiber was entered from
  /// The engine's own frames above the entry, at most.
  static constexpr std::size_t kFramesAboveEntry = 32 * 1024;

  /// Runs `step` (which enters the fiber) with the fiber as the current one.
  template <class Step>
  auto switched_in(Step step);
  [[nodiscard]] bool start();
  void finish();
  /// Ends an unfinished fiber: its stack unwinds, nothing in it waits (K2).
  void end() noexcept;
  void unlink() noexcept;
  void wake_to_end() noexcept;
};

struct Store::Impl {
  std::shared_ptr<Engine> engine;
  capi::Store store;
  wasmtime_context_t* context = nullptr;
  Store* self = nullptr;
  Budget budget;
  Clock::time_point created;
  bool is_untouched = false;  ///< nothing ran since `created`, which is the time now
  std::chrono::nanoseconds cpu_used{0};
  Clock::time_point run_started;
  Clock::time_point charged_until;  ///< of the present run
  unsigned running = 0;             ///< nesting of Run
  EpochClock::Slot* slot = nullptr;
  Fiber::Impl* current = nullptr;
  Fiber::Impl* fibers = nullptr;
  bool dying = false;
  std::uint64_t host_calls = 0;
  std::optional<Trap> ending;  ///< why; set once, with dying
  bool has_driver = false;
  Func run;
  Func block;
  Func nap;
  /// The memory that was asked for last. The engine never moves one.
  struct SeenMemory {
    Memory memory;
    std::uint8_t* base = nullptr;
  } seen_memory;
  bool keeps_fiber = false;             ///< a fiber that ended well leaves its call to the next one
  std::unique_ptr<DriverCall> resting;  ///< such a call
  bool is_wanted = false;               ///< `resting` is to go on

  /// Marks guest code as running on this thread and charges its time to the store.
  class Run {
   public:
    explicit Run(Impl& store) noexcept : store_(store) {
      if (store.running++ == 0) {
        marked_ = store.engine->impl().clock->begin(*store.slot);
        // The first run follows so soon that the clock need not be read again.
        const bool is_first = std::exchange(store.is_untouched, false);
        store.run_started = store.charged_until = is_first ? store.created : Clock::now();
      }
    }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    ~Run() {
      if (--store_.running == 0) {
        store_.charge(Clock::now());
        if (marked_) {
          store_.engine->impl().clock->end(*store_.slot);
        }
      }
    }

   private:
    Impl& store_;
    bool marked_ = false;
  };

  /// Charges the time of the present run up to `now`. The cheap monotonic clock is enough for short
  /// times; a long one may be the guest's, or that of others whom the kernel gave this core.
  void charge(Clock::time_point now) noexcept {
    std::chrono::nanoseconds time = now - charged_until;
    if (time > kLongTime) [[unlikely]] {
      time = own_part(time);
    }
    cpu_used += time;
    charged_until = now;
  }
  static constexpr std::chrono::nanoseconds kLongTime = kEpochTick * 4;
  /// How much of a long time was the guest's, at most. Tells the clock about one that ran on.
  [[nodiscard]] std::chrono::nanoseconds own_part(std::chrono::nanoseconds time) noexcept;
  /// The store is being ended from now on; the first reason stays.
  void fail(Trap reason);
  void fail(TrapKind kind, std::string message, int exit_code = 0);
  /// Turns what a guest call gave back into the store's ending, and returns a copy of that.
  [[nodiscard]] Trap take_failure(capi::WasmTrap trap, capi::Error error);
  /// Instantiates the driver if that has not happened. @return false after fail()
  [[nodiscard]] bool ensure_driver();
  [[nodiscard]] bool stack_allows_entry() const noexcept;
  /// On a fiber that has ended well: waits until its call is wanted by another one.
  /// @return false if there is none, and the call is to end
  [[nodiscard]] bool rest() noexcept;
  /// Calls a function of the driver that suspends the fiber. @return false if the fiber is to end
  [[nodiscard]] bool enter_driver(const Func& function) noexcept;
  /// Ends the call that rests, if one does. Off the fibers.
  void end_rest() noexcept;
  /// False after fail(): the store is dying, or has had a fiber.
  [[nodiscard]] bool may_instantiate();
};

/// The callback that the engine gets for every host function; its env is a HostRecord.
wasm_trap_t* host_thunk(
    void* record, wasmtime_caller_t* caller, wasmtime_val_raw_t* values, std::size_t count
) noexcept;
/// Where the driver's `run` enters: executes the current fiber's entry.
wasm_trap_t* enter_thunk(
    void* env, wasmtime_caller_t* caller, wasmtime_val_raw_t* values, std::size_t count
) noexcept;
/// The driver's asynchronous import, which suspends the current fiber.
void suspend_thunk(
    void* env,
    wasmtime_caller_t* caller,
    const wasmtime_val_t* args,
    std::size_t arg_count,
    wasmtime_val_t* results,
    std::size_t result_count,
    wasm_trap_t** trap,
    wasmtime_async_continuation_t* continuation
) noexcept;
/// What the engine calls when a store's epoch deadline passed.
wasmtime_error_t* epoch_callback(
    wasmtime_context_t* context,
    void* store,
    std::uint64_t* delta,
    wasmtime_update_deadline_kind_t* kind
) noexcept;

/// A host function as the thunk sees it; freed by free_host_record when the engine drops it.
struct HostRecord {
  HostFn call;
  void* env;
};
[[nodiscard]] void* make_host_record(const HostFunc& func);
void free_host_record(void* record) noexcept;

}  // namespace whorl::engine
