#include "host/otel/otel_hosts.hpp"

#include "host/otel/convert.hpp"
#include "telemetry/recorder.hpp"

#include <algorithm>
#include <utility>

namespace whorl::host::otel {
namespace {

namespace tracing = wit::wasi_otel_tracing;

/// The recorder of this shard if it traces.
telemetry::Recorder* tracer(const telemetry::RecorderTable& recorders) {
  telemetry::Recorder* recorder = recorders.here();
  return recorder != nullptr && recorder->is_tracing() ? recorder : nullptr;
}

}  // namespace

component::HostResult<> TracingHost::on_start(component::Call&, tracing::SpanContext context) {
  telemetry::Recorder* recorder = tracer(recorders_);
  const auto read = to_context(context);
  if (recorder == nullptr || !read) {
    return {};
  }
  if (open_.size() >= kMaxOpenSpans) {
    return component::trap("a guest has too many spans open at once");
  }
  std::erase_if(open_, [&](const auto& open) { return open.span == read->span; });
  open_.push_back(*read);
  if (telemetry::RequestRecord* request = recorder->current()) {
    request->set_guest_span(*read);
  }
  return {};
}

component::HostResult<> TracingHost::on_end(component::Call&, tracing::SpanData data) {
  telemetry::Recorder* recorder = tracer(recorders_);
  if (recorder == nullptr) {
    return {};
  }
  auto span = to_span(data);
  const auto ended = !span ? open_.end() : std::ranges::find_if(open_, [&](const auto& open) {
    return open.span == span->context.span;
  });
  if (ended == open_.end()) {
    return component::trap("Trying to end a span that was not started");
  }
  open_.erase(ended);
  if (telemetry::RequestRecord* request = recorder->current()) {
    request->set_guest_span(open_.empty() ? telemetry::SpanContext{} : open_.back());
  }
  if (span->context.is_sampled && emitted_ < kMaxRecordsPerEvent) {
    ++emitted_;
    recorder->add(*std::move(span));
  }
  return {};
}

component::HostResult<tracing::SpanContext> TracingHost::outer_span_context(component::Call&) {
  const telemetry::Recorder* recorder = tracer(recorders_);
  const telemetry::RequestRecord* request = recorder != nullptr ? recorder->current() : nullptr;
  return request != nullptr ? from_context(request->context(), request->trace_state())
                            : from_context({}, {});
}

void TracingHost::reset() noexcept {
  open_.clear();
  emitted_ = 0;
}

component::HostResult<> LogsHost::on_emit(component::Call&, wit::wasi_otel_logs::LogRecord data) {
  telemetry::Recorder* recorder = recorders_.here();
  if (recorder == nullptr || !recorder->takes_logs() || emitted_ >= kMaxRecordsPerEvent) {
    return {};
  }
  ++emitted_;
  recorder->add(to_log(data));
  return {};
}

component::HostResult<std::expected<void, wit::wasi_otel_metrics::Error>> MetricsHost::export_(
    component::Call&, wit::wasi_otel_metrics::ResourceMetrics metrics
) {
  using Answer = std::expected<void, wit::wasi_otel_metrics::Error>;
  telemetry::GuestMetricsSink* sink = recorders_.metrics();
  if (sink == nullptr) {
    return Answer();
  }
  auto encoded = to_otlp(metrics);
  if (!encoded) {
    return Answer(std::unexpect, encoded.error().message());
  }
  if (!sink->take_metrics(*std::move(encoded))) {
    return Answer(std::unexpect, "too many exports of metrics wait to be sent");
  }
  return Answer();
}

}  // namespace whorl::host::otel
