/// Requests of OTLP: spans, log records and metrics as messages of its schema.
///
/// @spec OTLP 1.x: collector/{trace,logs,metrics}/v1, trace/v1, logs/v1, metrics/v1, common/v1.
/// @thread any
#pragma once

#include "base/bytes.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/signals.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace whorl::otlp {

/// Who sends: attributes of the process.
using Resource = telemetry::Attributes;

[[nodiscard]] std::string encode_spans(
    const Resource& resource, std::span<const telemetry::Span> spans
);
/// Spans that are encoded but for who sends them.
struct SpanPiece {
  enum class Form : std::uint8_t {
    Spans,   ///< fields `spans` of our scope, by telemetry::append_span()
    Scopes,  ///< fields `scope_spans`, by encode_scopes()
  };
  std::string bytes{};
  std::uint32_t count = 0;
  Form form = Form::Spans;
};
/// Spans of any scopes as a piece.
[[nodiscard]] SpanPiece encode_scopes(std::span<const telemetry::Span> spans);
/// A request of several pieces.
[[nodiscard]] std::string join_spans(const Resource& resource, std::span<const SpanPiece> pieces);
[[nodiscard]] std::string encode_logs(
    const Resource& resource, std::span<const telemetry::LogRecord> records
);

/// When counting began, and when the counters were read; nanoseconds since 1970.
struct Period {
  std::uint64_t start_ns = 0;
  std::uint64_t now_ns = 0;
};
/// Spin's metrics and ours, cumulative. @param application  the name, for Spin's `app_id`
[[nodiscard]] std::string encode_metrics(
    const Resource& resource,
    const telemetry::Totals& totals,
    std::string_view application,
    Period period
);

/// A request of several messages ResourceMetrics.
[[nodiscard]] std::string join_metrics(std::span<const std::string> metrics);

/// What the answer to a request says: how many of its items were not taken, and why.
struct PartialSuccess {
  std::uint64_t rejected = 0;
  std::string message;
};
/// @return nothing when everything was taken, or the bytes are no answer
[[nodiscard]] std::optional<PartialSuccess> read_answer(ByteView answer);

}  // namespace whorl::otlp
