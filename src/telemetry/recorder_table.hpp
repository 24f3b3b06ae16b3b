/// RecorderTable: finds the recorder of the shard that runs, for who is called by guests.
#pragma once

#include "async/shard.hpp"

#include <atomic>
#include <string>
#include <utility>
#include <vector>

namespace whorl::telemetry {

class Recorder;

/// Takes metrics that guests have gathered themselves. @thread any
class GuestMetricsSink {
 public:
  /// @param metrics  one message ResourceMetrics of OTLP
  /// @return false when there is no room for it
  [[nodiscard]] virtual bool take_metrics(std::string metrics) noexcept = 0;

 protected:
  ~GuestMetricsSink() = default;
};

class RecorderTable {
 public:
  RecorderTable() = default;
  RecorderTable(const RecorderTable&) = delete;
  RecorderTable& operator=(const RecorderTable&) = delete;

  /// The recorder of a shard, before that shard serves; it outlives what the shard does.
  /// @thread main
  void set(const async::Shard& shard, Recorder& recorder);
  /// Before anything is served; outlives the shards. @thread main
  void set_metrics(GuestMetricsSink& sink) noexcept { metrics_ = &sink; }

  /// Null when nothing is recorded, and outside of shards. @thread shard
  [[nodiscard]] Recorder* here() const noexcept;
  /// Null when metrics are not exported. @thread any
  [[nodiscard]] GuestMetricsSink* metrics() const noexcept { return metrics_; }

 private:
  /// By index of the shard, which others may have, too. Not changed while shards run.
  std::vector<std::pair<const async::Shard*, Recorder*>> recorders_;
  GuestMetricsSink* metrics_ = nullptr;
};

namespace detail {
extern constinit std::atomic<const RecorderTable*> published;
}  // namespace detail

/// Makes a table the one of the process, where recorder_here() looks; null: nothing is recorded.
/// It outlives the shards, or is taken back. @thread main
void publish(const RecorderTable* recorders) noexcept;

/// The recorder of the shard that runs. Without any in the process this is one load and a branch.
/// @thread any
[[nodiscard]] inline Recorder* recorder_here() noexcept {
  const RecorderTable* recorders = detail::published.load(std::memory_order_relaxed);
  return recorders == nullptr ? nullptr : recorders->here();
}

}  // namespace whorl::telemetry
