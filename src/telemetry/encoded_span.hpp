/// Spans in the form in which they are sent: bytes that an exporter only has to join.
///
/// What is recorded of every request is written once, into the shard's own buffer, instead of being
/// gathered in objects that another thread takes apart: of all there is to choose from that is the
/// least work altogether. Rare spans are objects (signals.hpp).
/// @spec OTLP, trace/v1 (Span), common/v1 (KeyValue); Protocol Buffers, Encoding. @thread any
#pragma once

#include "telemetry/signals.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace whorl::telemetry {

/// Appends an attribute of a span. Text that is not UTF-8 is mended.
void append_attribute(std::string& out, std::string_view key, std::string_view value);
void append_attribute(std::string& out, std::string_view key, std::int64_t value);
/// Appends an event of a span; of its attributes those that are texts or numbers.
void append_event(std::string& out, const SpanEvent& event);

/// A span whose attributes and events are encoded already.
struct EncodedSpan {
  SpanContext context{};
  SpanId parent{};  ///< none: a root
  bool is_parent_remote = false;
  std::string_view trace_state{};
  std::string_view name{};       ///< UTF-8, and what follows it
  std::string_view name_gap{};   ///< ASCII
  std::string_view name_rest{};  ///< UTF-8
  SpanKind kind = SpanKind::Internal;
  std::uint64_t start_ns = 0;  ///< since 1970
  std::uint64_t end_ns = 0;
  std::string_view attributes{};  ///< by append_attribute()
  std::string_view events{};      ///< by append_event()
  std::uint32_t dropped_events = 0;
  SpanStatus status = SpanStatus::Unset;
};

/// Appends a span as a field `spans` of the message ScopeSpans.
void append_span(std::string& out, const EncodedSpan& span);

}  // namespace whorl::telemetry
