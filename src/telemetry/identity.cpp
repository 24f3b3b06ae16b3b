#include "telemetry/identity.hpp"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <ctime>

namespace whorl::telemetry {
namespace {

constexpr std::size_t kMaxTracestate = 512;
constexpr std::size_t kMaxTracestateMembers = 32;

/// Exactly `digits` lower-case hexadecimal digits.
std::optional<std::uint64_t> parse_hex(std::string_view text, std::size_t digits) noexcept {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (text.size() != digits || !std::ranges::all_of(text, is_digit)) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

std::string_view trim(std::string_view text) noexcept {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_blank(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

/// A register of bytes, and half of one.
using Wide [[gnu::vector_size(16)]] = unsigned char;
using Half [[gnu::vector_size(8)]] = unsigned char;

/// Sixteen digits of 64 bits, as they are in memory: each of the bytes is one of them.
Wide hex_digits(std::uint64_t bits) noexcept {
  static_assert(std::endian::native == std::endian::little);
  const auto bytes = std::bit_cast<Half>(__builtin_bswap64(bits));
  const Half high = bytes >> 4U;
  const Half low = bytes & 0x0F;
  const Wide nibbles =
      __builtin_shufflevector(high, low, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
  const auto is_letter = static_cast<Wide>(nibbles > 9);
  return nibbles + '0' + (is_letter & ('a' - '0' - 10));
}

/// One `key=value` of a tracestate.
bool is_member(std::string_view member) noexcept {
  const std::size_t equals = member.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals > 256) {
    return false;
  }
  const auto is_key_char = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '*' ||
           c == '/' || c == '@';
  };
  const auto is_value_char = [](char c) { return c >= 0x20 && c <= 0x7E && c != ',' && c != '='; };
  const std::string_view value = member.substr(equals + 1);
  return std::ranges::all_of(member.substr(0, equals), is_key_char) && !value.empty() &&
         std::ranges::all_of(value, is_value_char);
}

}  // namespace

char* put_hex(char* at, std::uint64_t value) noexcept {
  const Wide digits = hex_digits(value);
  std::memcpy(at, &digits, sizeof digits);
  return at + sizeof digits;
}

std::string to_text(TraceId id) {
  std::array<char, kTraceIdDigits> digits;
  put_hex(put_hex(digits.data(), id.high), id.low);
  return {digits.data(), digits.size()};
}

std::string to_text(SpanId id) {
  std::array<char, kTraceIdDigits / 2> digits;
  put_hex(digits.data(), id.value);
  return {digits.data(), digits.size()};
}

std::optional<TraceId> parse_trace_id(std::string_view text) noexcept {
  if (text.size() != 32) {
    return std::nullopt;
  }
  const auto high = parse_hex(text.substr(0, 16), 16);
  const auto low = parse_hex(text.substr(16), 16);
  if (!high || !low || (*high | *low) == 0) {
    return std::nullopt;
  }
  return TraceId{*high, *low};
}

std::optional<SpanId> parse_span_id(std::string_view text) noexcept {
  const auto value = parse_hex(text, 16);
  return value && *value != 0 ? std::optional(SpanId{*value}) : std::nullopt;
}

std::optional<SpanContext> parse_traceparent(std::string_view text) noexcept {
  // version "-" trace-id "-" parent-id "-" flags; later versions may go on after another dash.
  constexpr std::size_t kLength = 55;
  text = trim(text);
  if (text.size() < kLength || text[2] != '-' || text[35] != '-' || text[52] != '-') {
    return std::nullopt;
  }
  const auto version = parse_hex(text.substr(0, 2), 2);
  const auto flags = parse_hex(text.substr(53, 2), 2);
  if (!version || *version == 0xFF || !flags ||
      (text.size() > kLength && (*version == 0 || text[kLength] != '-'))) {
    return std::nullopt;
  }
  const auto trace = parse_trace_id(text.substr(3, 32));
  const auto span = parse_span_id(text.substr(36, 16));
  if (!trace || !span) {
    return std::nullopt;
  }
  return SpanContext{.trace = *trace, .span = *span, .is_sampled = (*flags & 1) != 0};
}

std::string to_traceparent(const SpanContext& context) {
  std::string text = "00-00000000000000000000000000000000-0000000000000000-00";
  put_hex(put_hex(text.data() + 3, context.trace.high), context.trace.low);
  put_hex(text.data() + 36, context.span.value);
  text.back() = context.is_sampled ? '1' : '0';
  return text;
}

bool is_tracestate(std::string_view text) noexcept {
  if (text.empty() || text.size() > kMaxTracestate) {
    return false;
  }
  std::size_t members = 0;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view member = trim(text.substr(0, comma));
    // Empty members are allowed, RFC 9110 §5.6.1.
    if (!member.empty() && (++members > kMaxTracestateMembers || !is_member(member))) {
      return false;
    }
    if (comma == std::string_view::npos) {
      return members != 0;
    }
    text.remove_prefix(comma + 1);
  }
}

bool is_request_id(std::string_view text) noexcept {
  constexpr std::string_view kOthers = "-_.:=+/@~";
  return !text.empty() && text.size() <= kMaxRequestId && std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

IdSource::IdSource() {
  if (::getrandom(state_.data(), sizeof state_, 0) != static_cast<ssize_t>(sizeof state_) ||
      std::ranges::all_of(state_, [](std::uint64_t word) { return word == 0; })) {
    // Early in the boot of a machine; unlike others' is enough.
    fill(static_cast<std::uint64_t>(std::time(nullptr)) ^ std::bit_cast<std::uintptr_t>(this));
  }
}

IdSource::IdSource(std::uint64_t seed) noexcept {
  fill(seed);
}

/// splitmix64, which never gives the state that xoshiro would stay in.
void IdSource::fill(std::uint64_t seed) noexcept {
  for (std::uint64_t& word : state_) {
    seed += 0x9E3779B97F4A7C15;
    std::uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
    word = mixed ^ (mixed >> 31);
  }
}

/// xoshiro256** (Blackman and Vigna, 2018).
std::uint64_t IdSource::next() noexcept {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

TraceId IdSource::next_trace() noexcept {
  TraceId id;
  while (!id.is_valid()) {
    id = {.high = next(), .low = next()};
  }
  return id;
}

SpanId IdSource::next_span() noexcept {
  SpanId id;
  while (!id.is_valid()) {
    id.value = next();
  }
  return id;
}

}  // namespace whorl::telemetry
