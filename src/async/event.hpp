/// Event: "something changed here", for the fibers and coroutines of one shard.
///
/// An Event holds no state of its own: whoever waits checks the state it cares about, waits, and
/// checks again. That makes spurious wake-ups harmless and missed ones impossible, since everything
/// happens on one thread. @thread shard
#pragma once

#include "async/parkable.hpp"

namespace whorl::async {

class Event;

/// One party's interest in an Event. Unlinks itself when destroyed; one-shot: notify() unlinks it
/// before calling on_event().
class Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  /// Called once from notify(), which must not be re-entered from here; schedule work instead.
  virtual void on_event() noexcept = 0;
  [[nodiscard]] bool is_linked() const noexcept { return next_ != nullptr; }

 protected:
  ~Waiter() { unlink(); }
  void unlink() noexcept {
    if (next_ != nullptr) {
      prev_->next_ = next_;
      next_->prev_ = prev_;
      next_ = prev_ = nullptr;
    }
  }

 private:
  friend class Event;
  Waiter* next_ = nullptr;
  Waiter* prev_ = nullptr;
};

/// A list of waiters. Outlived by none of them: destroying an Event unlinks the rest silently.
class Event {
 public:
  Event() noexcept { root_.next_ = root_.prev_ = &root_; }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() {
    while (root_.next_ != &root_) {
      root_.next_->unlink();
    }
  }

  /// Adds a waiter that is not linked anywhere.
  void add(Waiter& waiter) noexcept {
    waiter.prev_ = root_.prev_;
    waiter.next_ = &root_;
    root_.prev_->next_ = &waiter;
    root_.prev_ = &waiter;
  }
  /// Wakes every waiter linked now.
  void notify() noexcept {
    if (root_.next_ == &root_) {
      return;
    }
    // A waiter added by a callback lands behind this marker and is not called in this round.
    Marker end;
    add(end);
    while (root_.next_ != &end) {
      Waiter* waiter = root_.next_;
      waiter->unlink();
      waiter->on_event();
    }
  }
  [[nodiscard]] bool has_waiters() const noexcept { return root_.next_ != &root_; }

 private:
  struct Marker final : Waiter {
    void on_event() noexcept override {}
  };
  Marker root_;
};

/// Unparks a fiber when an event fires; declare one per event, then park. See wait_on().
class FiberWaiter final : public Waiter {
 public:
  explicit FiberWaiter(Parkable& fiber) noexcept : fiber_(fiber) {}
  FiberWaiter(Parkable& fiber, Event& event) noexcept : fiber_(fiber) { event.add(*this); }
  void on_event() noexcept override { fiber_.unpark(); }

 private:
  Parkable& fiber_;
};

/// Parks `fiber` until `event` fires. May return early; check the state again.
/// @return Cancelled when the fiber's owner is being ended
[[nodiscard]] inline Result<> wait_on(Parkable& fiber, Event& event) {
  FiberWaiter waiter(fiber, event);
  return fiber.park();
}

}  // namespace whorl::async
