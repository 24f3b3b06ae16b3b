#include "host/otel/convert.hpp"
#include "host/otel/times.hpp"
#include "otlp/values.hpp"
#include "wire/protobuf/writer.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace whorl::host::otel {
namespace {

namespace metrics = wit::wasi_otel_metrics;
namespace types = wit::wasi_otel_types;
using wire::protobuf::Writer;
using Message = Writer::Message;

// AggregationTemporality.
constexpr std::uint64_t kDelta = 1;
constexpr std::uint64_t kCumulative = 2;

std::uint64_t to_number(metrics::Temporality from) {
  // What uses little memory forgets what it has told.
  return from == metrics::Temporality::Cumulative ? kCumulative : kDelta;
}

double to_real(const metrics::MetricNumber& from) {
  switch (from.tag) {
    case metrics::MetricNumber::Tag::F64:
      return from.as<double>();
    case metrics::MetricNumber::Tag::S64:
      return static_cast<double>(from.as<std::int64_t>());
    default:
      return static_cast<double>(from.as<std::uint64_t>());
  }
}

/// Writes one export; stops writing, and says so, when it grows too large.
class Encoder {
 public:
  [[nodiscard]] bool is_full() const noexcept { return out_.text().size() > kMaxMetricsBytes; }
  [[nodiscard]] std::string take() { return out_.take(); }

  void put(const metrics::ResourceMetrics& from) {
    {
      const Message resource(out_, 1);
      attributes(1, from.resource.attributes);
    }
    for (const metrics::ScopeMetrics& scope : from.scope_metrics) {
      put(scope);
    }
    otlp::put_text(out_, 3, from.resource.schema_url.value_or(""));
  }

 private:
  void put(const metrics::ScopeMetrics& from) {
    if (is_full()) {
      return;
    }
    const Message message(out_, 2);
    {
      const Message scope(out_, 1);
      otlp::put_text(out_, 1, from.scope.name);
      otlp::put_text(out_, 2, from.scope.version.value_or(""));
      attributes(3, from.scope.attributes);
    }
    for (const metrics::Metric& metric : from.metrics) {
      put(metric);
    }
    otlp::put_text(out_, 3, from.scope.schema_url.value_or(""));
  }

  void put(const metrics::Metric& from) {
    if (is_full()) {
      return;
    }
    const Message message(out_, 2);
    otlp::put_text(out_, 1, from.name);
    otlp::put_text(out_, 2, from.description);
    otlp::put_text(out_, 3, from.unit);
    using Tag = metrics::MetricData::Tag;
    switch (from.data.tag) {
      case Tag::F64Gauge:
      case Tag::U64Gauge:
      case Tag::S64Gauge:
        put_gauge(from.data.as<metrics::Gauge>());
        break;
      case Tag::F64Sum:
      case Tag::U64Sum:
      case Tag::S64Sum:
        put_sum(from.data.as<metrics::Sum>());
        break;
      case Tag::F64Histogram:
      case Tag::U64Histogram:
      case Tag::S64Histogram:
        put_histogram(from.data.as<metrics::Histogram>());
        break;
      default:
        put_exponential(from.data.as<metrics::ExponentialHistogram>());
    }
  }

  void put_gauge(const metrics::Gauge& from) {
    const Message message(out_, 5);
    const std::uint64_t start = from.start_time ? to_ns(*from.start_time) : 0;
    for (const metrics::GaugeDataPoint& point : from.data_points) {
      put_point(point, start, to_ns(from.time));
    }
  }
  void put_sum(const metrics::Sum& from) {
    const Message message(out_, 7);
    for (const metrics::SumDataPoint& point : from.data_points) {
      put_point(point, to_ns(from.start_time), to_ns(from.time));
    }
    out_.number(2, to_number(from.temporality));
    out_.number(3, from.is_monotonic ? 1 : 0);
  }
  /// NumberDataPoint, of a gauge or a sum.
  template <class Point>
  void put_point(const Point& point, std::uint64_t start_ns, std::uint64_t time_ns) {
    if (is_full()) {
      return;
    }
    const Message message(out_, 1);
    out_.fixed64(2, start_ns);
    out_.fixed64(3, time_ns);
    put_number(point.value, 4, 6);
    put_exemplars(5, point.exemplars);
    attributes(7, point.attributes);
  }

  void put_histogram(const metrics::Histogram& from) {
    const Message message(out_, 9);
    for (const metrics::HistogramDataPoint& point : from.data_points) {
      if (is_too_large(point.bounds.size() + point.bucket_counts.size())) {
        break;
      }
      const Message inner(out_, 1);
      out_.fixed64(2, to_ns(from.start_time));
      out_.fixed64(3, to_ns(from.time));
      out_.present_fixed64(4, point.count);
      out_.present_real(5, to_real(point.sum));
      out_.packed_fixed64(6, point.bucket_counts);
      out_.packed_reals(7, point.bounds);
      put_exemplars(8, point.exemplars);
      attributes(9, point.attributes);
      put_bound(11, point.min);
      put_bound(12, point.max);
    }
    out_.number(2, to_number(from.temporality));
  }

  void put_exponential(const metrics::ExponentialHistogram& from) {
    const Message message(out_, 10);
    for (const metrics::ExponentialHistogramDataPoint& point : from.data_points) {
      if (is_too_large(point.positive_bucket.counts.size() + point.negative_bucket.counts.size())) {
        break;
      }
      const Message inner(out_, 1);
      attributes(1, point.attributes);
      out_.fixed64(2, to_ns(from.start_time));
      out_.fixed64(3, to_ns(from.time));
      out_.present_fixed64(4, point.count);
      out_.present_real(5, to_real(point.sum));
      out_.zigzag(6, point.scale);
      out_.present_fixed64(7, point.zero_count);
      put_buckets(8, point.positive_bucket);
      put_buckets(9, point.negative_bucket);
      put_exemplars(11, point.exemplars);
      put_bound(12, point.min);
      put_bound(13, point.max);
      out_.present_real(14, point.zero_threshold);
    }
    out_.number(2, to_number(from.temporality));
  }
  void put_buckets(std::uint32_t field, const metrics::ExponentialBucket& from) {
    const Message message(out_, field);
    out_.zigzag(1, from.offset);
    out_.packed_numbers(2, from.counts);
  }

  void put_exemplars(std::uint32_t field, std::span<const metrics::Exemplar> from) {
    for (const metrics::Exemplar& exemplar : from) {
      if (is_full()) {
        return;
      }
      const Message message(out_, field);
      out_.fixed64(2, to_ns(exemplar.time));
      put_number(exemplar.value, 3, 6);
      otlp::put_id(
          out_, 4, telemetry::parse_span_id(exemplar.span_id).value_or(telemetry::SpanId{})
      );
      otlp::put_id(
          out_, 5, telemetry::parse_trace_id(exemplar.trace_id).value_or(telemetry::TraceId{})
      );
      attributes(7, exemplar.filtered_attributes);
    }
  }

  /// A member of a oneof: a real in one field, or a whole number in the other.
  void put_number(
      const metrics::MetricNumber& from, std::uint32_t real_field, std::uint32_t whole_field
  ) {
    switch (from.tag) {
      case metrics::MetricNumber::Tag::F64:
        out_.present_real(real_field, from.as<double>());
        break;
      case metrics::MetricNumber::Tag::S64:
        out_.present_fixed64(whole_field, static_cast<std::uint64_t>(from.as<std::int64_t>()));
        break;
      default:
        out_.present_fixed64(whole_field, from.as<std::uint64_t>());
    }
  }
  void put_bound(std::uint32_t field, const std::optional<metrics::MetricNumber>& from) {
    if (from) {
      out_.present_real(field, to_real(*from));
    }
  }
  void attributes(std::uint32_t field, const std::vector<types::KeyValue>& from) {
    for (const types::KeyValue& pair : from) {
      if (is_too_large(0)) {
        return;
      }
      otlp::put_attribute(out_, field, pair.key, to_value(pair.value));
    }
  }
  /// Before numbers are written of which one alone may be too much.
  [[nodiscard]] bool is_too_large(std::size_t numbers) {
    if (numbers > kMaxMetricsBytes / sizeof(std::uint64_t)) {
      has_refused_ = true;
    }
    return has_refused_ || is_full();
  }

 public:
  [[nodiscard]] bool has_refused() const noexcept { return has_refused_ || is_full(); }

 private:
  Writer out_;
  bool has_refused_ = false;
};

}  // namespace

Result<std::string> to_otlp(const metrics::ResourceMetrics& from) {
  Encoder encoder;
  encoder.put(from);
  if (encoder.has_refused()) {
    return fail(
        ErrorKind::ResourceLimit, "one export of metrics has {} bytes at most", kMaxMetricsBytes
    );
  }
  return encoder.take();
}

}  // namespace whorl::host::otel
