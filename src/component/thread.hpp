/// Threads of a guest, and how they wait: what a task of WASI 0.3 runs on.
///
/// A thread has a stack only while it needs one: a task that was lifted with a callback has none
/// between two calls of it, a task that may not start yet has none either. Private to the room.
/// @thread shard. @spec CanonicalABI.md "Threads"; named as in definitions.py
#pragma once

#include "component/host.hpp"
#include "component/task_builtins.hpp"

#include <cstdint>
#include <optional>

namespace whorl::component {

class FiberRun;
class Waitable;
class WaitableSet;
struct Task;
struct Thread;
struct Worker;

/// Why the guest is to be ended; nothing if it is not.
using Failure = std::optional<HostTrap>;

[[nodiscard]] inline Failure failure(std::string message) {
  return HostTrap{engine::TrapKind::HostTrap, std::move(message), 0};
}

/// A queue of threads; each is in one at most.
class ThreadQueue {
 public:
  ThreadQueue() = default;
  ThreadQueue(const ThreadQueue&) = delete;
  ThreadQueue& operator=(const ThreadQueue&) = delete;

  [[nodiscard]] bool is_empty() const noexcept { return first_ == nullptr; }
  void push(Thread& thread) noexcept;
  /// Null when it is empty.
  Thread* pop() noexcept;
  void remove(Thread& thread) noexcept;

 private:
  Thread* first_ = nullptr;
  Thread* last_ = nullptr;
};

/// What a thread waits for; ready() of definitions.py asks it.
struct Wait {
  enum class Kind : std::uint8_t {
    None,
    Now,         ///< its next turn
    Event,       ///< an event of `waitable`
    Set,         ///< an event of `set`
    Turn,        ///< a callback: nobody else is exclusive
    TurnAndSet,  ///< a callback: both
    Enter,       ///< no backpressure
    Host,        ///< an operation of the host
  };
  Kind kind = Kind::None;
  Waitable* waitable = nullptr;
  WaitableSet* set = nullptr;
};

struct Thread {
  static constexpr std::uint16_t kHostThread = 0xffff;
  enum class State : std::uint8_t { Suspended, Waiting, Running };

  /// @param of  null for a part of a call
  Thread(FiberRun& in, Task* of, std::uint16_t at) noexcept;
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  virtual ~Thread();

  /// Starts or goes on where there is no stack: called on top of one. Afterwards the thread is not
  /// on it any more: it waits again, or is over and may be gone.
  [[nodiscard]] virtual Failure run() { return std::nullopt; }

  [[nodiscard]] bool is_waiting() const noexcept { return state == State::Waiting; }
  [[nodiscard]] bool is_suspended() const noexcept { return state == State::Suspended; }

  FiberRun& run_of;
  Task* task;
  /// Of the host's, that it works for: who began it works for it, too. Null for none.
  void* event = nullptr;
  std::uint16_t component_index;  ///< kHostThread for functions of the host
  State state = State::Suspended;
  Wait wait;
  bool cancellable = false;
  /// What the wait that is over returns. @spec definitions.py Cancelled
  bool cancelled = false;
  bool is_host_ready = false;  ///< Wait::Kind::Host
  /// Of a synchronous function: others run on its behalf while it waits, as long as there are any.
  bool in_sync_scope = false;
  /// Runs others while it waits (in_sync_scope).
  bool is_looping = false;
  /// The component instance it was called from on the same stack was left because it waited.
  bool is_detached = false;
  std::uint32_t index = 0;  ///< among the threads of its component instance; 0: none
  TaskStorage storage = {};
  Worker* worker = nullptr;  ///< whose stack it has
  Thread* below = nullptr;   ///< its caller on the same stack

  // Among those that wait for the same set.
  Thread* next_waiting = nullptr;
  Thread* previous_waiting = nullptr;

  // For ThreadQueue.
  ThreadQueue* queue = nullptr;
  Thread* next = nullptr;
  Thread* previous = nullptr;
};

}  // namespace whorl::component
