/// What guests import of wasi:otel: spans, log records and metrics of their own, beside the host's.
///
/// Where the operator exports nothing of a kind, calls do nothing. @thread shard
/// @spec wasi:otel@0.2.0-rc.2
#pragma once

#include "component/host.hpp"
#include "host/capability.hpp"
#include "telemetry/identity.hpp"
#include "telemetry/recorder_table.hpp"
#include "wit/wasi_otel_logs.hpp"
#include "wit/wasi_otel_metrics.hpp"
#include "wit/wasi_otel_tracing.hpp"
#include "wit/wasi_otel_types.hpp"

#include <cstddef>
#include <vector>

namespace whorl::host::otel {

/// Spans and log records that one event may emit; more are left out, so that a guest that emits
/// without end leaves room in the queues to others.
inline constexpr std::size_t kMaxRecordsPerEvent = 1024;
/// Spans that may be open at once.
inline constexpr std::size_t kMaxOpenSpans = 128;

class TracingHost final : public wit::wasi_otel_tracing::Host {
 public:
  /// @param recorders  outlives this object
  explicit TracingHost(const telemetry::RecorderTable& recorders) noexcept
      : recorders_(recorders) {}
  /// From now on spans of the host begin below this one.
  [[nodiscard]] component::HostResult<> on_start(
      component::Call& call, wit::wasi_otel_tracing::SpanContext context
  ) override;
  /// @return a trap for a span that was not started, as in Spin
  [[nodiscard]] component::HostResult<> on_end(
      component::Call& call, wit::wasi_otel_tracing::SpanData data
  ) override;
  /// The span of the component's work; an invalid one when nothing is traced.
  [[nodiscard]] component::HostResult<wit::wasi_otel_tracing::SpanContext> outer_span_context(
      component::Call& call
  ) override;
  void reset() noexcept;

 private:
  const telemetry::RecorderTable& recorders_;
  std::vector<telemetry::SpanContext> open_;  ///< the innermost last
  std::size_t emitted_ = 0;
};

class LogsHost final : public wit::wasi_otel_logs::Host {
 public:
  /// @param recorders  outlives this object
  explicit LogsHost(const telemetry::RecorderTable& recorders) noexcept : recorders_(recorders) {}
  [[nodiscard]] component::HostResult<> on_emit(
      component::Call& call, wit::wasi_otel_logs::LogRecord data
  ) override;
  void reset() noexcept { emitted_ = 0; }

 private:
  const telemetry::RecorderTable& recorders_;
  std::size_t emitted_ = 0;
};

class MetricsHost final : public wit::wasi_otel_metrics::Host {
 public:
  /// @param recorders  outlives this object
  explicit MetricsHost(const telemetry::RecorderTable& recorders) noexcept
      : recorders_(recorders) {}
  /// @return an error when the export is too large, or too many wait
  [[nodiscard]] component::HostResult<std::expected<void, wit::wasi_otel_metrics::Error>> export_(
      component::Call& call, wit::wasi_otel_metrics::ResourceMetrics metrics
  ) override;

 private:
  const telemetry::RecorderTable& recorders_;
};

class TypesHost final : public wit::wasi_otel_types::Host {};

/// The host objects of one instance.
struct Hosts final : InstanceHosts {
  explicit Hosts(const telemetry::RecorderTable& recorders) noexcept
      : tracing(recorders), logs(recorders), metrics(recorders) {}
  void reset() noexcept override {
    tracing.reset();
    logs.reset();
  }

  TracingHost tracing;
  LogsHost logs;
  MetricsHost metrics;
  TypesHost types;
};

}  // namespace whorl::host::otel
