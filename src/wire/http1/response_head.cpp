#include "wire/http1/response_head.hpp"

#include <algorithm>

namespace whorl::wire::http1 {
namespace {

constexpr std::string_view kVersionStart = "HTTP/1.";

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

std::string_view without_cr(std::string_view line) noexcept {
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

/// `HTTP/1.1 200 OK`; the phrase, and the blank before it, may be missing.
std::optional<std::string_view> parse_status_line(std::string_view line, ResponseHead& out) {
  if (line.size() < 12 || !line.starts_with(kVersionStart) || line[8] != ' ') {
    return "malformed status line";
  }
  if (line[7] != '0' && line[7] != '1') {
    return "HTTP version not supported";
  }
  out.version = line[7] == '1' ? Version::Http11 : Version::Http10;
  const std::string_view code = line.substr(9, 3);
  if (!std::all_of(code.begin(), code.end(), is_digit) || code[0] == '0' ||
      (line.size() > 12 && line[12] != ' ')) {
    return "malformed status code";
  }
  out.status =
      static_cast<std::uint16_t>((code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0'));
  return is_field_content(line.substr(12)) ? std::nullopt
                                           : std::optional<std::string_view>("malformed phrase");
}

/// What is gathered over the field lines before it can be judged.
struct Framed {
  std::optional<std::uint64_t> length;
  unsigned lengths = 0;
  unsigned codings = 0;     ///< lines
  bool is_chunked = false;  ///< the last line says chunked
  bool close = false;
  bool keep_alive = false;
};

std::optional<std::string_view> note_field(const FieldView& field, Framed& framed) {
  if (equals_lower(field.name, "content-length")) {
    const auto length = parse_content_length(field.value);
    if (!length || framed.length.value_or(*length) != *length) {
      return "malformed or contradicting content-length";
    }
    framed.length = length;
    ++framed.lengths;
  } else if (equals_lower(field.name, "transfer-encoding")) {
    // Nothing but the one word: who reads a list with empty elements may read it otherwise.
    ++framed.codings;
    framed.is_chunked = equals_lower(field.value, "chunked");
  } else if (equals_lower(field.name, "connection")) {
    for_each_element(field.value, [&](std::string_view option) {
      framed.close |= equals_lower(option, "close");
      framed.keep_alive |= equals_lower(option, "keep-alive");
    });
  }
  return std::nullopt;
}

/// RFC 9112 §6.3.
std::optional<std::string_view> judge_framing(
    const Framed& framed, RequestKind request, ResponseHead& out
) {
  out.keep_alive =
      framed.lengths <= 1 && !framed.close && (out.version == Version::Http11 || framed.keep_alive);
  if (request == RequestKind::Head || out.status < 200 || out.status == 204 || out.status == 304) {
    out.framing = ResponseFraming::None;
    return std::nullopt;
  }
  if (framed.codings > 0) {
    if (framed.length || out.version == Version::Http10) {
      return "transfer-encoding beside content-length or in HTTP/1.0";
    }
    if (framed.codings > 1 || !framed.is_chunked) {
      return "unknown transfer coding";
    }
    out.framing = ResponseFraming::Chunked;
  } else if (framed.length) {
    out.framing = ResponseFraming::Length;
    out.content_length = *framed.length;
  } else {
    out.framing = ResponseFraming::UntilClose;
    out.keep_alive = false;
  }
  return std::nullopt;
}

}  // namespace

ResponseScanner::State ResponseScanner::scan(
    std::string_view buffer, const ResponseLimits& limits
) noexcept {
  const std::size_t known = std::min(buffer.size(), kVersionStart.size());
  if (buffer.substr(0, known) != kVersionStart.substr(0, known)) {
    return State::Malformed;
  }
  while (true) {
    const std::size_t end = buffer.find('\n', scanned_);
    if (end == std::string_view::npos) {
      scanned_ = buffer.size();
      return scanned_ > limits.head_bytes ? State::TooLong : State::NeedMore;
    }
    scanned_ = end + 1;
    if (scanned_ > limits.head_bytes) {
      return State::TooLong;
    }
    const bool is_empty = without_cr(buffer.substr(line_begin_, end - line_begin_)).empty();
    line_begin_ = scanned_;
    if (is_empty) {
      return State::Complete;
    }
  }
}

std::optional<std::string_view> parse_response_head(
    std::string_view head, RequestKind request, const ResponseLimits& limits, ResponseHead& out
) {
  out = ResponseHead{.fields = std::move(out.fields)};
  out.fields.clear();
  Framed framed;
  bool bare_line_feed = false;
  bool is_first = true;
  while (true) {
    const std::size_t end = head.find('\n');
    if (end == std::string_view::npos) {
      return "a line does not end";
    }
    const std::string_view line = without_cr(head.substr(0, end));
    bare_line_feed |= line.size() == end;
    head.remove_prefix(end + 1);
    if (is_first) {
      if (auto refused = parse_status_line(line, out)) {
        return refused;
      }
      is_first = false;
      continue;
    }
    if (line.empty()) {
      break;
    }
    const auto field = parse_field_line(line);
    if (!field) {
      return "malformed field line";
    }
    if (out.fields.size() >= limits.fields) {
      return "too many field lines";
    }
    out.fields.push_back(*field);
    if (auto refused = note_field(*field, framed)) {
      return refused;
    }
  }
  auto refused = judge_framing(framed, request, out);
  out.keep_alive &= !bare_line_feed;
  return refused;
}

}  // namespace whorl::wire::http1
