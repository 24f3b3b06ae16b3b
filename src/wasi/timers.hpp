/// Timers: the clocks and alarms that guests of one shard see.
///
/// The runtime implements it over its shard's event loop; tests have a manual one. @thread shard
#pragma once

#include "async/parkable.hpp"
#include "base/result.hpp"

#include <chrono>

namespace whorl::wasi {

/// A point on the monotonic clock.
using Instant = std::chrono::steady_clock::time_point;

class Timers {
 public:
  /// The monotonic clock.
  [[nodiscard]] virtual Instant now() const noexcept = 0;
  /// The wall clock.
  [[nodiscard]] virtual std::chrono::system_clock::time_point wall_now() const noexcept = 0;
  /// Parks `fiber` until somebody unparks it or the clock reaches `deadline`, whichever is first.
  /// May return early; the caller checks what it waits for again.
  ///
  /// @return Cancelled when the fiber's owner is being ended; then no alarm is left behind
  [[nodiscard]] virtual Result<> park_until(async::Parkable& fiber, Instant deadline) = 0;

 protected:
  ~Timers() = default;
};

}  // namespace whorl::wasi
