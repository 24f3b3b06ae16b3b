/// Waitables and the sets they are waited for in: subtasks and the ends of streams and futures, as
/// the handle table of a component instance holds them.
///
/// An event is not made when something happens but when it is delivered: until then it says that
/// there is one, and progress is added up. @thread shard
/// @spec CanonicalABI.md "Waitable State"; named as in definitions.py
#pragma once

#include "component/handle_table.hpp"
#include "component/thread.hpp"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace whorl::component {

class WaitableSet;

/// A list whose elements know their neighbours: whatever a guest has in it, each step is one.
template <class T, T* T::* kNext, T* T::* kPrevious>
class Chain {
 public:
  [[nodiscard]] T* first() const noexcept { return first_; }
  void push(T& element) noexcept {
    element.*kPrevious = last_;
    element.*kNext = nullptr;
    (last_ == nullptr ? first_ : last_->*kNext) = &element;
    last_ = &element;
  }
  /// One that is in the list.
  void remove(T& element) noexcept {
    T* const before = std::exchange(element.*kPrevious, nullptr);
    T* const after = std::exchange(element.*kNext, nullptr);
    (before == nullptr ? first_ : before->*kNext) = after;
    (after == nullptr ? last_ : after->*kPrevious) = before;
  }

 private:
  T* first_ = nullptr;
  T* last_ = nullptr;
};

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
  // Among those of the set that have an event.
  Waitable* next_pending_ = nullptr;
  Waitable* previous_pending_ = nullptr;
  Thread* sync_waiter_ = nullptr;
};

class WaitableSet final : public HostResource {
 public:
  ~WaitableSet() override;

  [[nodiscard]] bool is_empty() const noexcept { return elements_.empty(); }
  [[nodiscard]] bool has_pending_event() const noexcept { return pending_.first() != nullptr; }
  /// The oldest event of the elements. Only while there is one.
  [[nodiscard]] EventTuple get_pending_event();

  [[nodiscard]] std::uint32_t num_waiting() const noexcept { return num_waiting_; }
  /// thread.wait says that it waits for this set, and whether for its turn, too.
  void add_waiting(Thread& thread) noexcept;
  void remove_waiting(Thread& thread) noexcept;

 private:
  using Waiting = Chain<Thread, &Thread::next_waiting, &Thread::previous_waiting>;
  friend class Waitable;
  void add_pending(Waitable& element) noexcept;
  /// Tells the first who waits on a stack, and the first who waits for its turn, too; those behind
  /// them are told when these wait no more and there is an event still.
  void wake_waiting() noexcept;
  [[nodiscard]] Waiting& waiting_with(const Thread& thread) noexcept;

  std::vector<Waitable*> elements_;
  Chain<Waitable, &Waitable::next_pending_, &Waitable::previous_pending_> pending_;
  Waiting stacks_;
  Waiting callbacks_;
  std::uint32_t num_waiting_ = 0;
};

}  // namespace whorl::component
