#include "otlp/encode.hpp"

#include "otlp/values.hpp"
#include "telemetry/text.hpp"
#include "wire/protobuf/reader.hpp"
#include "wire/protobuf/writer.hpp"

#include <algorithm>
#include <functional>
#include <vector>

namespace whorl::otlp {
namespace {

using telemetry::Attributes;
using telemetry::ComponentTotals;
using telemetry::HistogramTotals;
using wire::protobuf::Writer;
using Message = Writer::Message;

constexpr std::uint64_t kCumulative = 2;
/// How many of what is counted make the unit that is shown.
constexpr double kPerSecond = 1e9;
// Of the flags of a span: whether it is known where its parent is, and that it is elsewhere.
constexpr std::uint32_t kSampled = 1;
constexpr std::uint32_t kHasIsRemote = 0x100;
constexpr std::uint32_t kIsRemote = 0x200;

void put_resource(Writer& out, const Resource& resource) {
  const Message message(out, 1);
  put_attributes(out, 1, resource);
}

void put_event(Writer& out, const telemetry::SpanEvent& event) {
  const Message message(out, 11);
  out.fixed64(1, event.time_ns);
  put_text(out, 2, event.name);
  put_attributes(out, 3, event.attributes);
}

void put_link(Writer& out, const telemetry::SpanLink& link) {
  const Message message(out, 13);
  put_id(out, 1, link.context.trace);
  put_id(out, 2, link.context.span);
  put_text(out, 3, link.trace_state);
  put_attributes(out, 4, link.attributes);
  out.fixed32(6, link.context.is_sampled ? kSampled : 0);
}

void put_item(Writer& out, const telemetry::Span& span) {
  const Message message(out, 2);
  put_id(out, 1, span.context.trace);
  put_id(out, 2, span.context.span);
  put_text(out, 3, span.trace_state);
  put_id(out, 4, span.parent);
  put_text(out, 5, span.name);
  out.number(6, static_cast<std::uint64_t>(span.kind));
  out.fixed64(7, span.start_ns);
  out.fixed64(8, span.end_ns);
  put_attributes(out, 9, span.attributes);
  out.number(10, span.dropped_attributes);
  for (const telemetry::SpanEvent& event : span.events) {
    put_event(out, event);
  }
  out.number(12, span.dropped_events);
  for (const telemetry::SpanLink& link : span.links) {
    put_link(out, link);
  }
  out.number(14, span.dropped_links);
  if (span.status != telemetry::SpanStatus::Unset) {
    const Message status(out, 15);
    put_text(out, 2, span.status_message);
    out.number(3, static_cast<std::uint64_t>(span.status));
  }
  out.fixed32(
      16,
      (span.context.is_sampled ? kSampled : 0) | kHasIsRemote |
          (span.is_parent_remote ? kIsRemote : 0)
  );
}

void put_item(Writer& out, const telemetry::LogRecord& record) {
  const Message message(out, 2);
  out.fixed64(1, record.time_ns);
  out.number(2, record.severity);
  put_text(out, 3, record.severity_text);
  put_value(out, 5, record.body);
  put_attributes(out, 6, record.attributes);
  out.fixed32(8, record.is_sampled ? kSampled : 0);
  put_id(out, 9, record.trace);
  put_id(out, 10, record.span);
  out.fixed64(11, record.observed_ns);
  put_text(out, 12, record.event_name);
}

/// Items under the scopes that made them.
template <class Item>
void put_scopes(Writer& out, std::span<const Item> items) {
  std::size_t begin = 0;
  while (begin < items.size()) {
    const telemetry::Scope* scope = items[begin].scope.get();
    std::size_t end = begin;
    while (end < items.size() && items[end].scope.get() == scope) {
      ++end;
    }
    const Message of_scope(out, 2);
    put_scope(out, scope);
    for (; begin < end; ++begin) {
      put_item(out, items[begin]);
    }
    put_text(out, 3, scope == nullptr ? std::string_view() : scope->schema_url);
  }
}

/// Begins a message whose content is appended behind it.
void append_head(std::string& out, std::uint32_t field, std::size_t size) {
  out += static_cast<char>(field << 3U | 2U);
  for (; size >= 0x80; size >>= 7U) {
    out += static_cast<char>(size | 0x80U);
  }
  out += static_cast<char>(size);
}

class MetricsWriter {
 public:
  MetricsWriter(Writer& out, const telemetry::Totals& totals, Period period)
      : out_(out), totals_(totals), period_(period) {}

  /// @param value  (ComponentTotals) -> count; components with none are left out
  template <class Value>
  void counter(
      std::string_view name, std::string_view description, const Attributes& common, Value value
  ) {
    const Message metric(out_, 2);
    put_text(out_, 1, name);
    put_text(out_, 2, description);
    const Message sum(out_, 7);
    for (const auto& [id, component] : totals_.components) {
      if (id.empty() || value(component) == 0) {
        continue;
      }
      const Message point(out_, 1);
      put_period();
      out_.present_fixed64(6, value(component));
      put_attributes(out_, 7, common);
      put_attribute(out_, 7, "component_id", id);
    }
    out_.number(2, kCumulative);
    out_.number(3, 1);
  }

  void histogram(
      std::string_view name,
      std::string_view description,
      std::string_view unit,
      double per_unit,
      HistogramTotals ComponentTotals::* member
  ) {
    const Message metric(out_, 2);
    put_text(out_, 1, name);
    put_text(out_, 2, description);
    put_text(out_, 3, unit);
    const Message data(out_, 9);
    for (const auto& [id, component] : totals_.components) {
      if (!id.empty() && (component.*member).count() != 0) {
        put_histogram("component_id", id, component.*member, per_unit);
      }
    }
    out_.number(2, kCumulative);
  }

  void requests(std::string_view application) {
    if (totals_.components.empty()) {
      return;
    }
    const Message metric(out_, 2);
    put_text(out_, 1, "spin.request_count");
    put_text(out_, 2, "Events");
    const Message sum(out_, 7);
    for (const auto& [id, component] : totals_.components) {
      const std::string app_id(application);
      const auto point = [&](const char* trigger, std::uint64_t count) {
        if (!id.empty() && count != 0) {
          put_count(count, {{"trigger_type", trigger}, {"app_id", app_id}, {"component_id", id}});
        }
      };
      point("http", component.events - std::min(component.messages, component.events));
      point("redis", component.messages);
    }
    end_sum();
  }

  /// What guests used outside: Spin's names.
  void outside() {
    using O = telemetry::OutboundTotals;
    if (!totals_.inferences.empty()) {
      const Message metric(out_, 2);
      put_text(out_, 1, "spin.llm_infer");
      put_text(out_, 2, "Texts that models went on with");
      const Message sum(out_, 7);
      for (const auto& [model, count] : totals_.inferences) {
        put_count(count, {{"model_name", model}});
      }
      end_sum();
    }
    if (totals_.outbound.empty()) {
      return;
    }
    permits(
        "outbound_connection_permits_acquired",
        "Places for connections that were had",
        [&](auto& kind, const O& of) {
          put_count(of.acquired, {{"kind", kind}, {"waited", false}});
          put_count(of.acquired_late, {{"kind", kind}, {"waited", true}});
        }
    );
    permits(
        "outbound_connection_permits_rejected",
        "Places that were not to be had",
        [&](auto& kind, const O& of) {
          put_count(of.rejected, {{"kind", kind}, {"limit", "factor"}});
          put_count(of.rejected_by_all, {{"kind", kind}, {"limit", "global"}});
        }
    );
    constexpr double kPerUnit = 1e3;
    shares(
        "outbound_connection_permit_wait_duration_ms", "Waiting for a place", kPerUnit, &O::wait
    );
    shares(
        "outbound_connection_factor_utilization",
        "Of a kind's places, how many are taken",
        kPerUnit,
        &O::used
    );
    HistogramTotals all;
    for (const auto& [kind, of] : totals_.outbound) {
      all.bounds = of.used_all.bounds;
      all.buckets.resize(of.used_all.buckets.size());
      std::ranges::transform(all.buckets, of.used_all.buckets, all.buckets.begin(), std::plus());
      all.sum += of.used_all.sum;
    }
    if (all.count() != 0) {
      const Message metric(out_, 2);
      put_text(out_, 1, "outbound_connection_global_utilization");
      put_text(out_, 2, "Of the places of all kinds, how many are taken");
      const Message data(out_, 9);
      put_histogram({}, {}, all, kPerUnit);
      out_.number(2, kCumulative);
    }
  }

 private:
  template <class Put>
  void permits(std::string_view name, std::string_view description, Put put) {
    const Message metric(out_, 2);
    put_text(out_, 1, name);
    put_text(out_, 2, description);
    const Message sum(out_, 7);
    for (const auto& [kind, of] : totals_.outbound) {
      put(kind, of);
    }
    end_sum();
  }
  void shares(
      std::string_view name,
      std::string_view description,
      double per_unit,
      HistogramTotals telemetry::OutboundTotals::* member
  ) {
    if (std::ranges::none_of(totals_.outbound, [&](const auto& each) {
          return (each.second.*member).count() != 0;
        })) {
      return;
    }
    const Message metric(out_, 2);
    put_text(out_, 1, name);
    put_text(out_, 2, description);
    const Message data(out_, 9);
    for (const auto& [kind, of] : totals_.outbound) {
      if ((of.*member).count() != 0) {
        put_histogram("kind", kind, of.*member, per_unit);
      }
    }
    out_.number(2, kCumulative);
  }
  void put_count(std::uint64_t count, const Attributes& attributes) {
    if (count == 0) {
      return;
    }
    const Message point(out_, 1);
    put_period();
    out_.present_fixed64(6, count);
    put_attributes(out_, 7, attributes);
  }
  void end_sum() {
    out_.number(2, kCumulative);
    out_.number(3, 1);
  }
  void put_period() {
    out_.fixed64(2, period_.start_ns);
    out_.fixed64(3, period_.now_ns);
  }
  /// @param key  of its one attribute; empty: it has none
  void put_histogram(
      std::string_view key,
      const std::string& value,
      const HistogramTotals& histogram,
      double per_unit
  ) {
    const Message point(out_, 1);
    put_period();
    out_.present_fixed64(4, histogram.count());
    out_.present_real(5, static_cast<double>(histogram.sum) / per_unit);
    out_.packed_fixed64(6, histogram.buckets);
    std::vector<double> bounds;
    for (const std::uint64_t bound : histogram.bounds) {
      bounds.push_back(static_cast<double>(bound) / per_unit);
    }
    out_.packed_reals(7, bounds);
    if (!key.empty()) {
      put_attribute(out_, 9, key, value);
    }
  }

  Writer& out_;
  const telemetry::Totals& totals_;
  Period period_;
};

}  // namespace

SpanPiece encode_scopes(std::span<const telemetry::Span> spans) {
  Writer out;
  put_scopes(out, spans);
  return {
      .bytes = out.take(),
      .count = static_cast<std::uint32_t>(spans.size()),
      .form = SpanPiece::Form::Scopes
  };
}

std::string join_spans(const Resource& resource, std::span<const SpanPiece> pieces) {
  Writer head;
  put_resource(head, resource);
  Writer scope;
  put_scope(scope, nullptr);
  std::vector<std::string> heads;
  std::size_t size = head.text().size();
  for (const SpanPiece& piece : pieces) {
    std::string& its_head = heads.emplace_back();
    if (piece.form == SpanPiece::Form::Spans) {
      append_head(its_head, 2, scope.text().size() + piece.bytes.size());
      its_head += scope.text();
    }
    size += its_head.size() + piece.bytes.size();
  }
  std::string out;
  out.reserve(size + 16);
  append_head(out, 1, size);
  out += head.text();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    out.append(heads[i]).append(pieces[i].bytes);
  }
  return out;
}

std::string encode_spans(const Resource& resource, std::span<const telemetry::Span> spans) {
  const SpanPiece piece = encode_scopes(spans);
  return join_spans(resource, {&piece, 1});
}

std::string encode_logs(const Resource& resource, std::span<const telemetry::LogRecord> records) {
  Writer out;
  {
    const Message of_resource(out, 1);
    put_resource(out, resource);
    put_scopes(out, records);
  }
  return out.take();
}

std::string encode_metrics(
    const Resource& resource,
    const telemetry::Totals& totals,
    std::string_view application,
    Period period
) {
  using C = ComponentTotals;
  Writer out;
  {
    const Message of_resource(out, 1);
    put_resource(out, resource);
    const Message of_scope(out, 2);
    put_scope(out, nullptr);
    MetricsWriter metrics(out, totals, period);
    metrics.requests(application);
    metrics.outside();
    metrics.histogram("spin.component_cpu_time", "CPU of an event", "s", kPerSecond, &C::cpu);
    metrics.histogram(
        "spin.component_memory_used_on_init",
        "Linear memory before an event",
        "By",
        1,
        &C::memory_begin
    );
    metrics.histogram(
        "spin.component_memory_used", "Linear memory after an event", "By", 1, &C::memory_end
    );
    metrics.histogram(
        "http.server.request.duration",
        "From the head of a request to the end of its answer",
        "s",
        kPerSecond,
        &C::duration
    );
    metrics.counter("whorl.instances.started", "Instances made anew", {}, [](const C& c) {
      return c.instances_started;
    });
    metrics.counter("whorl.instances.reset", "Instances put back exactly", {}, [](const C& c) {
      return c.instances_reset;
    });
    metrics.counter("whorl.instances.dropped", "Instances dropped", {}, [](const C& c) {
      return c.instances_dropped;
    });
    metrics.counter("whorl.traps", "Events that ended with a trap", {}, [](const C& c) {
      return c.traps;
    });
  }
  return out.take();
}

std::string join_metrics(std::span<const std::string> metrics) {
  Writer out;
  for (const std::string& one : metrics) {
    out.bytes(1, as_bytes(one));
  }
  return out.take();
}

std::optional<PartialSuccess> read_answer(ByteView answer) {
  wire::protobuf::Reader outer(answer);
  PartialSuccess partial;
  while (const auto field = outer.next()) {
    if (field->number != 1 || field->type != wire::protobuf::WireType::Bytes) {
      continue;
    }
    wire::protobuf::Reader inner(field->bytes);
    while (const auto member = inner.next()) {
      if (member->number == 1 && member->type == wire::protobuf::WireType::Varint) {
        partial.rejected = member->value;
      } else if (member->number == 2 && member->type == wire::protobuf::WireType::Bytes) {
        partial.message = telemetry::to_utf8(member->text().substr(0, telemetry::kMaxText));
      }
    }
  }
  if (outer.has_failed() || (partial.rejected == 0 && partial.message.empty())) {
    return std::nullopt;
  }
  return partial;
}

}  // namespace whorl::otlp
