/// What guests say through wasi:otel, in the terms of telemetry/. Their texts are hostile: each
/// span, record and export has a budget of bytes, and each list a bound. @thread any
#pragma once

#include "base/result.hpp"
#include "telemetry/signals.hpp"
#include "wit/wasi_otel_logs.hpp"
#include "wit/wasi_otel_metrics.hpp"
#include "wit/wasi_otel_tracing.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::host::otel {

/// Attributes, events and links of a span, elements of an array.
inline constexpr std::size_t kMaxItems = 128;
/// Bytes of one text; more is cut.
inline constexpr std::size_t kMaxTextBytes = 4096;
/// Bytes of all texts of a span or record; what comes behind them is left out and counted.
inline constexpr std::size_t kMaxRecordBytes = 16 * 1024;
/// Bytes of one export of metrics.
inline constexpr std::size_t kMaxMetricsBytes = 64 * 1024;

/// Nothing when an identity is none.
[[nodiscard]] std::optional<telemetry::SpanContext> to_context(
    const wit::wasi_otel_tracing::SpanContext& from
);
/// @param trace_state  as it stands in a header field
[[nodiscard]] wit::wasi_otel_tracing::SpanContext from_context(
    const telemetry::SpanContext& from, std::string_view trace_state
);
/// A value is JSON: a text, number, truth or an array of one of them. What is anything else is kept
/// as the text that it is.
[[nodiscard]] telemetry::AttributeValue to_value(std::string_view json);
/// Nothing when an identity is none.
[[nodiscard]] std::optional<telemetry::Span> to_span(const wit::wasi_otel_tracing::SpanData& from);
[[nodiscard]] telemetry::LogRecord to_log(const wit::wasi_otel_logs::LogRecord& from);
/// The message ResourceMetrics of OTLP.
/// @return errors: ResourceLimit when it has more than kMaxMetricsBytes
[[nodiscard]] Result<std::string> to_otlp(const wit::wasi_otel_metrics::ResourceMetrics& from);

}  // namespace whorl::host::otel
