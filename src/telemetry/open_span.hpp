/// OpenSpan: something that goes on, to be recorded when it ends. @thread shard
#pragma once

#include "telemetry/signals.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace whorl::telemetry {

class Recorder;

/// Whose fault a failure is.
enum class Blame : std::uint8_t { Nobody, Guest, Host };

class OpenSpan {
 public:
  /// @see Recorder::open_span(). @param recorder  outlives every call of end()
  OpenSpan(Recorder& recorder, Span span)
      : recorder_(recorder), span_(std::move(span)), began_(std::chrono::steady_clock::now()) {}
  OpenSpan(const OpenSpan&) = delete;
  OpenSpan& operator=(const OpenSpan&) = delete;
  /// One that was not ended leaves nothing behind.
  ~OpenSpan() = default;

  [[nodiscard]] const SpanContext& context() const noexcept { return span_.context; }
  [[nodiscard]] const std::string& trace_state() const noexcept { return span_.trace_state; }
  /// As the span is to be called instead.
  void rename(std::string_view name) { span_.name = name; }
  void set(std::string_view key, AttributeValue value);
  /// @param type  a short name of the reason, one of few
  void fail(std::string_view type, Blame blame);
  /// Records it, the first time and if its trace is recorded.
  void end();

 private:
  Recorder& recorder_;
  Span span_;
  std::chrono::steady_clock::time_point began_;
  bool has_ended_ = false;
};

}  // namespace whorl::telemetry
