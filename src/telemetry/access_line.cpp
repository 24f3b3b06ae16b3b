#include "telemetry/access_log.hpp"
#include "telemetry/put.hpp"
#include "telemetry/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

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

/// Without the port.
std::string_view host_of(std::string_view client) {
  const std::size_t colon = client.rfind(':');
  std::string_view host = colon == std::string_view::npos ? client : client.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return host.empty() ? "-" : host;
}

std::uint64_t microseconds(std::chrono::nanoseconds time) {
  return static_cast<std::uint64_t>(
      std::max(std::chrono::duration_cast<std::chrono::microseconds>(time).count(), std::int64_t{0})
  );
}

/// Bytes of a line beside the texts of the request: names, punctuation, numbers.
constexpr std::size_t kLineOverhead = 1024;

/// Writes texts of which none needs to be escaped, to memory that is known to suffice.
class PlainOut {
 public:
  explicit PlainOut(char* at) noexcept : at_(at) {}
  template <std::size_t kSize>
  void raw(const char (&text)[kSize]) noexcept {
    at_ = put_literal(at_, text);
  }
  void raw(std::string_view text) noexcept { at_ = put(at_, text); }
  void raw(char c) noexcept { *at_++ = c; }
  void text(std::string_view text) noexcept { raw(text); }
  void json(std::string_view text) noexcept {
    raw('"');
    raw(text);
    raw('"');
  }
  void number(std::uint64_t value) noexcept { at_ = put_number(at_, value); }
  void id(TraceId id) noexcept { at_ = put_hex(put_hex(at_, id.high), id.low); }
  [[nodiscard]] char* end() const noexcept { return at_; }

 private:
  char* at_;
};

/// Writes any texts.
class EscapingOut {
 public:
  explicit EscapingOut(std::string& out) noexcept : out_(out) {}
  void raw(std::string_view text) { out_ += text; }
  void raw(char c) { out_ += c; }
  void text(std::string_view text) { append_text_escaped(text, out_); }
  void json(std::string_view text) { append_json_string(text, out_); }
  void number(std::uint64_t value) {
    const fmt::format_int text(value);
    out_.append(text.data(), text.size());
  }
  void id(TraceId id) { out_ += to_text(id); }

 private:
  std::string& out_;
};

}  // namespace

/// What a line says, for either way to write it.
class AccessLine::Writer {
 public:
  Writer(const RequestRecord& record, std::string_view time) noexcept
      : record_(record), text_(record.text_), time_(time) {}

  [[nodiscard]] bool is_plain() const noexcept {
    return telemetry::is_plain(text_.all()) && telemetry::is_plain(component()) &&
           telemetry::is_plain(record_.failure());
  }
  [[nodiscard]] std::size_t most_bytes() const noexcept {
    return text_.all().size() + component().size() + record_.failure().size() +
           record_.given_id().size() + text_.protocol().size() + time_.size() + kLineOverhead;
  }

  template <class Out>
  void write_text(Out& out) const {
    out.text(host_of(text_.part(Part::Client)));
    out.raw(" - - [");
    out.raw(time_);
    out.raw("] \"");
    out.text(text_.part(Part::Method));
    out.raw(' ');
    out.text(text_.part(Part::Path));
    out.raw(' ');
    out.raw(text_.protocol());
    out.raw("\" ");
    out.number(record_.status_);
    out.raw(' ');
    out.number(record_.body_bytes_);
    out.raw(' ');
    quoted(out, text_.part(Part::Referer));
    out.raw(' ');
    quoted(out, text_.part(Part::UserAgent));
    out.raw(" id=");
    request_id(out);
    out.raw(" us=");
    out.number(microseconds(record_.ended_ - record_.began_));
    if (record_.ending_ != Ending::Whole) {
      out.raw(" end=");
      out.raw(name_of(record_.ending_));
    }
    if (record_.component_ != nullptr) {
      out.raw(" component=");
      out.text(component());
      out.raw(" instance=");
      out.raw(name_of(record_.instance_));
      out.raw(" cpu_us=");
      out.number(microseconds(record_.cpu_));
    }
    out.raw('\n');
  }

  template <class Out>
  void write_json(Out& out) const {
    out.raw(R"({"time":")");
    out.raw(time_);
    out.raw('.');
    fraction(out);
    out.raw(R"(Z","request_id":")");
    request_id(out);
    out.raw('"');
    if (record_.shows_trace_) {
      out.raw(R"(,"trace_id":")");
      out.id(record_.server_.trace);
      out.raw('"');
    }
    text(out, R"(,"client":)", text_.part(Part::Client));
    text(out, R"(,"method":)", text_.part(Part::Method));
    text(out, R"(,"host":)", text_.part(Part::Authority));
    text(out, R"(,"path":)", text_.part(Part::Path));
    text(out, R"(,"protocol":)", text_.protocol());
    number(out, R"(,"status":)", record_.status_);
    number(out, R"(,"bytes":)", record_.body_bytes_);
    number(out, R"(,"duration_us":)", microseconds(record_.ended_ - record_.began_));
    text(out, R"(,"end":)", name_of(record_.ending_));
    text(out, R"(,"route":)", text_.part(Part::Route));
    if (record_.component_ != nullptr) {
      text(out, R"(,"component":)", component());
      text(out, R"(,"instance":)", name_of(record_.instance_));
      number(out, R"(,"cpu_us":)", microseconds(record_.cpu_));
      number(out, R"(,"memory_bytes":)", record_.memory_bytes_);
      text(out, R"(,"failure":)", record_.failure());
    }
    text(out, R"(,"user_agent":)", text_.part(Part::UserAgent));
    text(out, R"(,"referer":)", text_.part(Part::Referer));
    out.raw("}\n");
  }

 private:
  using Part = KeptText::Part;

  [[nodiscard]] std::string_view component() const noexcept {
    return record_.component_ == nullptr ? std::string_view() : record_.component_->component;
  }
  /// In quotes; what is absent is a dash, as everywhere in this format.
  template <class Out>
  static void quoted(Out& out, std::string_view text) {
    out.raw('"');
    out.text(text.empty() ? "-" : text);
    out.raw('"');
  }
  template <class Out>
  void request_id(Out& out) const {
    if (record_.given_id().empty()) {
      out.id(record_.server_.trace);
    } else {
      out.raw(record_.given_id());  // of few characters, see is_request_id()
    }
  }
  /// Microseconds of the second, six digits.
  template <class Out>
  void fraction(Out& out) const {
    std::array<char, 6> digits;
    std::uint64_t rest = record_.began_ns_ % kSecond / kMicrosecond;
    for (std::size_t i = digits.size(); i-- > 0; rest /= 10) {
      digits[i] = static_cast<char>('0' + rest % 10);
    }
    out.raw(std::string_view(digits.data(), digits.size()));
  }
  template <class Out, std::size_t kSize>
  static void text(Out& out, const char (&name)[kSize], std::string_view value) {
    if (!value.empty()) {
      out.raw(name);
      out.json(value);
    }
  }
  template <class Out, std::size_t kSize>
  static void number(Out& out, const char (&name)[kSize], std::uint64_t value) {
    out.raw(name);
    out.number(value);
  }

  const RequestRecord& record_;
  const KeptText& text_;
  std::string_view time_;
};

void AccessLine::append(const RequestRecord& record, std::string& out) {
  if (const std::uint64_t second = record.began_ns_ / kSecond; second != second_) {
    second_ = second;
    const std::tm t = utc(record.began_ns_);
    time_ = format_ == AccessLogFormat::Json ? iso_time(t) : common_time(t);
  }
  const Writer writer(record, time_);
  const auto write = [&](auto& to) {
    format_ == AccessLogFormat::Json ? writer.write_json(to) : writer.write_text(to);
  };
  if (!writer.is_plain()) [[unlikely]] {
    EscapingOut escaping(out);
    write(escaping);
    return;
  }
  const std::size_t begin = out.size();
  out.resize_and_overwrite(begin + writer.most_bytes(), [&](char* data, std::size_t) {
    PlainOut plain(data + begin);
    write(plain);
    return static_cast<std::size_t>(plain.end() - data);
  });
}

}  // namespace whorl::telemetry
