/// Backoff: how a busy service is asked again: a few times, later and later.
/// @thread shard
#pragma once

#include "async/deadline.hpp"
#include "async/timer.hpp"
#include "base/result.hpp"
#include "host/caller.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

namespace whorl::host::remote {

class Backoff {
 public:
  static constexpr unsigned kMaxWaits = 6;
  static constexpr std::chrono::milliseconds kFirst{50};
  static constexpr std::chrono::milliseconds kLongest{5000};
  /// All waits together.
  static constexpr std::chrono::seconds kPatience{20};

  /// Waits before the next attempt.
  /// @param asked  how long the service asks to wait
  /// @return       false when it was asked often enough; errors: Cancelled
  [[nodiscard]] Result<bool> wait(
      Caller caller, std::optional<std::chrono::milliseconds> asked = std::nullopt
  ) {
    const auto delay = std::clamp(asked.value_or(next_), std::chrono::milliseconds(1), kLongest);
    if (++waits_ > kMaxWaits || deadline_.remaining() < delay) {
      return false;
    }
    next_ *= 2;
    WHORL_CHECKED(async::park_until(caller.shard, caller.fiber, async::Deadline::after(delay)));
    return true;
  }

 private:
  unsigned waits_ = 0;
  std::chrono::milliseconds next_ = kFirst;
  async::Deadline deadline_ = async::Deadline::after(kPatience);
};

}  // namespace whorl::host::remote
