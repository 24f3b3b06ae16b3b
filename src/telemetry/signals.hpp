/// Spans and log records: what is exported of single events, in OpenTelemetry's terms.
///
/// @spec OpenTelemetry, trace and logs data models. @thread any (values)
#pragma once

#include "telemetry/identity.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace whorl::telemetry {

/// A text, number or truth, or an array of one of them.
using AttributeValue = std::variant<
    std::string,
    bool,
    std::int64_t,
    double,
    std::vector<std::string>,
    std::vector<bool>,
    std::vector<std::int64_t>,
    std::vector<double>>;

struct Attribute {
  std::string key{};
  AttributeValue value{};
  bool operator==(const Attribute&) const = default;
};
using Attributes = std::vector<Attribute>;

/// Which library made a span or record.
struct Scope {
  std::string name{};
  std::string version{};
  std::string schema_url{};
  Attributes attributes{};
  bool operator==(const Scope&) const = default;
};

/// The numbers are those of the protocol.
enum class SpanKind : std::uint8_t {
  Internal = 1,
  Server = 2,
  Client = 3,
  Producer = 4,
  Consumer = 5
};
enum class SpanStatus : std::uint8_t { Unset = 0, Ok = 1, Failed = 2 };

struct SpanEvent {
  std::uint64_t time_ns = 0;  ///< since 1970
  std::string name{};
  Attributes attributes{};
};
struct SpanLink {
  SpanContext context{};
  std::string trace_state{};
  Attributes attributes{};
};

struct Span {
  SpanContext context{};
  SpanId parent{};  ///< none: a root
  std::string trace_state{};
  bool is_parent_remote = false;
  std::string name{};
  SpanKind kind = SpanKind::Internal;
  std::uint64_t start_ns = 0;  ///< since 1970
  std::uint64_t end_ns = 0;
  Attributes attributes{};
  std::vector<SpanEvent> events{};
  std::vector<SpanLink> links{};
  std::uint32_t dropped_attributes = 0;
  std::uint32_t dropped_events = 0;
  std::uint32_t dropped_links = 0;
  SpanStatus status = SpanStatus::Unset;
  std::string status_message{};
  std::shared_ptr<const Scope> scope{};  ///< null: ours
};

/// Numbers of severities; those between are finer steps.
struct Severity {
  static constexpr std::uint8_t kInfo = 9;
  static constexpr std::uint8_t kError = 17;
};

struct LogRecord {
  std::uint64_t time_ns = 0;
  std::uint64_t observed_ns = 0;
  std::uint8_t severity = 0;  ///< 0: not said
  std::string severity_text{};
  AttributeValue body{};
  Attributes attributes{};
  std::string event_name{};
  TraceId trace{};
  SpanId span{};
  bool is_sampled = false;
  std::shared_ptr<const Scope> scope{};  ///< null: ours
};

/// Takes what is to be exported, and drops what is too much. @thread any
class SignalSink {
 public:
  virtual void take_spans(std::vector<Span> spans) noexcept = 0;
  /// @param spans  of our own scope, by append_span(). @param count  how many they are
  virtual void take_encoded(std::string spans, std::uint32_t count) noexcept = 0;
  virtual void take_logs(std::vector<LogRecord> logs) noexcept = 0;

 protected:
  ~SignalSink() = default;
};

/// Nanoseconds since 1970.
[[nodiscard]] std::uint64_t now_ns() noexcept;
/// 0 for what is negative.
[[nodiscard]] constexpr std::uint64_t to_ns(std::chrono::nanoseconds time) noexcept {
  return time.count() < 0 ? 0 : static_cast<std::uint64_t>(time.count());
}

}  // namespace whorl::telemetry
