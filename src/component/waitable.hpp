/// Waitables and the sets they are waited for in: subtasks and the ends of streams and futures, as
/// the handle table of a component instance holds them.
///
/// An event is not made when something happens but when it is delivered: until then it says that
/// there is one, and progress is added up. @thread shard
/// @spec CanonicalABI.md "Waitable State"; named as in definitions.py
#pragma once

#include "component/handle_table.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace whorl::component {

struct Thread;
class WaitableSet;

enum class EventCode : std::uint32_t {
  None = 0,
  Subtask = 1,
  StreamRead = 2,
  StreamWrite = 3,
  FutureRead = 4,
  FutureWrite = 5,
  TaskCancelled = 6,
};

struct EventTuple {
  EventCode code = EventCode::None;
  std::uint32_t index = 0;
  std::uint32_t payload = 0;
};

/// Tags of the handles that are no resources; compared by address like those of resources.
inline constexpr ResourceTag kSubtaskTag{"", "subtask"};
inline constexpr ResourceTag kWaitableSetTag{"", "waitable-set"};
inline constexpr ResourceTag kReadableStreamTag{"", "stream (readable end)"};
inline constexpr ResourceTag kWritableStreamTag{"", "stream (writable end)"};
inline constexpr ResourceTag kReadableFutureTag{"", "future (readable end)"};
inline constexpr ResourceTag kWritableFutureTag{"", "future (writable end)"};
inline constexpr ResourceTag kErrorContextTag{"", "error-context"};

/// Something of a handle table that can have an event.
class Waitable : public HostResource {
 public:
  ~Waitable() override;

  [[nodiscard]] bool has_pending_event() const noexcept { return has_pending_event_; }
  /// Takes the event. Only while there is one.
  [[nodiscard]] EventTuple get_pending_event();
  [[nodiscard]] bool in_waitable_set() const noexcept { return set_ != nullptr; }
  /// Moves to another set, or with null out of all. Not while has_sync_waiter().
  void join(WaitableSet* set);

  /// The thread that waits for this one event and nothing else; null for none.
  [[nodiscard]] Thread* sync_waiter() const noexcept { return sync_waiter_; }
  void set_sync_waiter(Thread* thread) noexcept { sync_waiter_ = thread; }

  /// Its place in the handle table; 0 until it has one.
  std::uint32_t index = 0;

 protected:
  /// There is an event now: whoever waits may go on.
  void set_pending_event();

 private:
  /// What the event says, now that it is delivered.
  [[nodiscard]] virtual EventTuple make_event() = 0;

  friend class WaitableSet;
  bool has_pending_event_ = false;
  WaitableSet* set_ = nullptr;
  std::uint32_t place_ = 0;  ///< in the set's elements
  Thread* sync_waiter_ = nullptr;
};

class WaitableSet final : public HostResource {
 public:
  ~WaitableSet() override;

  [[nodiscard]] bool is_empty() const noexcept { return elements_.empty(); }
  [[nodiscard]] bool has_pending_event() const noexcept { return pending_ != 0; }
  /// An event of the elements, those longest without attention first. Only while there is one.
  [[nodiscard]] EventTuple get_pending_event();

  [[nodiscard]] std::uint32_t num_waiting() const noexcept {
    return static_cast<std::uint32_t>(waiting_.size());
  }
  void add_waiting(Thread& thread) { waiting_.push_back(&thread); }
  void remove_waiting(Thread& thread) noexcept { std::erase(waiting_, &thread); }

 private:
  friend class Waitable;
  void wake_waiting() noexcept;

  std::vector<Waitable*> elements_;
  std::vector<Thread*> waiting_;
  std::uint32_t pending_ = 0;  ///< elements with an event
  std::uint32_t next_ = 0;     ///< where the search for the next event starts
};

}  // namespace whorl::component
