/// Tasks: calls of lifted functions, with what WASI 0.3 knows of them.
///
/// Private to the room. @thread shard. @spec CanonicalABI.md "Tasks"; named as in definitions.py
#pragma once

#include "component/abi_context.hpp"
#include "component/async_state.hpp"
#include "component/component.hpp"
#include "component/thread.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace whorl::component {

class Subtask;
struct Task;

/// A result as the task gives it: core values, lifted with `cx`.
struct TaskResult {
  LiftContext& cx;
  const engine::RawVal* slots;
  std::size_t max_flat;  ///< more core values than this are in memory
};

/// Who called a task: OnStart and OnResolve of definitions.py. Called on a fiber.
class TaskCaller {
 public:
  virtual ~TaskCaller() = default;
  /// Lowers the arguments into the task's component instance.
  [[nodiscard]] virtual Failure on_start(Task& task, engine::RawVal* slots) = 0;
  /// @param result  null if the task was cancelled
  [[nodiscard]] virtual Failure on_resolve(Task& task, TaskResult* result) = 0;
  /// The task is gone; nothing is called after this.
  ///
  /// @param was_detached  its component instance was left because it waited on its caller's stack
  virtual void on_exit(bool /*was_detached*/) noexcept {}
};

/// The thread that a task starts with.
class ImplicitThread final : public Thread {
 public:
  using Thread::Thread;
  [[nodiscard]] Failure run() override;

 private:
  friend struct Task;
  enum class Stage : std::uint8_t { New, Entering, Between };

  [[nodiscard]] Failure enter(bool& is_cancelled);
  [[nodiscard]] Failure call_function();
  [[nodiscard]] Failure finish_sync(engine::RawVal* slots);
  /// Does what a callback asked for, until it is to be called with event_, or later, or never
  /// again.
  [[nodiscard]] Failure follow(std::uint32_t packed, bool& calls_again);
  /// The callback's wait is over: what it will be told.
  void take_event();
  void deliver(EventTuple event);
  [[nodiscard]] Failure call_back();
  [[nodiscard]] Failure call_callback(std::uint32_t& packed);
  [[nodiscard]] Failure exit();

  Stage stage_ = Stage::New;
  WaitableSet* set_ = nullptr;  ///< that the callback waits for
  EventTuple event_;            ///< for the callback
};

struct Task {
  enum class State : std::uint8_t { Initial, Started, PendingCancel, CancelDelivered, Resolved };

  /// @param of      of the instance's component, outlives the task; null for functions that are not
  ///                async, of which nothing else is asked
  /// @param called  outlives the task; null likewise
  Task(
      FiberRun& in,
      AsyncState& state_of,
      std::uint16_t component_index,
      const ExportedFunc* of,
      TaskCaller* called
  );
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task();

  [[nodiscard]] std::uint16_t inst() const noexcept { return implicit_thread.component_index; }
  /// Of functions that are async.
  [[nodiscard]] bool needs_exclusive() const noexcept {
    return !func->is_async_lift || func->callback_slot != CallSite::kNone;
  }
  [[nodiscard]] bool is_async_lift() const noexcept {
    return func != nullptr && func->is_async_lift;
  }
  /// Runs it on a stack of its own until it blocks or exits; puts it off while there is
  /// backpressure. The component instance was entered. @spec definitions.py canon_lift
  [[nodiscard]] Failure start();
  /// Has it run when its turn comes, on a stack of its own. Off the fibers, too; its component
  /// instance is entered then.
  void post();
  /// Runs it on the present stack until it exits.
  [[nodiscard]] Failure start_here();
  [[nodiscard]] Failure register_thread(Thread& thread);
  /// @return a failure if that was the last one of a task that did not return. Otherwise the task
  ///         may be gone
  [[nodiscard]] Failure unregister_thread(Thread& thread);
  /// @param from  the component instance that asks
  [[nodiscard]] Failure request_cancellation(std::uint16_t from);
  [[nodiscard]] bool deliver_pending_cancel(bool cancellable) noexcept;
  [[nodiscard]] Failure return_(TaskResult& result);
  [[nodiscard]] Failure cancel();

  AsyncState& async;
  FiberRun& run;
  const ExportedFunc* func;
  TaskCaller* caller;
  State state = State::Initial;
  BorrowScope borrows;
  ImplicitThread implicit_thread;
  std::vector<Thread*> threads;
};

/// A call on its caller's stack that is no task of its own kind: a function that is not async, a
/// destructor, a realloc. Nothing for components without asynchronous operations.
class DirectCall {
 public:
  enum class Kind : std::uint8_t {
    Synchronous,  ///< of a function that may not block
    Plain,        ///< a part of the caller's own call
  };
  DirectCall(ComponentInstance& instance, std::uint16_t component_index, Kind kind);
  DirectCall(const DirectCall&) = delete;
  DirectCall& operator=(const DirectCall&) = delete;
  ~DirectCall();

  /// Why the call can't be made.
  [[nodiscard]] Failure refused() const;

 private:
  Task* task_ = nullptr;
  std::optional<Thread> plain_;
  bool is_refused_ = false;
};

}  // namespace whorl::component
