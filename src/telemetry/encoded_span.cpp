#include "telemetry/encoded_span.hpp"

#include "telemetry/text.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <variant>

namespace whorl::telemetry {
namespace {

static_assert(std::endian::native == std::endian::little);

// A field's number and how it is written, as its first byte has them.
constexpr std::uint8_t bytes_field(std::uint8_t number) {
  return static_cast<std::uint8_t>(number << 3U | 2U);
}
constexpr std::uint8_t varint_field(std::uint8_t number) {
  return static_cast<std::uint8_t>(number << 3U);
}
constexpr std::uint8_t fixed64_field(std::uint8_t number) {
  return static_cast<std::uint8_t>(number << 3U | 1U);
}
/// The flags' number, 16, needs a second byte.
constexpr std::uint8_t kFlagsField[] = {0x85, 0x01};
constexpr std::uint32_t kSampled = 1;
constexpr std::uint32_t kHasIsRemote = 0x100;
constexpr std::uint32_t kIsRemote = 0x200;

constexpr std::size_t varint_size(std::uint64_t value) noexcept {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}
constexpr std::size_t field_size(std::size_t content) noexcept {
  return 1 + varint_size(content) + content;
}

/// Writes to memory that is known to suffice.
class Cursor {
 public:
  explicit Cursor(char* at) noexcept : at_(at) {}
  void byte(std::uint8_t value) noexcept { *at_++ = static_cast<char>(value); }
  void varint(std::uint64_t value) noexcept {
    for (; value >= 0x80; value >>= 7U) {
      byte(static_cast<std::uint8_t>(value | 0x80U));
    }
    byte(static_cast<std::uint8_t>(value));
  }
  void raw(std::string_view bytes) noexcept {
    // Not memcpy, to which an empty view's null would be undefined.
    at_ = std::copy(bytes.begin(), bytes.end(), at_);
  }
  void text(std::uint8_t number, std::string_view value) noexcept {
    head(number, value.size());
    raw(value);
  }
  void head(std::uint8_t number, std::size_t size) noexcept {
    byte(bytes_field(number));
    varint(size);
  }
  void fixed64(std::uint8_t number, std::uint64_t value) noexcept {
    byte(fixed64_field(number));
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }
  void fixed32(std::uint32_t value) noexcept {
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }
  /// Of identities the first byte is the highest.
  void big_endian(std::uint64_t value) noexcept {
    value = __builtin_bswap64(value);
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }
  void id(std::uint8_t number, SpanId id) noexcept {
    head(number, 8);
    big_endian(id.value);
  }

 private:
  char* at_;
};

/// Adds so many bytes to a text, which `write` fills in.
template <class Write>
void extend(std::string& out, std::size_t size, Write write) {
  const std::size_t begin = out.size();
  // What the library says that there is may be more than was asked for.
  out.resize_and_overwrite(begin + size, [&](char* data, std::size_t) {
    write(Cursor(data + begin));
    return begin + size;
  });
}

bool is_ascii(std::string_view text) noexcept {
  std::uint64_t seen = 0;
  while (text.size() >= sizeof seen) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof word);
    seen |= word;
    text.remove_prefix(sizeof word);
  }
  for (const char c : text) {
    seen |= static_cast<std::uint64_t>(static_cast<unsigned char>(c));
  }
  return (seen & 0x8080808080808080U) == 0;
}

void append_utf8_pair(
    std::string& out, std::string_view key, std::string_view value, std::uint8_t field
) {
  const std::size_t any = field_size(value.size());
  const std::size_t pair = field_size(key.size()) + field_size(any);
  extend(out, field_size(pair), [&](Cursor at) {
    at.head(field, pair);
    at.text(1, key);
    at.head(2, any);
    at.text(1, value);
  });
}

void append_pair(
    std::string& out, std::string_view key, std::string_view value, std::uint8_t field
) {
  if (is_ascii(value)) [[likely]] {
    append_utf8_pair(out, key, value, field);
  } else {
    append_utf8_pair(out, key, to_utf8(value), field);
  }
}

void append_pair(std::string& out, std::string_view key, std::int64_t value, std::uint8_t field) {
  const auto number = static_cast<std::uint64_t>(value);
  const std::size_t any = 1 + varint_size(number);
  const std::size_t pair = field_size(key.size()) + field_size(any);
  extend(out, field_size(pair), [&](Cursor at) {
    at.head(field, pair);
    at.text(1, key);
    at.head(2, any);
    at.byte(varint_field(3));
    at.varint(number);
  });
}

constexpr std::uint8_t kAttributes = 9;

std::size_t name_size(const EncodedSpan& span) noexcept {
  return span.name.size() + span.name_gap.size() + span.name_rest.size();
}

std::size_t size_of(const EncodedSpan& span) noexcept {
  constexpr std::size_t kAlways = 18 + 10 + 2 + 9 + 9 + 6;  // identities, kind, times, flags
  std::size_t size =
      kAlways + field_size(name_size(span)) + span.attributes.size() + span.events.size();
  size += span.trace_state.empty() ? 0 : field_size(span.trace_state.size());
  size += span.parent.is_valid() ? 10 : 0;
  size += span.dropped_events == 0 ? 0 : 1 + varint_size(span.dropped_events);
  return size + (span.status == SpanStatus::Unset ? 0 : 4);
}

void write_span(Cursor at, const EncodedSpan& span, std::size_t size) noexcept {
  at.head(2, size);
  at.head(1, 16);
  at.big_endian(span.context.trace.high);
  at.big_endian(span.context.trace.low);
  at.id(2, span.context.span);
  if (!span.trace_state.empty()) {
    at.text(3, span.trace_state);
  }
  if (span.parent.is_valid()) {
    at.id(4, span.parent);
  }
  at.head(5, name_size(span));
  at.raw(span.name);
  at.raw(span.name_gap);
  at.raw(span.name_rest);
  at.byte(varint_field(6));
  at.byte(static_cast<std::uint8_t>(span.kind));
  at.fixed64(7, span.start_ns);
  at.fixed64(8, span.end_ns);
  at.raw(span.attributes);
  at.raw(span.events);
  if (span.dropped_events != 0) {
    at.byte(varint_field(12));
    at.varint(span.dropped_events);
  }
  if (span.status != SpanStatus::Unset) {
    at.head(15, 2);
    at.byte(varint_field(3));
    at.byte(static_cast<std::uint8_t>(span.status));
  }
  at.byte(kFlagsField[0]);
  at.byte(kFlagsField[1]);
  at.fixed32(
      (span.context.is_sampled ? kSampled : 0) | kHasIsRemote |
      (span.is_parent_remote ? kIsRemote : 0)
  );
}

}  // namespace

void append_attribute(std::string& out, std::string_view key, std::string_view value) {
  append_pair(out, key, value, kAttributes);
}

void append_attribute(std::string& out, std::string_view key, std::int64_t value) {
  append_pair(out, key, value, kAttributes);
}

void append_event(std::string& out, const SpanEvent& event) {
  std::string attributes;
  for (const Attribute& attribute : event.attributes) {
    if (const auto* text = std::get_if<std::string>(&attribute.value)) {
      append_pair(attributes, attribute.key, std::string_view(*text), 3);
    } else if (const auto* number = std::get_if<std::int64_t>(&attribute.value)) {
      append_pair(attributes, attribute.key, *number, 3);
    }
  }
  const std::size_t size = 9 + field_size(event.name.size()) + attributes.size();
  extend(out, field_size(size), [&](Cursor at) {
    at.head(11, size);
    at.fixed64(1, event.time_ns);
    at.text(2, event.name);
    at.raw(attributes);
  });
}

void append_span(std::string& out, const EncodedSpan& span) {
  const std::size_t size = size_of(span);
  extend(out, field_size(size), [&](Cursor at) { write_span(at, span, size); });
}

}  // namespace whorl::telemetry
