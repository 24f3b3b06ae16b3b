#include "telemetry/open_span.hpp"

#include "telemetry/recorder.hpp"

namespace whorl::telemetry {

void OpenSpan::set(std::string_view key, AttributeValue value) {
  if (span_.context.is_sampled) {
    span_.attributes.push_back({std::string(key), std::move(value)});
  }
}

void OpenSpan::fail(std::string_view type, Blame blame) {
  span_.status = SpanStatus::Failed;
  set("error.type", std::string(type));
  if (blame != Blame::Nobody) {
    set("error.blame", std::string(blame == Blame::Guest ? "guest" : "host"));
  }
}

void OpenSpan::end() {
  if (std::exchange(has_ended_, true) || !span_.context.is_sampled) {
    return;
  }
  const auto took = std::chrono::steady_clock::now() - began_;
  span_.end_ns =
      span_.start_ns + static_cast<std::uint64_t>(std::chrono::nanoseconds(took).count());
  recorder_.add(std::move(span_));
}

}  // namespace whorl::telemetry
