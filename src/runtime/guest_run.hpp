/// GuestRun: an instance at work on a shard, for whom it is: what takes turns and has deadlines.
/// @thread shard
#pragma once

#include "engine/types.hpp"

#include <chrono>
#include <string>

namespace whorl::runtime {

class GuestRun {
 public:
  using Clock = std::chrono::steady_clock;

  GuestRun() = default;
  GuestRun(const GuestRun&) = delete;
  GuestRun& operator=(const GuestRun&) = delete;
  virtual ~GuestRun() = default;

  /// Goes on with the guest until it waits again, its slice is over, or it ends. The caller keeps
  /// the object meanwhile.
  virtual void step() = 0;
  /// Ends the guest; clients get 503 or 504 if they have no answer yet.
  virtual void cancel(engine::TrapKind kind, std::string reason) = 0;
  /// Ends the guest if its time is over. @return false when it has ended before
  virtual bool check_deadline(Clock::time_point now) = 0;
};

}  // namespace whorl::runtime
