/// Exporter: sends what shards recorded to a collector, in batches, by OTLP over HTTP.
///
/// Lives on a shard of its own beside those that serve. What waits is bounded: more is dropped and
/// counted. A collector that is slow, broken or away costs memory up to that bound and nothing
/// else.
#pragma once

#include "async/deadline.hpp"
#include "async/shard.hpp"
#include "http/client.hpp"
#include "otlp/settings.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/recorder_table.hpp"
#include "telemetry/signals.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::otlp {

/// What became of the items of one kind of signal. For metrics these are requests.
struct Counts {
  std::string_view signal;  ///< "traces", "metrics", "logs"
  std::uint64_t exported = 0;
  std::uint64_t dropped = 0;
};

class Exporter final : public telemetry::SignalSink, public telemetry::GuestMetricsSink {
 public:
  /// @param shard        its own; runs as long as anything is to be sent, and outlives the exporter
  /// @param application  the name, for Spin's `app_id`
  /// @param totals       reads the counters of all shards; called on `shard`
  Exporter(
      async::Shard& shard,
      Settings settings,
      std::string application,
      std::move_only_function<telemetry::Totals()> totals
  );
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;
  /// When the shard does not run any more.
  ~Exporter();

  /// Begins to send metrics from time to time. @thread any, once
  void start();
  // telemetry::SignalSink. @thread any
  void take_spans(std::vector<telemetry::Span> spans) noexcept override;
  void take_encoded(std::string spans, std::uint32_t count) noexcept override;
  void take_logs(std::vector<telemetry::LogRecord> logs) noexcept override;
  // telemetry::GuestMetricsSink. @thread any
  [[nodiscard]] bool take_metrics(std::string metrics) noexcept override;

  /// Sends everything that waits, and metrics once more; what is left at the deadline is dropped.
  /// Blocks. @thread any but the shard's
  void drain(async::Deadline deadline);
  /// @thread any
  [[nodiscard]] std::array<Counts, 3> counts() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace whorl::otlp
