#include "telemetry/access_line.hpp"

#include "telemetry/put.hpp"
#include "telemetry/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <type_traits>

namespace whorl::telemetry {
namespace {

using Instance = RequestRecord::Instance;
using Ending = RequestRecord::Ending;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMicrosecond = 1'000;

/// A short text of our own, in memory that goes on behind it as far as put_near() reads.
struct Name {
  std::array<char, kSlack> bytes{};
  std::size_t size = 0;

  template <std::size_t kSize>
  consteval Name(const char (&text)[kSize]) : size(kSize - 1) {
    std::copy_n(text, size, bytes.begin());
  }
  [[nodiscard]] constexpr std::string_view text() const noexcept { return {bytes.data(), size}; }
};

std::string_view name_of(Instance instance) {
  static constexpr std::array<Name, 3> kNames{"none", "kept", "new"};
  static_assert(static_cast<std::size_t>(Instance::Started) == kNames.size() - 1);
  return kNames[static_cast<std::size_t>(instance)].text();
}

std::string_view name_of(Ending ending) {
  static constexpr std::array<Name, 3> kNames{"whole", "cut", "gone"};
  static_assert(static_cast<std::size_t>(Ending::Gone) == kNames.size() - 1);
  return kNames[static_cast<std::size_t>(ending)].text();
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

/// Without the port; empty where there is none.
std::string_view host_of(std::string_view client) {
  const std::size_t colon = client.rfind(':');
  std::string_view host = colon == std::string_view::npos ? client : client.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return host;
}

std::uint64_t microseconds(std::chrono::nanoseconds time) {
  return static_cast<std::uint64_t>(
      std::max(std::chrono::duration_cast<std::chrono::microseconds>(time).count(), std::int64_t{0})
  );
}

/// Bytes of a line beside the texts of the request: names, punctuation, numbers.
constexpr std::size_t kLineOverhead = 1024;

/// Writes texts of which none needs to be escaped, to memory that is known to suffice. What is
/// `near` is in memory that goes on behind it.
class PlainOut {
 public:
  explicit PlainOut(char* at) noexcept : at_(at) {}
  template <std::size_t kSize>
  void raw(const char (&text)[kSize]) noexcept {
    at_ = put_literal(at_, text);
  }
  void raw(std::string_view text) noexcept { at_ = put(at_, text); }
  void near(std::string_view text) noexcept { at_ = put_near(at_, text); }
  void raw(char c) noexcept { *at_++ = c; }
  void text(std::string_view text) noexcept { near(text); }
  void json(std::string_view text) noexcept {
    raw('"');
    near(text);
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
  void near(std::string_view text) { out_ += text; }
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

/// What is known of one request; its texts follow, and behind them the next one's facts.
struct AccessLines::Facts {
  std::uint64_t began_ns;
  std::uint64_t duration_us;
  std::uint64_t cpu_us;
  std::uint64_t memory_bytes;
  std::uint64_t body_bytes;
  TraceId trace;
  std::string_view protocol;  ///< lives for ever
  TextEnds ends;
  // Sizes of what follows those texts.
  std::uint32_t given_id;
  std::uint32_t failure;
  std::uint32_t component;
  std::uint16_t status;
  Instance instance;
  Ending ending;
  bool has_component;
  bool shows_trace;

  [[nodiscard]] std::size_t text_bytes() const noexcept {
    return std::size_t{ends.back()} + given_id + failure + component;
  }
  [[nodiscard]] std::size_t all_bytes() const noexcept { return sizeof(Facts) + text_bytes(); }
};

void AccessLines::add(const RequestRecord& record) {
  static_assert(std::is_trivially_copyable_v<Facts>);
  const std::string_view texts = record.text_.all();
  const std::string_view given_id = record.given_id();
  const std::string_view failure = record.failure();
  const std::string_view component = record.component_ != nullptr
                                         ? std::string_view(record.component_->component)
                                         : std::string_view();
  const Facts facts{
      .began_ns = record.began_ns_,
      .duration_us = microseconds(record.ended_ - record.began_),
      .cpu_us = microseconds(record.cpu_),
      .memory_bytes = record.memory_bytes_,
      .body_bytes = record.body_bytes_,
      .trace = record.server_.trace,
      .protocol = record.text_.protocol(),
      .ends = record.text_.ends(),
      .given_id = static_cast<std::uint32_t>(given_id.size()),
      .failure = static_cast<std::uint32_t>(failure.size()),
      .component = static_cast<std::uint32_t>(component.size()),
      .status = record.status_,
      .instance = record.instance_,
      .ending = record.ending_,
      .has_component = record.component_ != nullptr,
      .shows_trace = record.shows_trace_,
  };
  const std::size_t size = facts.all_bytes();
  if (facts_.size() - used_ < size + kSlack) [[unlikely]] {
    facts_.resize(std::max(kMany + kMany / 4, used_ + size + kSlack));
  }
  char* at = facts_.data() + used_;
  std::memcpy(at, &facts, sizeof facts);
  at = put(at + sizeof facts, texts);
  if (record.rare_ != nullptr) [[unlikely]] {
    at = put(at, given_id);
    at = put(at, failure);
  }
  put(at, component);
  used_ += size;
}

/// What a line says, for either way to write it.
class AccessLines::Writer {
 public:
  /// @param at  facts and their texts
  Writer(const char* at, std::string_view time) noexcept : time_(time) {
    std::memcpy(&facts_, at, sizeof facts_);
    all_ = {at + sizeof facts_, facts_.text_bytes()};
  }

  [[nodiscard]] const Facts& facts() const noexcept { return facts_; }
  void set_time(std::string_view time) noexcept { time_ = time; }
  [[nodiscard]] bool is_plain() const noexcept { return telemetry::is_plain(all_); }
  [[nodiscard]] std::size_t most_bytes() const noexcept { return all_.size() + kLineOverhead; }

  template <class Out>
  void write_text(Out& out) const {
    if (const std::string_view host = host_of(part(TextPart::Client)); !host.empty()) {
      out.text(host);
    } else {
      out.raw('-');
    }
    out.raw(" - - [");
    out.near(time_);
    out.raw("] \"");
    out.text(part(TextPart::Method));
    out.raw(' ');
    out.text(part(TextPart::Path));
    out.raw(' ');
    out.raw(facts_.protocol);
    out.raw("\" ");
    out.number(facts_.status);
    out.raw(' ');
    out.number(facts_.body_bytes);
    out.raw(' ');
    quoted(out, part(TextPart::Referer));
    out.raw(' ');
    quoted(out, part(TextPart::UserAgent));
    out.raw(" id=");
    request_id(out);
    out.raw(" us=");
    out.number(facts_.duration_us);
    if (facts_.ending != Ending::Whole) {
      out.raw(" end=");
      out.near(name_of(facts_.ending));
    }
    if (facts_.has_component) {
      out.raw(" component=");
      out.text(component());
      out.raw(" instance=");
      out.near(name_of(facts_.instance));
      out.raw(" cpu_us=");
      out.number(facts_.cpu_us);
    }
    out.raw('\n');
  }

  template <class Out>
  void write_json(Out& out) const {
    out.raw(R"({"time":")");
    out.near(time_);
    out.raw('.');
    fraction(out);
    out.raw(R"(Z","request_id":")");
    request_id(out);
    out.raw('"');
    if (facts_.shows_trace) {
      out.raw(R"(,"trace_id":")");
      out.id(facts_.trace);
      out.raw('"');
    }
    text(out, R"(,"client":)", part(TextPart::Client));
    text(out, R"(,"method":)", part(TextPart::Method));
    text(out, R"(,"host":)", part(TextPart::Authority));
    text(out, R"(,"path":)", part(TextPart::Path));
    fixed(out, R"(,"protocol":)", facts_.protocol);
    number(out, R"(,"status":)", facts_.status);
    number(out, R"(,"bytes":)", facts_.body_bytes);
    number(out, R"(,"duration_us":)", facts_.duration_us);
    name(out, R"(,"end":)", name_of(facts_.ending));
    text(out, R"(,"route":)", part(TextPart::Route));
    if (facts_.has_component) {
      text(out, R"(,"component":)", component());
      name(out, R"(,"instance":)", name_of(facts_.instance));
      number(out, R"(,"cpu_us":)", facts_.cpu_us);
      number(out, R"(,"memory_bytes":)", facts_.memory_bytes);
      text(out, R"(,"failure":)", failure());
    }
    text(out, R"(,"user_agent":)", part(TextPart::UserAgent));
    text(out, R"(,"referer":)", part(TextPart::Referer));
    out.raw("}\n");
  }

 private:
  [[nodiscard]] std::string_view part(TextPart part) const noexcept {
    return part_of(all_, facts_.ends, part);
  }
  [[nodiscard]] std::string_view given_id() const noexcept {
    return {all_.data() + facts_.ends.back(), facts_.given_id};
  }
  [[nodiscard]] std::string_view failure() const noexcept {
    return {given_id().data() + facts_.given_id, facts_.failure};
  }
  [[nodiscard]] std::string_view component() const noexcept {
    return {failure().data() + facts_.failure, facts_.component};
  }
  /// In quotes; what is absent is a dash, as everywhere in this format.
  template <class Out>
  static void quoted(Out& out, std::string_view text) {
    if (text.empty()) {
      out.raw(R"("-")");
      return;
    }
    out.raw('"');
    out.text(text);
    out.raw('"');
  }
  template <class Out>
  void request_id(Out& out) const {
    if (facts_.given_id == 0) {
      out.id(facts_.trace);
    } else {
      out.near(given_id());  // of few characters, see is_request_id()
    }
  }
  /// Microseconds of the second, six digits.
  template <class Out>
  void fraction(Out& out) const {
    std::array<char, 6> digits;
    auto rest = static_cast<std::uint32_t>(facts_.began_ns % kSecond / kMicrosecond);
    for (std::size_t i = digits.size(); i > 0; i -= 2, rest /= 100) {
      const std::uint32_t pair = rest % 100;
      digits[i - 2] = static_cast<char>('0' + pair / 10);
      digits[i - 1] = static_cast<char>('0' + pair % 10);
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
  /// One of our own texts.
  template <class Out, std::size_t kSize>
  static void fixed(Out& out, const char (&name)[kSize], std::string_view value) {
    if (!value.empty()) {
      out.raw(name);
      out.raw('"');
      out.raw(value);
      out.raw('"');
    }
  }
  /// One of the names above.
  template <class Out, std::size_t kSize>
  static void name(Out& out, const char (&name)[kSize], std::string_view value) {
    out.raw(name);
    out.raw('"');
    out.near(value);
    out.raw('"');
  }
  template <class Out, std::size_t kSize>
  static void number(Out& out, const char (&name)[kSize], std::uint64_t value) {
    out.raw(name);
    out.number(value);
  }

  Facts facts_;
  std::string_view all_;
  std::string_view time_;
};

std::string_view AccessLines::time_at(std::uint64_t ns) {
  if (ns - second_ns_ >= kSecond) [[unlikely]] {
    second_ns_ = ns - ns % kSecond;
    const std::tm t = utc(ns);
    const std::string text = format_ == AccessLogFormat::Json ? iso_time(t) : common_time(t);
    time_size_ = std::min(text.size(), kMaxTime);
    text.copy(time_.data(), time_size_);
  }
  return {time_.data(), time_size_};
}

char* AccessLines::render_plain(char* at, const char* end) {
  while (rendered_ < used_) {
    Writer writer(facts_.data() + rendered_, {});
    if (static_cast<std::size_t>(end - at) < writer.most_bytes() || !writer.is_plain()) {
      break;
    }
    writer.set_time(time_at(writer.facts().began_ns));
    PlainOut plain(at);
    format_ == AccessLogFormat::Json ? writer.write_json(plain) : writer.write_text(plain);
    at = plain.end();
    rendered_ += writer.facts().all_bytes();
  }
  return at;
}

void AccessLines::render(std::string& out) {
  while (rendered_ < used_) {
    const std::size_t before = rendered_;
    const std::size_t begin = out.size();
    out.resize_and_overwrite(out.capacity(), [&](char* data, std::size_t capacity) {
      return static_cast<std::size_t>(render_plain(data + begin, data + capacity) - data);
    });
    if (rendered_ != before) {
      continue;
    }
    // No room, or something to be escaped.
    Writer writer(facts_.data() + rendered_, {});
    if (out.capacity() - out.size() < writer.most_bytes()) {
      out.reserve(out.size() + used_ - rendered_ + writer.most_bytes());
    }
    if (writer.is_plain()) {
      continue;
    }
    writer.set_time(time_at(writer.facts().began_ns));
    EscapingOut escaping(out);
    format_ == AccessLogFormat::Json ? writer.write_json(escaping) : writer.write_text(escaping);
    rendered_ += writer.facts().all_bytes();
  }
  used_ = rendered_ = 0;
}

}  // namespace whorl::telemetry
