#include "host/otel/convert.hpp"

#include "host/otel/times.hpp"
#include "telemetry/text.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

namespace whorl::host::otel {
namespace {

namespace json = boost::json;
namespace tracing = wit::wasi_otel_tracing;
namespace types = wit::wasi_otel_types;
using telemetry::AttributeValue;

std::string cut(std::string_view text) {
  return std::string(text.substr(0, kMaxTextBytes));
}

/// Takes texts and lists over as far as there is room.
class Taker {
 public:
  std::string text(std::string_view from) {
    std::string out = cut(from.substr(0, left_));
    left_ -= out.size();
    return out;
  }
  std::string text_if(const std::optional<std::string>& from) {
    return from ? text(std::string_view(*from)) : std::string();
  }
  /// @param dropped  counts what found no room; null: nobody does
  telemetry::Attributes attributes(
      const std::vector<types::KeyValue>& from, std::uint32_t* dropped = nullptr
  ) {
    telemetry::Attributes out;
    for (const types::KeyValue& pair : from) {
      if (out.size() < kMaxItems && has_room(pair.key.size() + pair.value.size())) {
        out.push_back({cut(pair.key), to_value(pair.value)});
      } else {
        count(dropped);
      }
    }
    return out;
  }
  std::shared_ptr<const telemetry::Scope> scope(const types::InstrumentationScope& from) {
    auto out = std::make_shared<telemetry::Scope>();
    out->name = text(from.name);
    out->version = text_if(from.version);
    out->schema_url = text_if(from.schema_url);
    out->attributes = attributes(from.attributes);
    return out;
  }
  std::vector<telemetry::SpanEvent> events(
      const std::vector<tracing::Event>& from, std::uint32_t& dropped
  ) {
    std::vector<telemetry::SpanEvent> out;
    for (const tracing::Event& event : from) {
      if (out.size() >= kMaxItems || !has_room(event.name.size() + kItemBytes)) {
        count(&dropped);
        continue;
      }
      out.push_back(
          {.time_ns = to_ns(event.time),
           .name = cut(event.name),
           .attributes = attributes(event.attributes)}
      );
    }
    return out;
  }
  std::vector<telemetry::SpanLink> links(
      const std::vector<tracing::Link>& from, std::uint32_t& dropped
  ) {
    std::vector<telemetry::SpanLink> out;
    for (const tracing::Link& link : from) {
      const auto to = to_context(link.span_context);
      if (!to || out.size() >= kMaxItems || !has_room(kItemBytes)) {
        count(&dropped);
        continue;
      }
      out.push_back(
          {.context = *to,
           .trace_state = trace_state(link.span_context.trace_state),
           .attributes = attributes(link.attributes)}
      );
    }
    return out;
  }
  /// Empty when it is not what a header field may have.
  std::string trace_state(const tracing::TraceState& from) {
    std::string out;
    for (const auto& [key, value] : from) {
      if (out.size() + key.size() + value.size() > telemetry::kMaxText) {
        return {};
      }
      out += (out.empty() ? "" : ",") + key + "=" + value;
    }
    return has_room(out.size()) && telemetry::is_tracestate(out) ? out : std::string();
  }

 private:
  /// What an item costs beside its texts, about.
  static constexpr std::size_t kItemBytes = 64;

  /// Takes so many bytes of the budget; a single text counts as far as it is taken over.
  bool has_room(std::size_t bytes) {
    bytes = std::min(bytes, 2 * kMaxTextBytes);
    if (bytes > left_) {
      return false;
    }
    left_ -= bytes;
    return true;
  }
  static void count(std::uint32_t* dropped) {
    if (dropped != nullptr && *dropped != std::numeric_limits<std::uint32_t>::max()) {
      ++*dropped;
    }
  }

  std::size_t left_ = kMaxRecordBytes;
};

telemetry::SpanKind to_kind(tracing::SpanKind from) {
  switch (from) {
    case tracing::SpanKind::Client:
      return telemetry::SpanKind::Client;
    case tracing::SpanKind::Server:
      return telemetry::SpanKind::Server;
    case tracing::SpanKind::Producer:
      return telemetry::SpanKind::Producer;
    case tracing::SpanKind::Consumer:
      return telemetry::SpanKind::Consumer;
    default:
      return telemetry::SpanKind::Internal;
  }
}

telemetry::SpanStatus to_status(tracing::Status::Tag from) {
  switch (from) {
    case tracing::Status::Tag::Ok:
      return telemetry::SpanStatus::Ok;
    case tracing::Status::Tag::Error:
      return telemetry::SpanStatus::Failed;
    default:
      return telemetry::SpanStatus::Unset;
  }
}

std::optional<AttributeValue> to_scalar(const json::value& value) {
  if (const auto* text = value.if_string()) {
    return AttributeValue(cut(std::string_view(text->data(), text->size())));
  }
  if (const auto* flag = value.if_bool()) {
    return AttributeValue(*flag);
  }
  if (const auto* number = value.if_int64()) {
    return AttributeValue(*number);
  }
  if (const auto* number = value.if_uint64()) {
    return AttributeValue(static_cast<double>(*number));
  }
  if (const auto* number = value.if_double()) {
    return AttributeValue(*number);
  }
  return std::nullopt;
}

/// Nothing unless all elements are of type T.
template <class T>
std::optional<AttributeValue> to_array(const json::array& from) {
  std::vector<T> out;
  for (const json::value& element : from) {
    auto scalar = to_scalar(element);
    if (!scalar || !std::holds_alternative<T>(*scalar)) {
      return std::nullopt;
    }
    if (out.size() < kMaxItems) {
      out.push_back(std::get<T>(std::move(*scalar)));
    }
  }
  return AttributeValue(std::move(out));
}

std::optional<AttributeValue> to_known(const json::value& value) {
  const auto* array = value.if_array();
  if (array == nullptr) {
    return to_scalar(value);
  }
  auto out = to_array<std::string>(*array);
  out = out ? std::move(out) : to_array<std::int64_t>(*array);
  out = out ? std::move(out) : to_array<double>(*array);
  return out ? std::move(out) : to_array<bool>(*array);
}

}  // namespace

std::optional<telemetry::SpanContext> to_context(const tracing::SpanContext& from) {
  const auto trace = telemetry::parse_trace_id(from.trace_id);
  const auto span = telemetry::parse_span_id(from.span_id);
  if (!trace || !span) {
    return std::nullopt;
  }
  return telemetry::SpanContext{
      .trace = *trace,
      .span = *span,
      .is_sampled = from.trace_flags.has(tracing::TraceFlags::kSampled)
  };
}

tracing::SpanContext from_context(
    const telemetry::SpanContext& from, std::string_view trace_state
) {
  tracing::SpanContext out;
  out.trace_id = telemetry::to_text(from.trace);
  out.span_id = telemetry::to_text(from.span);
  out.trace_flags.bits = from.is_sampled ? tracing::TraceFlags::kSampled : 0;
  while (!trace_state.empty()) {
    const std::size_t comma = std::min(trace_state.find(','), trace_state.size());
    std::string_view member = trace_state.substr(0, comma);
    trace_state.remove_prefix(std::min(comma + 1, trace_state.size()));
    member.remove_prefix(std::min(member.find_first_not_of(" \t"), member.size()));
    const std::size_t equals = member.find('=');
    if (equals != std::string_view::npos) {
      out.trace_state.emplace_back(member.substr(0, equals), member.substr(equals + 1));
    }
  }
  return out;
}

AttributeValue to_value(std::string_view text) {
  if (text.size() <= std::size_t{16} * kMaxTextBytes) {
    boost::system::error_code error;
    const json::value parsed = json::parse(text, error);
    auto known = error ? std::nullopt : to_known(parsed);
    if (known) {
      return *std::move(known);
    }
  }
  return cut(text);
}

std::optional<telemetry::Span> to_span(const tracing::SpanData& from) {
  const auto context = to_context(from.span_context);
  if (!context) {
    return std::nullopt;
  }
  Taker take;
  telemetry::Span span;
  span.context = *context;
  span.parent = telemetry::parse_span_id(from.parent_span_id).value_or(telemetry::SpanId{});
  span.trace_state = take.trace_state(from.span_context.trace_state);
  span.name = take.text(from.name);
  span.kind = to_kind(from.span_kind);
  span.start_ns = to_ns(from.start_time);
  span.end_ns = std::max(to_ns(from.end_time), span.start_ns);
  span.status = to_status(from.status.tag);
  if (from.status.tag == tracing::Status::Tag::Error) {
    span.status_message = take.text(from.status.as<std::string>());
  }
  span.scope = take.scope(from.instrumentation_scope);
  span.dropped_attributes = from.dropped_attributes;
  span.dropped_events = from.dropped_events;
  span.dropped_links = from.dropped_links;
  span.attributes = take.attributes(from.attributes, &span.dropped_attributes);
  span.events = take.events(from.events, span.dropped_events);
  span.links = take.links(from.links, span.dropped_links);
  return span;
}

telemetry::LogRecord to_log(const wit::wasi_otel_logs::LogRecord& from) {
  constexpr std::uint8_t kLastSeverity = 24;
  Taker take;
  telemetry::LogRecord out;
  out.observed_ns = from.observed_timestamp ? to_ns(*from.observed_timestamp) : telemetry::now_ns();
  out.time_ns = from.timestamp ? to_ns(*from.timestamp) : 0;
  out.severity = std::min(from.severity_number.value_or(0), kLastSeverity);
  out.severity_text = take.text_if(from.severity_text);
  out.body = from.body ? to_value(*from.body) : AttributeValue(std::string());
  out.attributes = from.attributes ? take.attributes(*from.attributes) : telemetry::Attributes();
  out.event_name = take.text_if(from.event_name);
  out.trace = telemetry::parse_trace_id(from.trace_id.value_or("")).value_or(telemetry::TraceId{});
  out.span = telemetry::parse_span_id(from.span_id.value_or("")).value_or(telemetry::SpanId{});
  out.is_sampled = from.trace_flags && from.trace_flags->has(tracing::TraceFlags::kSampled);
  if (from.instrumentation_scope) {
    out.scope = take.scope(*from.instrumentation_scope);
  }
  return out;
}

}  // namespace whorl::host::otel
