#include "host/otel/convert.hpp"

#include <doctest/doctest.h>

namespace whorl::host::otel {
namespace {

namespace tracing = wit::wasi_otel_tracing;
using telemetry::AttributeValue;

constexpr std::string_view kTrace = "0af7651916cd43dd8448eb211c80319c";
constexpr std::string_view kSpan = "b7ad6b7169203331";

tracing::SpanContext context() {
  tracing::SpanContext out;
  out.trace_id = kTrace;
  out.span_id = kSpan;
  out.trace_flags.bits = tracing::TraceFlags::kSampled;
  out.trace_state = {{"a", "1"}, {"b", "2"}};
  return out;
}

TEST_CASE("values are JSON, and kept as they are where they are nothing known") {
  CHECK(to_value("\"bar\"") == AttributeValue("bar"));
  CHECK(to_value("true") == AttributeValue(true));
  CHECK(to_value("-7") == AttributeValue(std::int64_t{-7}));
  CHECK(to_value("0.5") == AttributeValue(0.5));
  CHECK(to_value("18446744073709551615") == AttributeValue(18446744073709551616.0));
  CHECK(to_value("[\"qaz\",\"thud\"]") == AttributeValue(std::vector<std::string>{"qaz", "thud"}));
  CHECK(to_value("[1,2]") == AttributeValue(std::vector<std::int64_t>{1, 2}));
  CHECK(to_value("[0.5]") == AttributeValue(std::vector<double>{0.5}));
  CHECK(to_value("[true]") == AttributeValue(std::vector<bool>{true}));
  for (const std::string_view text :
       {"", "bar", "null", "{\"a\":1}", "[1,\"x\"]", "[[1]]", "\"open"}) {
    CAPTURE(text);
    CHECK(to_value(text) == AttributeValue(std::string(text)));
  }
  const std::string deep(100'000, '[');
  CHECK(std::get<std::string>(to_value(deep)).size() == kMaxTextBytes);
  CHECK(std::get<std::string>(to_value(std::string(3000, '['))).size() == 3000);
}

TEST_CASE("contexts, both ways") {
  const auto read = to_context(context());
  REQUIRE(read);
  CHECK(telemetry::to_text(read->trace) == kTrace);
  CHECK(telemetry::to_text(read->span) == kSpan);
  CHECK(read->is_sampled);
  const tracing::SpanContext written = from_context(*read, "a=1, b=2");
  CHECK(written.trace_id == kTrace);
  CHECK(written.trace_state == tracing::TraceState{{"a", "1"}, {"b", "2"}});
  CHECK(from_context({}, "").trace_id == std::string(32, '0'));
  tracing::SpanContext bad = context();
  bad.span_id = "xyz";
  CHECK_FALSE(to_context(bad));
}

TEST_CASE("a span, with too much of everything") {
  tracing::SpanData data;
  data.span_context = context();
  data.parent_span_id = "00f067aa0ba902b7";
  data.name = std::string(5000, 'n');
  data.span_kind = tracing::SpanKind::Producer;
  data.start_time = {.seconds = 2, .nanoseconds = 5};
  data.end_time = {.seconds = 1, .nanoseconds = 0};
  data.attributes.assign(200, {.key = "k", .value = "1"});
  data.dropped_attributes = 4;
  data.events.push_back(
      {.name = "e", .time = {.seconds = ~std::uint64_t{0}, .nanoseconds = 0}, .attributes = {}}
  );
  data.links.assign(
      2, {.span_context = context(), .attributes = {{.key = "foo", .value = "\"bar\""}}}
  );
  data.links[1].span_context.trace_id = "no";
  data.status = tracing::Status::error("why");
  data.instrumentation_scope.name = "scope";
  const auto span = to_span(data);
  REQUIRE(span);
  CHECK(span->name.size() == kMaxTextBytes);
  CHECK(span->kind == telemetry::SpanKind::Producer);
  CHECK(telemetry::to_text(span->parent) == "00f067aa0ba902b7");
  CHECK(span->trace_state == "a=1,b=2");
  CHECK(span->start_ns == 2'000'000'005);
  CHECK(span->end_ns == span->start_ns);
  CHECK(span->attributes.size() == kMaxItems);
  CHECK(span->dropped_attributes == 4 + 200 - kMaxItems);
  CHECK(span->events.size() == 1);
  CHECK(span->dropped_links == 1);
  REQUIRE(span->links.size() == 1);
  CHECK(span->links[0].attributes == telemetry::Attributes{{"foo", "bar"}});
  CHECK(span->status == telemetry::SpanStatus::Failed);
  CHECK(span->status_message == "why");
  CHECK(span->scope->name == "scope");
  data.span_context.trace_id = "";
  CHECK_FALSE(to_span(data));
}

TEST_CASE("a span has a budget of bytes in all") {
  tracing::SpanData data;
  data.span_context = context();
  data.attributes.assign(100, {.key = "k", .value = std::string(1000, 'x')});
  data.events.assign(
      100, {.name = std::string(1000, 'e'), .time = {}, .attributes = data.attributes}
  );
  data.links.assign(100, {.span_context = context(), .attributes = {}});
  const auto span = to_span(data);
  REQUIRE(span);
  CHECK(span->attributes.size() == 16);
  CHECK(span->dropped_attributes == 84);
  CHECK(span->events.size() + span->dropped_events == 100);
  CHECK(span->links.size() + span->dropped_links == 100);
  CHECK(span->events.empty());
}

TEST_CASE("metrics are one message, and not too large a one") {
  namespace metrics = wit::wasi_otel_metrics;
  metrics::Sum sum;
  sum.data_points.push_back(
      {.attributes = {{.key = "k", .value = "1"}}, .value = metrics::MetricNumber::u64(7)}
  );
  sum.time = {.seconds = 1, .nanoseconds = 0};
  sum.is_monotonic = true;
  metrics::ResourceMetrics from;
  from.scope_metrics.push_back({});
  from.scope_metrics[0].metrics.push_back(
      {.name = "n", .description = "", .unit = "", .data = metrics::MetricData::u64_sum(sum)}
  );
  auto encoded = to_otlp(from);
  REQUIRE(encoded);
  using namespace std::string_view_literals;
  CHECK(
      *encoded ==
      // resource, scopes { scope, metrics { name, sum { point { time, int, attributes }, 2, true
      // }}}
      "\x0a\x00\x12\x2a\x0a\x00\x12\x26\x0a\x01n"
      "\x3a\x21\x0a\x1b\x19\x00\xca\x9a\x3b\x00\x00\x00\x00\x31\x07\x00\x00\x00\x00\x00\x00\x00"
      "\x3a\x07\x0a\x01k\x12\x02\x18\x01\x10\x02\x18\x01"sv
  );
  from.scope_metrics[0].metrics.assign(5000, from.scope_metrics[0].metrics[0]);
  CHECK(to_otlp(from).error().kind() == ErrorKind::ResourceLimit);
  metrics::Histogram wide;
  wide.data_points.push_back({});
  wide.data_points[0].bucket_counts.assign(100'000, 1);
  from.scope_metrics[0].metrics.assign(
      1, {.name = "w", .data = metrics::MetricData::s64_histogram(wide)}
  );
  CHECK(to_otlp(from).error().kind() == ErrorKind::ResourceLimit);
}

TEST_CASE("log records") {
  wit::wasi_otel_logs::LogRecord from;
  from.body = "\"text\"";
  from.severity_number = 200;
  from.timestamp = {.seconds = 1, .nanoseconds = 2};
  from.trace_id = kTrace;
  const telemetry::LogRecord out = to_log(from);
  CHECK(out.body == AttributeValue("text"));
  CHECK(out.severity == 24);
  CHECK(out.time_ns == 1'000'000'002);
  CHECK(out.observed_ns != 0);
  CHECK(telemetry::to_text(out.trace) == kTrace);
  CHECK(out.scope == nullptr);
}

}  // namespace
}  // namespace whorl::host::otel
