#include "telemetry/access_log.hpp"
#include "telemetry/text.hpp"

#include <fmt/format.h>

#include <array>
#include <ctime>
#include <iterator>

namespace whorl::telemetry {
namespace {

using Instance = RequestRecord::Instance;
using Ending = RequestRecord::Ending;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMicrosecond = 1'000;

std::string_view name_of(Instance instance) {
  switch (instance) {
    case Instance::Kept:
      return "kept";
    case Instance::Started:
      return "new";
    default:
      return "none";
  }
}

std::string_view name_of(Ending ending) {
  switch (ending) {
    case Ending::Cut:
      return "cut";
    case Ending::Gone:
      return "gone";
    default:
      return "whole";
  }
}

std::tm utc(std::uint64_t ns) {
  const auto seconds = static_cast<std::time_t>(ns / kSecond);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return parts;
}

/// "21/Nov/2026:01:32:34 +0000", whatever the locale.
std::string common_time(const std::tm& t) {
  constexpr std::array<std::string_view, 12> kMonths{
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
  };
  return fmt::format(
      "{:02}/{}/{}:{:02}:{:02}:{:02} +0000",
      t.tm_mday,
      kMonths[static_cast<std::size_t>(t.tm_mon) % kMonths.size()],
      t.tm_year + 1900,
      t.tm_hour,
      t.tm_min,
      t.tm_sec
  );
}

/// "2026-11-21T01:32:34"
std::string iso_time(const std::tm& t) {
  return fmt::format(
      "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
      t.tm_year + 1900,
      t.tm_mon + 1,
      t.tm_mday,
      t.tm_hour,
      t.tm_min,
      t.tm_sec
  );
}

template <class Number>
void append_number(Number number, std::string& out) {
  const fmt::format_int text(number);
  out.append(text.data(), text.size());
}

/// In quotes; what is absent is a dash, as everywhere in this format.
void append_quoted(std::string_view text, std::string& out) {
  out += '"';
  if (text.empty()) {
    out += '-';
  }
  append_text_escaped(text, out);
  out += '"';
}

/// Without the port.
std::string_view host_of(std::string_view client) {
  const std::size_t colon = client.rfind(':');
  std::string_view host = colon == std::string_view::npos ? client : client.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return host.empty() ? "-" : host;
}

std::int64_t microseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

}  // namespace

void AccessLine::append(const RequestRecord& record, std::string& out) {
  if (const std::uint64_t second = record.began_ns_ / kSecond; second != second_) {
    second_ = second;
    const std::tm t = utc(record.began_ns_);
    time_ = format_ == AccessLogFormat::Json ? iso_time(t) : common_time(t);
  }
  if (format_ == AccessLogFormat::Json) {
    append_json(record, out);
  } else {
    append_text(record, out);
  }
  out += '\n';
}

void AccessLine::append_text(const RequestRecord& record, std::string& out) const {
  append_text_escaped(host_of(record.client_), out);
  out.append(" - - [").append(time_).append("] \"");
  append_text_escaped(record.method_, out);
  out += ' ';
  append_text_escaped(record.path_, out);
  out.append(" ").append(record.protocol_).append("\" ");
  append_number(record.status_, out);
  out += ' ';
  append_number(record.body_bytes_, out);
  out += ' ';
  append_quoted(record.referer_, out);
  out += ' ';
  append_quoted(record.user_agent_, out);
  out.append(" id=").append(record.request_id()).append(" us=");
  append_number(microseconds(record.ended_ - record.began_), out);
  if (record.ending_ != Ending::Whole) {
    out.append(" end=").append(name_of(record.ending_));
  }
  if (record.component_ != nullptr) {
    out += " component=";
    append_text_escaped(record.component_->component, out);
    out.append(" instance=").append(name_of(record.instance_)).append(" cpu_us=");
    append_number(microseconds(record.cpu_), out);
  }
}

void AccessLine::append_json(const RequestRecord& record, std::string& out) const {
  const auto text = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) {
      out.append(",\"").append(key).append("\":");
      append_json_string(value, out);
    }
  };
  const auto number = [&](std::string_view key, auto value) {
    out.append(",\"").append(key).append("\":");
    append_number(value, out);
  };
  out.append("{\"time\":\"").append(time_);
  fmt::format_to(std::back_inserter(out), ".{:06}Z\"", record.began_ns_ % kSecond / kMicrosecond);
  text("request_id", record.request_id());
  if (record.server_.trace.is_valid()) {
    text("trace_id", to_text(record.server_.trace));
  }
  text("client", record.client_);
  text("method", record.method_);
  text("host", record.authority_);
  text("path", record.path_);
  text("protocol", record.protocol_);
  number("status", record.status_);
  number("bytes", record.body_bytes_);
  number("duration_us", microseconds(record.ended_ - record.began_));
  text("end", name_of(record.ending_));
  text("route", record.route_);
  if (record.component_ != nullptr) {
    text("component", record.component_->component);
    text("instance", name_of(record.instance_));
    number("cpu_us", microseconds(record.cpu_));
    number("memory_bytes", record.memory_bytes_);
    text("failure", record.failure_);
  }
  text("user_agent", record.user_agent_);
  text("referer", record.referer_);
  out += '}';
}

}  // namespace whorl::telemetry
