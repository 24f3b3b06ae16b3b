/// FiberRun: the fibers of one store, and who runs next: the event loop of one instance.
///
/// A store's first fiber runs what the host asks for (start()). Calls that may have to wait while
/// their caller goes on get further fibers, which serve one call after the other. One runs at a
/// time: a thread that resumes another is suspended until that one blocks or ends, as in
/// definitions.py; when nobody is left to go back to, the next one that is ready gets its turn.
///
/// The owner calls step() whenever its Driver was woken, until Done. It is not called inside a
/// fiber.
/// @thread shard. @spec definitions.py Store.tick, Thread.resume
#pragma once

#include "component/component.hpp"
#include "component/fiber_share.hpp"
#include "component/thread.hpp"
#include "engine/fiber.hpp"
#include "engine/store.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace whorl::component {

class AsyncState;

/// A fiber that serves threads, one after the other.
struct Worker {
  /// Gives back what was taken.
  struct Taken {
    explicit Taken(FiberShare* from) noexcept : share(from) {}
    Taken(const Taken&) = delete;
    Taken& operator=(const Taken&) = delete;
    ~Taken() {
      if (share != nullptr) {
        share->give_back();
      }
    }
    FiberShare* share;
  };

  /// @param share  of which the fiber was taken; null for none
  Worker(
      FiberRun& in, engine::Store& store, engine::Fiber::Entry entry, FiberShare* share = nullptr
  );

  FiberRun& run;
  Taken taken;  ///< given back after the stack
  engine::Fiber fiber;
  Thread* top = nullptr;       ///< the innermost thread on its stack
  Thread* job = nullptr;       ///< to be run by it next
  Worker* resumer = nullptr;   ///< who goes on when it blocks; null: nobody
  bool goes_on = false;        ///< what parked inside the room was resumed
  bool is_parked = false;      ///< inside the room: it does not hold up others
  bool in_host = false;        ///< waits for the host, and does not hold up others
  bool is_host_ready = false;  ///< the host's operation that holds up everything is over
};

class FiberRun final : public engine::FiberScheduler {
 public:
  /// Told that step() has something to do; calls it soon, not inside.
  class Driver {
   public:
    virtual void wake() noexcept = 0;
    /// Of the fibers besides the first; null where nobody counts them.
    [[nodiscard]] virtual FiberShare* fibers() noexcept { return nullptr; }
    /// While the run is open: who runs next works for that event; null when none is known.
    virtual void runs_for(void* /*event*/) noexcept {}

   protected:
    ~Driver() = default;
  };
  enum class State : std::uint8_t {
    Waiting,  ///< for the driver to be woken
    Yielded,  ///< others' turn; then step()
    Done,     ///< what was started has ended; outcome() says how
  };

  /// @param instance, store, driver  outlive this object
  FiberRun(ComponentInstance& instance, engine::Store& store, Driver& driver);
  FiberRun(const FiberRun&) = delete;
  FiberRun& operator=(const FiberRun&) = delete;
  /// Ends what is still alive. What it waits for must be over: see cancel().
  ~FiberRun();

  /// Runs `entry` on the first fiber. Again, once the last one is done: what other tasks there are
  /// stay and go on.
  void start(engine::Fiber::Entry entry, void* env);
  /// Runs whatever can run until nothing can, somebody's slice is over, or the entry has ended.
  State step();
  /// How the entry ended. After Done.
  [[nodiscard]] const std::expected<void, engine::Trap>& outcome() const noexcept {
    return outcome_;
  }
  /// Ends everything of the store; step() says Done once all has been unwound.
  void cancel(engine::TrapKind kind, std::string reason);
  /// After Done: ends the tasks that are left, if any; then the store cannot serve again. step()
  /// until is_empty().
  ///
  /// @return false if there were none
  bool end_remaining();
  /// No entry decides when the run is over: from now on tasks are posted to it, by
  /// post_async_export(), as its owner likes, and step() says Done only once the store has died and
  /// all is unwound. After Done, or instead of start().
  void open() noexcept;
  /// Whether something may still wake it: an operation of the host, or a stream that the host has
  /// an end of. When it waits otherwise, nothing but a new task can.
  [[nodiscard]] bool can_be_woken() const noexcept;
  /// Whether no task is left, and no fiber has anything to do.
  [[nodiscard]] bool is_quiet() const noexcept;
  /// Whether something flows from the host to the host that only passed through the guest's hands.
  [[nodiscard]] bool has_passing_streams() const noexcept;
  /// Whether a new task had better go elsewhere: the instance of that index would have it wait,
  /// since a task of it wants to be alone, or it said that it wants no more now; or half of the
  /// fibers that there may be are busy.
  [[nodiscard]] bool holds_back(std::uint16_t component_index) const noexcept;
  /// No fiber is alive.
  [[nodiscard]] bool is_empty() const noexcept { return workers_.empty() && !root_; }

  // --- for the room, on a fiber of this run ------------------------------------------------------

  [[nodiscard]] engine::Store& store() const noexcept { return store_; }
  [[nodiscard]] ComponentInstance& instance() const noexcept { return instance_; }
  [[nodiscard]] Worker* running() const noexcept { return running_; }
  /// The innermost thread of the running fiber; null off the fibers and where none was pushed.
  [[nodiscard]] Thread* current_thread() const noexcept {
    return running_ == nullptr ? nullptr : running_->top;
  }

  /// Puts a thread on top of the running stack, until it is popped.
  void push(Thread& thread) noexcept;
  void pop(Thread& thread) noexcept;

  /// Runs a suspended or waiting thread until it blocks or ends, then returns.
  /// @spec definitions.py Thread.resume
  [[nodiscard]] Failure resume(Thread& thread, bool cancelled);
  /// Blocks the current thread until it is ready. thread.cancelled says what the wait returns.
  /// @spec definitions.py Thread.wait_until
  [[nodiscard]] Failure wait_until(Thread& thread, Wait wait, bool cancellable);
  /// Blocks the current thread until somebody resumes it; runs `switch_to` in its place if given.
  /// @spec definitions.py Thread.suspend, switch_to_internal
  [[nodiscard]] Failure suspend(Thread& thread, bool cancellable, Thread* switch_to);
  /// The same for a thread that is ready all the time.
  [[nodiscard]] Failure yield_to(Thread& thread, bool cancellable, Thread& switch_to);
  /// The current thread waits for an operation of the host; others go on. @return Cancelled
  [[nodiscard]] Result<> park_in_host(async::Cancellable* operation);

  /// The thread waits and has no stack. @spec definitions.py Thread.start_waiting_internal
  void start_waiting(Thread& thread, Wait wait, bool cancellable);
  void stop_waiting(Thread& thread) noexcept;
  [[nodiscard]] bool is_ready(const Thread& thread) const noexcept;
  /// Something that the thread waits for may have changed.
  void may_be_ready(Thread& thread) noexcept;
  /// A component instance lets others in again, or less of it is in their way: the next of each
  /// kind may go on. Whoever is told so and does not take it says it again.
  void gate_opened(std::uint16_t component_index) noexcept;
  /// A thread is gone.
  void forget(Thread& thread) noexcept;

  /// Why the current thread may not block; null if it may. @spec definitions.py canon_lift's trap
  /// for functions that are not async
  [[nodiscard]] const char* refuse_block() const noexcept;

  /// Keeps a call of a host function until it has ended.
  void add_host_call(std::unique_ptr<Thread> call) {
    host_calls_.emplace(call.get(), std::move(call));
  }
  void end_host_call(Thread& call) noexcept { host_calls_.erase(&call); }
  /// Those, and the threads that guests made.
  [[nodiscard]] std::size_t num_host_calls() const noexcept { return host_calls_.size(); }

  /// Something is to be done by step(): a stream to be pumped.
  void wake() noexcept;

  /// The component instance was entered by the host, for what runs until the running stack blocks.
  void enter_turn(std::uint16_t component_index) noexcept;
  /// A call that the host makes on the first fiber.
  struct RootCall {
    const Thread* thread = nullptr;
    bool has_returned = false;
    bool is_gone = false;         ///< its task
    bool ends_at_return = false;  ///< what goes on afterwards is not waited for
  };
  /// From now on the call decides when the first fiber is done: when it has returned and nothing is
  /// left that can go on.
  void begin_root_call(const RootCall& call) noexcept { root_call_ = &call; }
  /// Serves the call's thread until then. On the first fiber.
  [[nodiscard]] Failure serve_root_call();

  /// Fibers besides the first, most: each is a stack of the engine's pool, which all events share.
  static constexpr std::size_t kMaxWorkers = 256;

 private:
  friend struct Worker;
  // engine::FiberScheduler
  void fiber_ready(engine::Fiber& fiber) noexcept override;
  void fiber_yielded(engine::Fiber& fiber) noexcept override;
  void fiber_done(engine::Fiber& fiber) noexcept override;

  static std::expected<void, engine::Trap> worker_entry(void* env, engine::Fiber& fiber);
  static std::expected<void, engine::Trap> root_entry(void* env, engine::Fiber& fiber);
  [[nodiscard]] std::expected<void, engine::Trap> serve(Worker& worker);
  [[nodiscard]] Failure run_job(Worker& worker);

  /// Blocks the running stack; who resumed it goes on, or `switch_to`.
  [[nodiscard]] Failure block(Thread& thread, Thread* switch_to);
  [[nodiscard]] Failure block_in_sync_scope(Thread& thread, Thread* switch_to);
  /// Suspends the running fiber until it is its turn again.
  [[nodiscard]] Failure park();
  /// Leaves the component instances that were entered on this stack by calls of one another.
  void detach(Thread* thread) noexcept;
  /// Who may run on behalf of a synchronous call that waits; null for nobody.
  [[nodiscard]] Thread* candidate(const Thread& scope, const Thread* except) const noexcept;
  [[nodiscard]] Worker* worker_for(Thread& thread);
  [[nodiscard]] Worker* take_worker();
  void trapped(HostTrap trap);

  /// Who runs next; null if nobody can.
  [[nodiscard]] Worker* pick();
  [[nodiscard]] Worker* tick();
  /// A thread had its turn and isn't ready: has it wait where it is told.
  void put_off(Thread& thread) noexcept;
  void leave_ticked() noexcept;
  State resume_fiber(Worker& worker);
  [[nodiscard]] State idle();
  [[nodiscard]] State step_dying();
  [[nodiscard]] bool is_over_budget();
  [[nodiscard]] State run_ready();
  void ended(Worker& worker);

  /// Pumps a stream that needs a fiber for it.
  class PumpThread;

  ComponentInstance& instance_;
  engine::Store& store_;
  Driver& driver_;
  AsyncState* async_;  ///< null for components without asynchronous operations
  engine::Fiber::Entry entry_ = nullptr;
  void* entry_env_ = nullptr;
  std::optional<Worker> root_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Worker*> idle_;
  ThreadQueue ready_;

  std::vector<std::unique_ptr<PumpThread>> pumps_;
  std::unordered_map<Thread*, std::unique_ptr<Thread>> host_calls_;

  Worker* running_ = nullptr;
  Worker* resuming_ = nullptr;
  Worker* next_ = nullptr;               ///< goes on before anybody else
  Worker* yielded_ = nullptr;            ///< its slice was over
  Worker* stuck_ = nullptr;              ///< waits for the host and holds up everything
  std::optional<std::uint16_t> ticked_;  ///< entered for the present turn
  std::vector<Worker*> dying_ready_;
  const RootCall* root_call_ = nullptr;
  bool is_root_idle_ = false;
  bool is_exit_granted_ = false;
  std::size_t parked_in_host_ = 0;
  bool is_stepping_ = false;
  bool is_ending_ = false;
  bool is_root_done_ = false;
  bool is_open_ = false;
  std::expected<void, engine::Trap> outcome_;
};

}  // namespace whorl::component
