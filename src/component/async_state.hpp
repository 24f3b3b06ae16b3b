/// AsyncState: what one instance keeps for asynchronous calls: who is exclusive in which component
/// instance, the threads, the streams. Only components that use asynchronous operations have one.
///
/// Private to the room, but for FiberRun. @thread shard
/// @spec CanonicalABI.md "Component Instances"; named as in definitions.py
#pragma once

#include "component/copy_end.hpp"
#include "component/payloads.hpp"
#include "component/thread.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace whorl::component {

class ComponentInstance;
class FiberRun;

/// The threads of a component instance, by index. @spec definitions.py ComponentInstance.threads
class ThreadTable {
 public:
  /// Most threads of one component instance.
  static constexpr std::uint32_t kMaxThreads = 1u << 16;

  /// @return false when there are too many
  [[nodiscard]] bool add(Thread& thread);
  void remove(Thread& thread) noexcept;
  /// Null if there is none.
  [[nodiscard]] Thread* get(std::uint32_t index) const noexcept {
    return index - 1 < threads_.size() ? threads_[index - 1] : nullptr;
  }
  /// By index; null where there is none.
  [[nodiscard]] const std::vector<Thread*>& all() const noexcept { return threads_; }

 private:
  std::vector<Thread*> threads_;
  std::vector<std::uint32_t> free_;
};

class AsyncState {
 public:
  AsyncState(ComponentInstance& instance, const PayloadTable& payloads, std::size_t components);
  AsyncState(const AsyncState&) = delete;
  AsyncState& operator=(const AsyncState&) = delete;
  ~AsyncState();

  /// Of one component instance.
  struct PerInstance {
    Thread* exclusive_thread = nullptr;
    std::uint32_t num_waiting_to_enter = 0;
    ThreadTable threads;
    /// Wait for their turn and nothing else, or to be let in: those who want to be alone, others.
    /// Each queue has one reason: nobody stands behind who waits for something else.
    ThreadQueue turns;
    ThreadQueue entering;
    ThreadQueue entering_beside;
  };
  [[nodiscard]] PerInstance& of(std::uint16_t component_index) noexcept {
    return per_instance_[component_index];
  }
  /// @spec definitions.py has_backpressure
  [[nodiscard]] bool has_backpressure(const Task& task) noexcept;
  /// Takes and gives back the right to run of tasks that want to be alone.
  void set_exclusive(std::uint16_t component_index, Thread* thread) noexcept;

  [[nodiscard]] ComponentInstance& instance() const noexcept { return instance_; }
  /// Null where nobody drives it: then nothing can be waited for.
  [[nodiscard]] FiberRun* run() const noexcept { return run_; }
  void set_run(FiberRun* run) noexcept { run_ = run; }

  // --- tasks -------------------------------------------------------------------------------------
  /// Null when there are too many.
  [[nodiscard]] Task* add_task(std::unique_ptr<Task> task);
  /// Destroys it.
  void remove_task(Task& task) noexcept;
  /// Tasks whose threads have not all exited.
  [[nodiscard]] std::size_t num_tasks() const noexcept { return tasks_.size(); }
  /// Most tasks of one instance at a time.
  static constexpr std::size_t kMaxTasks = 1u << 16;

  // --- streams -----------------------------------------------------------------------------------
  void add(SharedStream& stream) { streams_.insert(&stream); }
  void remove(SharedStream& stream) noexcept;
  /// The payload type of a C++ element type.
  [[nodiscard]] const PayloadType* payload_of(const HostElement& element);
  void pump_later(SharedStream& stream) noexcept;
  [[nodiscard]] bool has_pumps() const noexcept { return !pumps_.empty(); }
  /// Pumps what was asked for, but for streams that want a fiber: one of those is returned.
  [[nodiscard]] LocalPtr<SharedStream> run_pumps();
  /// Whether an event may still come from the host by a stream.
  [[nodiscard]] bool has_host_ends() const noexcept { return num_with_host_ends_ != 0; }
  /// Whether something flows from the host to the host, without a guest.
  [[nodiscard]] bool has_host_pairs() const noexcept { return num_host_pairs_ != 0; }
  /// A stream has another number of ends of the host: they are counted, for a guest can have many
  /// streams and wait often.
  void count_host_ends(std::uint8_t before, std::uint8_t now) noexcept;

  // --- memory of the host's ----------------------------------------------------------------------
  /// Of all KeptBytes of the instance.
  [[nodiscard]] std::uint64_t kept_bytes() const noexcept { return kept_bytes_; }

  // --- error contexts ----------------------------------------------------------------------------
  /// Longest message that is kept of a guest's error, and most bytes of messages in one instance.
  /// What goes beyond is left out: the specification lets the host do what it likes with it.
  static constexpr std::size_t kMaxMessage = 4096;
  static constexpr std::size_t kMaxMessages = std::size_t{1} << 20;
  [[nodiscard]] ErrorContextRef make_error_context(std::string_view message);
  void fail(HostTrap trap);

  /// The run is over: lets go of tasks and streams.
  void end_run() noexcept;
  /// After an event. @return false if something was still going on when the run was over
  [[nodiscard]] bool end_event() noexcept;

 private:
  ComponentInstance& instance_;
  const PayloadTable& payloads_;
  FiberRun* run_ = nullptr;
  std::deque<PerInstance> per_instance_;
  std::unordered_map<Task*, std::unique_ptr<Task>> tasks_;
  bool was_busy_ = false;
  std::unordered_set<SharedStream*> streams_;
  friend class KeptBytes;
  std::uint64_t kept_bytes_ = 0;
  std::size_t num_with_host_ends_ = 0;          ///< streams
  std::size_t num_host_pairs_ = 0;              ///< likewise
  std::shared_ptr<std::size_t> message_bytes_;  ///< null until there is an error context
  std::deque<WeakLocalPtr<SharedStream>> pumps_;
  struct Known {
    const HostElement* element;
    const PayloadType* type;
  };
  std::vector<Known> known_;
  std::deque<PayloadType> foreign_;  ///< of elements that the component has no type for
};

}  // namespace whorl::component
