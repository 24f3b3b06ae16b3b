/// Timer: a wake-up at a deadline, for fibers and for anything that listens to an Event.
/// @thread shard
#pragma once

#include "async/deadline.hpp"
#include "async/event.hpp"
#include "async/shard.hpp"

#include <memory>

namespace whorl::async {

class Timer {
 public:
  /// @param shard  outlives the timer
  explicit Timer(Shard& shard);
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  /// A pending wake-up does not happen any more.
  ~Timer();

  /// Arms the timer anew; an earlier deadline is forgotten.
  void start(Deadline deadline);
  void cancel();
  /// The deadline of the last start() has come.
  [[nodiscard]] bool has_fired() const noexcept;
  /// Fires when the deadline comes.
  [[nodiscard]] Event& event() noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Parks `fiber` until `event` fires or the deadline comes. May return early.
/// @return DeadlineExceeded, or Cancelled when the fiber's owner is being ended
[[nodiscard]] Result<> wait_on(Shard& shard, Parkable& fiber, Event& event, Deadline deadline);

/// Parks `fiber` until the deadline. @return Cancelled when the fiber's owner is being ended
[[nodiscard]] Result<> park_until(Shard& shard, Parkable& fiber, Deadline deadline);

}  // namespace whorl::async
