/// InstancePool: the instances of a shard that were put back and wait for their next event.
///
/// An instance that nobody needed for a while is given back, so that the pool follows the load.
/// @thread shard
#pragma once

#include "async/event.hpp"
#include "async/timer.hpp"
#include "base/local_ptr.hpp"
#include "runtime/guest.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <unordered_map>

namespace whorl::async {
class Shard;
}
namespace whorl::telemetry {
class ShardMetrics;
}

namespace whorl::runtime {

class InstancePool {
 public:
  /// How often instances that nobody needed are given back.
  static constexpr std::chrono::seconds kTrimInterval{5};
  /// Idle instances of a shard at most, over all services.
  static constexpr std::size_t kMaxIdle = 256;

  explicit InstancePool(async::Shard& shard);
  InstancePool(const InstancePool&) = delete;
  InstancePool& operator=(const InstancePool&) = delete;
  ~InstancePool();

  /// Where events are counted from now on; before the first event. @param metrics  outlives this
  void set_metrics(telemetry::ShardMetrics* metrics) noexcept { metrics_ = metrics; }
  /// What is known of the service's instances; made at its first event.
  [[nodiscard]] const LocalPtr<KeptInstances>& of(const std::shared_ptr<const Service>& service);
  /// An idle instance of the service; null if there is none.
  [[nodiscard]] std::unique_ptr<Guest> take(KeptInstances& kept);
  /// Puts the instance back after an event that ended well, and keeps it if that can be done.
  /// @return the instance if it can't; it must not be used again
  [[nodiscard]] std::unique_ptr<Guest> give(std::unique_ptr<Guest> guest);
  /// The service was replaced: its idle instances are given back now, those in use after their
  /// event.
  void forget(const Service& service);
  /// Gives one idle instance back to make room. @return false if there is none
  bool evict_one();
  [[nodiscard]] std::size_t idle() const noexcept { return idle_; }
  /// Gives back what nobody needed since the last time, and forgets replaced services whose events
  /// are over. By itself, every kTrimInterval while there is something of either.
  void trim();

 private:
  /// Wakes the trimming.
  class Trim final : public async::Waiter {
   public:
    explicit Trim(InstancePool& pool) noexcept : pool_(pool) {}
    void on_event() noexcept override;

   private:
    InstancePool& pool_;
  };

  void schedule_trim();

  async::Shard& shard_;
  telemetry::ShardMetrics* metrics_ = nullptr;
  std::unordered_map<const Service*, LocalPtr<KeptInstances>> services_;
  std::size_t idle_ = 0;
  async::Timer timer_;
  Trim trim_;
};

}  // namespace whorl::runtime
