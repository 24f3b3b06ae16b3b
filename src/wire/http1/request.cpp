#include "wire/http1/request.hpp"

#include "wire/http1/head_rules.hpp"

#include <algorithm>

namespace whorl::wire::http1 {
namespace {

// Empty lines before a request line: RFC 9112 §2.2 asks to ignore at least one.
constexpr std::size_t kLeadingBytes = 8;
// Room for the method, two spaces and the version in a request line.
constexpr std::size_t kRequestLineExtra = 128;
constexpr std::size_t kMethodBytes = 64;

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
constexpr bool is_hex(char c) noexcept {
  return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f');
}

/// The rest of a UTF-8 sequence at `at`, whose first byte is not ASCII: its length, or 0.
std::size_t utf8_length(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first >= 0xc2 && first <= 0xdf) {
    return tail(1) ? 2 : 0;
  }
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) > 0x9f;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && byte(1) < 0x90;
    const bool too_large = first == 0xf4 && byte(1) > 0x8f;
    return tail(1) && tail(2) && tail(3) && !overlong && !too_large ? 4 : 0;
  }
  return 0;
}

std::optional<Refusal> bad(std::string_view reason) {
  return Refusal{400, reason};
}

std::optional<Refusal> parse_version(std::string_view text, RequestHead& out) {
  if (text == "HTTP/1.1") [[likely]] {
    out.version = Version::Http11;
    return std::nullopt;
  }
  if (text == "HTTP/1.0") {
    out.version = Version::Http10;
    return std::nullopt;
  }
  const bool well_formed = text.size() == 8 && text.starts_with("HTTP/") && is_digit(text[5]) &&
                           text[6] == '.' && is_digit(text[7]);
  return well_formed ? Refusal{505, "HTTP version not supported"}
                     : Refusal{400, "malformed HTTP version"};
}

/// RFC 9112 §3.2.2: "http://authority/path?query".
std::optional<Refusal> parse_absolute_target(std::string_view target, RequestHead& out) {
  const std::size_t colon = target.find("://");
  if (colon == std::string_view::npos) {
    return bad("malformed request target");
  }
  const std::string_view scheme = target.substr(0, colon);
  out.https_target = equals_lower(scheme, "https");
  if (!out.https_target && !equals_lower(scheme, "http")) {
    return bad("the target's scheme is not http");
  }
  const std::string_view rest = target.substr(colon + 3);
  const std::size_t end = rest.find_first_of("/?");
  std::string_view authority = rest.substr(0, end);
  // RFC 9110 §4.2.4 calls user information in a received target an error.
  if (!is_host(authority)) {
    return bad("malformed authority in the target");
  }
  out.authority = authority;
  out.path_and_query = end == std::string_view::npos ? "/" : rest.substr(end);
  if (out.path_and_query.front() == '?') {
    // "/" would have to be put in front, which a view cannot do.
    return bad("the target has a query but no path");
  }
  return is_path_and_query(out.path_and_query) ? std::nullopt : bad("malformed request target");
}

std::optional<Refusal> parse_target(std::string_view target, RequestHead& out) {
  out.authority = {};
  out.https_target = false;
  if (target.front() == '/') [[likely]] {
    out.path_and_query = target;
    return is_path_and_query(target) ? std::nullopt : bad("malformed request target");
  }
  if (target == "*") {
    out.path_and_query = target;
    return out.method == "OPTIONS" ? std::nullopt : bad("\"*\" is a target of OPTIONS only");
  }
  return parse_absolute_target(target, out);
}

std::optional<Refusal> parse_request_line(
    std::string_view line, const HeadLimits& limits, RequestHead& out
) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return bad("malformed request line");
  }
  out.method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (!is_token(out.method) || out.method.size() > kMethodBytes) {
    return bad("malformed method");
  }
  if (target.empty()) {
    return bad("malformed request line");
  }
  if (auto refused = parse_version(line.substr(last + 1), out)) {
    return refused;
  }
  if (target.size() > limits.target_bytes) {
    return Refusal{414, "the request target is too long"};
  }
  if (out.method == "CONNECT") {
    return bad("CONNECT is not offered");
  }
  return parse_target(target, out);
}

/// An optional port behind a host.
bool is_port_suffix(std::string_view text) noexcept {
  if (text.empty()) {
    return true;
  }
  return text.front() == ':' && text.size() <= 6 &&
         std::all_of(text.begin() + 1, text.end(), is_digit);
}

}  // namespace

bool is_path_and_query(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte > 0x20 && byte < 0x7f && byte != '#') [[likely]] {
      ++i;
      continue;
    }
    const std::size_t length = byte >= 0x80 ? utf8_length(text, i) : 0;
    if (length == 0) {
      return false;
    }
    i += length;
  }
  return true;
}

bool is_host(std::string_view text) noexcept {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close < 3) {
      return false;
    }
    const std::string_view address = text.substr(1, close - 1);
    return std::all_of(
               address.begin(),
               address.end(),
               [](char c) { return is_hex(c) || c == ':' || c == '.'; }
           ) &&
           address.find(':') != std::string_view::npos && is_port_suffix(text.substr(close + 1));
  }
  std::size_t i = reg_name_length(text);
  while (i < text.size() && text[i] == '%') {
    if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) {
      return false;
    }
    i += 3;
    i += reg_name_length(text.substr(i));
  }
  return i > 0 && is_port_suffix(text.substr(i));
}

std::optional<std::uint64_t> parse_content_length(std::string_view text) noexcept {
  if (text.empty() || text.size() > 19 || !std::all_of(text.begin(), text.end(), is_digit)) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  for (const char c : text) {
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (value > static_cast<std::uint64_t>(INT64_MAX)) {
    return std::nullopt;
  }
  return value;
}

HeadScanner::State HeadScanner::refuse(std::uint16_t status, std::string_view reason) noexcept {
  refusal_ = {status, reason};
  return State::Refused;
}

/// Takes the line that ends before scanned_.
HeadScanner::State HeadScanner::end_line(
    std::string_view buffer, const HeadLimits& limits
) noexcept {
  const std::size_t length = scanned_ - line_begin_ - 1;
  if (length == 0 || buffer[scanned_ - 2] != '\r') {
    return refuse(400, "a line ends in a bare LF");
  }
  const bool is_empty = length == 1;
  line_begin_ = scanned_;
  if (is_empty && lines_ == 0) {
    begin_ = scanned_;
    return begin_ > kLeadingBytes ? refuse(400, "empty lines instead of a request")
                                  : State::NeedMore;
  }
  if (lines_ == 0) {
    fields_begin_ = scanned_;
  } else if (scanned_ - fields_begin_ > limits.fields_bytes) {
    return refuse(431, "the field lines are too long");
  }
  if (is_empty) {
    return State::Complete;
  }
  if (lines_++ > limits.fields) {
    return refuse(431, "too many field lines");
  }
  return State::NeedMore;
}

/// Refuses early what cannot become a request any more, so that nobody waits for its end.
HeadScanner::State HeadScanner::check_unfinished(
    std::string_view buffer, const HeadLimits& limits
) noexcept {
  if (lines_ == 0) {
    const std::string_view start = buffer.substr(begin_, kMethodBytes);
    started_ = !start.empty() && start != "\r";
    if (started_ && !is_token_byte(start.front())) {
      return refuse(400, "malformed method");
    }
    return buffer.size() - begin_ > limits.target_bytes + kRequestLineExtra
               ? refuse(414, "the request line is too long")
               : State::NeedMore;
  }
  started_ = true;
  if (!line_checked_) {
    line_checked_ = true;
    RequestHead ignored;
    const std::string_view line = buffer.substr(begin_, fields_begin_ - begin_ - 2);
    if (const auto refused = parse_request_line(line, limits, ignored)) {
      return refuse(refused->status, refused->reason);
    }
  }
  return buffer.size() - fields_begin_ > limits.fields_bytes
             ? refuse(431, "the field lines are too long")
             : State::NeedMore;
}

HeadScanner::State HeadScanner::scan(std::string_view buffer, const HeadLimits& limits) noexcept {
  while (scanned_ < buffer.size()) {
    const std::size_t end = buffer.find('\n', scanned_);
    if (end == std::string_view::npos) {
      scanned_ = buffer.size();
      break;
    }
    scanned_ = end + 1;
    const State state = end_line(buffer, limits);
    if (state != State::NeedMore) {
      started_ = true;
      return state;
    }
  }
  return check_unfinished(buffer, limits);
}

std::optional<Refusal> parse_request_head(
    std::string_view head, const HeadLimits& limits, RequestHead& out
) {
  out.fields.clear();
  out.framing = Framing::None;
  out.content_length = 0;
  out.expects_continue = false;
  HeadRules rules;
  std::size_t begin = head.find("\r\n");
  if (begin == std::string_view::npos) {
    return bad("malformed request line");
  }
  if (auto refused = parse_request_line(head.substr(0, begin), limits, out)) {
    return refused;
  }
  begin += 2;
  const std::size_t fields_begin = begin;
  while (true) {
    // A CR elsewhere is no field content.
    const std::size_t line_feed = head.find('\n', begin);
    if (line_feed == std::string_view::npos || line_feed == begin || head[line_feed - 1] != '\r') {
      return bad("a line does not end in CRLF");
    }
    const std::size_t end = line_feed - 1;
    if (end == begin) {
      out.field_lines = head.substr(fields_begin, begin - fields_begin);
      break;
    }
    const auto field = parse_field_line(head.substr(begin, end - begin));
    if (!field) {
      return bad("malformed field line");
    }
    if (out.fields.size() >= limits.fields) {
      return Refusal{431, "too many field lines"};
    }
    out.fields.push_back(*field);
    if (auto refused = rules.note(*field, out)) {
      return refused;
    }
    begin = end + 2;
  }
  return rules.judge(out);
}

}  // namespace whorl::wire::http1
