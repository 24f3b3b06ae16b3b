// The short way for request heads as nearly all are: HTTP/1.1, complete in one piece, a path for a
// target. Every byte is looked at once. Whatever is not quite so goes the long way.
#include "wire/http1/head_rules.hpp"

#include <bit>
#include <cstring>

namespace whorl::wire::http1 {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kMethodBytes = 64;
constexpr std::string_view kVersion = " HTTP/1.1\r\n";

constexpr std::uint64_t every_byte(std::uint8_t byte) noexcept {
  return 0x0101010101010101ULL * byte;
}

/// Eight bytes are looked at at a time, the first in the lowest bits.
static_assert(std::endian::native == std::endian::little);

/// Nonzero if one of eight bytes is less than `limit`, which is at most 128, or DEL. The lowest bit
/// that is set belongs to the first such byte: a byte below cannot have borrowed for it.
std::uint64_t find_controls(std::uint64_t eight, std::uint8_t limit) noexcept {
  const std::uint64_t small = (eight - every_byte(limit)) & ~eight;
  const std::uint64_t other = eight ^ every_byte(0x7f);
  const std::uint64_t deleted = (other - every_byte(1)) & ~other;
  return (small | deleted) & every_byte(0x80);
}

/// Where the first byte at or behind `at` is that is less than `limit`, or DEL; the end if none is.
std::size_t find_control(std::string_view text, std::size_t at, std::uint8_t limit) noexcept {
  while (text.size() - at >= sizeof(std::uint64_t)) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, text.data() + at, sizeof eight);
    if (const std::uint64_t found = find_controls(eight, limit); found != 0) {
      return at + static_cast<std::size_t>(std::countr_zero(found)) / 8;
    }
    at += sizeof eight;
  }
  while (at < text.size() && static_cast<std::uint8_t>(text[at]) >= limit && text[at] != 0x7f) {
    ++at;
  }
  return at;
}

bool has_at(std::string_view text, std::size_t at, std::string_view expected) noexcept {
  return text.size() - at >= expected.size() &&
         std::memcmp(text.data() + at, expected.data(), expected.size()) == 0;
}

/// The request line. @return where the field lines begin, or 0
std::size_t parse_usual_line(std::string_view text, const HeadLimits& limits, RequestHead& out) {
  const std::size_t method = token_length(text);
  if (method == 0 || method > kMethodBytes || !has_at(text, method, " /"sv)) {
    return 0;
  }
  const std::size_t end = find_control(text, method + 1, 0x21);
  const std::string_view target = text.substr(method + 1, end - method - 1);
  if (!has_at(text, end, kVersion) || target.size() > limits.target_bytes ||
      !is_path_and_query(target)) {
    return 0;
  }
  out.method = text.substr(0, method);
  out.path_and_query = target;
  return out.method == "CONNECT" ? 0 : end + kVersion.size();
}

/// The field line at `at`. @return where the next one begins, or 0
std::size_t parse_usual_field(std::string_view text, std::size_t at, FieldView& field) {
  const std::size_t name = token_length(text.substr(at));
  std::size_t begin = at + name;
  if (name == 0 || !has_at(text, begin, ":"sv)) {
    return 0;
  }
  do {
    ++begin;
  } while (begin < text.size() && text[begin] == ' ');
  const std::size_t line_end = find_control(text, begin, 0x20);
  if (!has_at(text, line_end, "\r\n"sv)) {
    return 0;
  }
  std::size_t end = line_end;
  while (end > begin && text[end - 1] == ' ') {
    --end;
  }
  field = {text.substr(at, name), text.substr(begin, end - begin)};
  return line_end + 2;
}

}  // namespace

std::size_t parse_usual_head(std::string_view text, const HeadLimits& limits, RequestHead& out) {
  const std::size_t fields_begin = parse_usual_line(text, limits, out);
  if (fields_begin == 0) {
    return 0;
  }
  out.fields.clear();
  out.authority = {};
  out.https_target = false;
  out.version = Version::Http11;
  out.framing = Framing::None;
  out.content_length = 0;
  out.expects_continue = false;
  HeadRules rules;
  std::size_t at = fields_begin;
  while (!has_at(text, at, "\r\n"sv)) {
    FieldView field;
    at = parse_usual_field(text, at, field);
    if (at == 0 || out.fields.size() >= limits.fields || rules.note(field, out)) {
      return 0;
    }
    out.fields.push_back(field);
  }
  out.field_lines = text.substr(fields_begin, at - fields_begin);
  const std::size_t end = at + 2;
  return end - fields_begin > limits.fields_bytes || rules.judge(out) ? 0 : end;
}

}  // namespace whorl::wire::http1
