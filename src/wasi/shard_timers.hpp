/// ShardTimers: the clocks of the machine and the alarms of a shard's event loop.
///
/// The monotonic clock begins at a random instant: how long the machine has been up, or this
/// process, is no guest's business.
#pragma once

#include "async/shard.hpp"
#include "wasi/timers.hpp"

namespace whorl::wasi {

/// One per shard, shared by its instances. @thread shard
class ShardTimers final : public Timers {
 public:
  /// @param shard  outlives this object
  explicit ShardTimers(async::Shard& shard) noexcept;
  [[nodiscard]] Instant now() const noexcept override;
  [[nodiscard]] std::chrono::system_clock::time_point wall_now() const noexcept override;
  [[nodiscard]] Result<> park_until(async::Parkable& fiber, Instant deadline) override;

 private:
  async::Shard& shard_;
  const Instant origin_;  ///< of the guests' monotonic clock
};

}  // namespace whorl::wasi
