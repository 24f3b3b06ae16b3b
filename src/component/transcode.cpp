#include "component/transcode.hpp"

#include "component/utf8.hpp"

#include <algorithm>
#include <cstring>

namespace whorl::component {
namespace {

constexpr std::uint64_t kHighBits = 0x8080808080808080;

std::uint32_t unit_at(const std::uint8_t* at) noexcept {
  std::uint16_t unit;
  std::memcpy(&unit, at, sizeof unit);
  return unit;
}
void put_unit(std::uint8_t* at, std::uint32_t unit) noexcept {
  const auto narrow = static_cast<std::uint16_t>(unit);
  std::memcpy(at, &narrow, sizeof narrow);
}

constexpr bool is_high_surrogate(std::uint32_t unit) noexcept {
  return unit >= 0xd800 && unit <= 0xdbff;
}
constexpr bool is_low_surrogate(std::uint32_t unit) noexcept {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/// One character: its value and the bytes it took; size 0 where there is none.
struct Char {
  std::uint32_t value = 0;
  std::uint32_t size = 0;
};

Char utf8_char(ByteView from) noexcept {
  const std::uint32_t lead = from[0];
  if (lead < 0x80) {
    return {lead, 1};
  }
  const std::uint32_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || from.size() < size) {
    return {};
  }
  std::uint32_t value = lead & (0x7fu >> size);
  for (std::uint32_t i = 1; i < size; ++i) {
    if ((from[i] & 0xc0) != 0x80) {
      return {};
    }
    value = (value << 6) | (from[i] & 0x3fu);
  }
  return {value, size};
}

Char utf16_char(ByteView from) noexcept {
  if (from.size() < 2) {
    return {};
  }
  const std::uint32_t unit = unit_at(from.data());
  if (!is_high_surrogate(unit)) {
    return is_low_surrogate(unit) ? Char{} : Char{unit, 2};
  }
  if (from.size() < 4) {
    return {};
  }
  const std::uint32_t next = unit_at(from.data() + 2);
  if (!is_low_surrogate(next)) {
    return {};
  }
  return {0x10000 + ((unit - 0xd800) << 10) + (next - 0xdc00), 4};
}

/// Bytes written; 0 if it does not fit.
std::size_t put_utf8(std::uint32_t value, MutableByteView to) noexcept {
  const std::size_t size = value < 0x80 ? 1 : value < 0x800 ? 2 : value < 0x10000 ? 3 : 4;
  if (to.size() < size) {
    return 0;
  }
  if (size == 1) {
    to[0] = static_cast<std::uint8_t>(value);
    return 1;
  }
  for (std::size_t i = size - 1; i > 0; --i) {
    to[i] = static_cast<std::uint8_t>(0x80 | (value & 0x3f));
    value >>= 6;
  }
  to[0] = static_cast<std::uint8_t>((0xf00u >> size) | value);
  return size;
}

std::size_t put_utf16(std::uint32_t value, MutableByteView to) noexcept {
  const std::size_t size = value < 0x10000 ? 2 : 4;
  if (to.size() < size) {
    return 0;
  }
  if (size == 2) {
    put_unit(to.data(), value);
  } else {
    put_unit(to.data(), 0xd800 + ((value - 0x10000) >> 10));
    put_unit(to.data() + 2, 0xdc00 + ((value - 0x10000) & 0x3ff));
  }
  return size;
}

std::size_t put_latin1(std::uint32_t value, MutableByteView to) noexcept {
  if (value > 0xff || to.empty()) {
    return 0;
  }
  to[0] = static_cast<std::uint8_t>(value);
  return 1;
}

/// Character by character from `done` on.
template <class Next, class Put>
Transcoded transcode(
    ByteView from, MutableByteView to, Transcoded done, Next next, Put put
) noexcept {
  while (done.read < from.size()) {
    const Char character = next(from.subspan(done.read));
    if (character.size == 0) {
      break;
    }
    const std::size_t written = put(character.value, to.subspan(done.written));
    if (written == 0) {
      break;
    }
    done.read += character.size;
    done.written += written;
  }
  return done;
}

/// Eight ASCII bytes at a time to as many bytes.
Transcoded copy_ascii_bytes(ByteView from, MutableByteView to) noexcept {
  const std::size_t size = std::min(from.size(), to.size());
  std::size_t at = 0;
  for (std::uint64_t word; at + 8 <= size; at += 8) {
    std::memcpy(&word, from.data() + at, 8);
    if ((word & kHighBits) != 0) {
      break;
    }
    std::memcpy(to.data() + at, &word, 8);
  }
  return {at, at};
}

/// Eight ASCII bytes at a time to as many code units.
Transcoded widen_ascii(ByteView from, MutableByteView to) noexcept {
  const std::size_t size = std::min(from.size(), to.size() / 2);
  std::size_t at = 0;
  for (std::uint64_t word; at + 8 <= size; at += 8) {
    std::memcpy(&word, from.data() + at, 8);
    if ((word & kHighBits) != 0) {
      break;
    }
    for (std::size_t i = 0; i < 8; ++i) {
      put_unit(to.data() + (at + i) * 2, from[at + i]);
    }
  }
  return {at, at * 2};
}

/// Four code units at a time, all within the mask, to as many bytes.
Transcoded narrow_units(ByteView from, MutableByteView to, std::uint64_t forbidden) noexcept {
  const std::size_t units = std::min(from.size() / 2, to.size());
  std::size_t at = 0;
  for (std::uint64_t word; at + 4 <= units; at += 4) {
    std::memcpy(&word, from.data() + at * 2, 8);
    if ((word & forbidden) != 0) {
      break;
    }
    for (std::size_t i = 0; i < 4; ++i) {
      to[at + i] = static_cast<std::uint8_t>(word >> (16 * i));
    }
  }
  return {at * 2, at};
}

constexpr std::uint64_t kNotAscii = 0xff80ff80ff80ff80;
constexpr std::uint64_t kNotLatin1 = 0xff00ff00ff00ff00;

Char latin1_char(ByteView from) noexcept {
  return {from[0], 1};
}

const char* check_utf8(ByteView bytes) noexcept {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (is_valid_utf8(text)) [[likely]] {
    return nullptr;
  }
  // Ends where a longer text could go on: the last character is cut off.
  for (std::size_t cut = 1; cut <= std::min<std::size_t>(3, text.size()); ++cut) {
    std::string last(text.substr(text.size() - cut));
    const auto lead = static_cast<unsigned char>(last[0]);
    if ((lead & 0xc0) == 0x80) {
      continue;
    }
    const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || cut >= size) {
      break;
    }
    // Some continuation makes it well-formed.
    const bool is_first_low = lead == 0xe0 || lead == 0xf0;
    last.append(size - cut, is_first_low && cut == 1 ? '\xbf' : '\x80');
    if (is_valid_utf8(text.substr(0, text.size() - cut)) && is_valid_utf8(last)) {
      return "incomplete utf-8 byte sequence";
    }
    break;
  }
  return "invalid utf-8";
}

/// Whether one of eight code units is half of a pair.
bool has_surrogate(const std::uint8_t* at) noexcept {
  std::uint16_t units[8];
  std::memcpy(units, at, sizeof units);
  unsigned found = 0;
  for (const std::uint16_t unit : units) {
    found |= (unit & 0xf800u) == 0xd800u ? 1u : 0u;
  }
  return found != 0;
}

const char* check_utf16(ByteView bytes) noexcept {
  std::size_t at = 0;
  while (at < bytes.size()) {
    while (at + 16 <= bytes.size() && !has_surrogate(bytes.data() + at)) {
      at += 16;
    }
    const std::size_t end = std::min(bytes.size(), at + 16);
    while (at < end) {
      const Char character = utf16_char(bytes.subspan(at));
      if (character.size == 0) {
        return "invalid utf-16: unpaired surrogate";
      }
      at += character.size;
    }
  }
  return nullptr;
}

/// Bytes as they are.
Transcoded copy(ByteView from, MutableByteView to, std::size_t unit) noexcept {
  const std::size_t size = std::min(from.size(), to.size()) / unit * unit;
  if (size != 0) {
    std::memmove(to.data(), from.data(), size);
  }
  return {size, size};
}

}  // namespace

const char* check_text(ByteView bytes, TextForm form) noexcept {
  switch (form) {
    case TextForm::Utf8:
      return check_utf8(bytes);
    case TextForm::Latin1:
      return nullptr;
    default:
      return check_utf16(bytes);
  }
}

std::size_t whole_characters(ByteView longer, TextForm form) noexcept {
  std::size_t at = longer.size() - unit_size(form);
  if (form == TextForm::Utf8) {
    constexpr std::size_t kMostContinued = 3;
    for (std::size_t i = 0; i < kMostContinued && (longer[at] & 0xc0) == 0x80 && at > 1; ++i) {
      --at;
    }
  } else if (unit_size(form) == 2 && is_low_surrogate(unit_at(longer.data() + at)) && at > 2) {
    at -= 2;
  }
  return at;
}

Transcoded utf8_to_utf16(ByteView from, MutableByteView to) noexcept {
  return transcode(from, to, widen_ascii(from, to), utf8_char, put_utf16);
}
Transcoded utf16_to_utf8(ByteView from, MutableByteView to) noexcept {
  return transcode(from, to, narrow_units(from, to, kNotAscii), utf16_char, put_utf8);
}
Transcoded latin1_to_utf8(ByteView from, MutableByteView to) noexcept {
  return transcode(from, to, copy_ascii_bytes(from, to), latin1_char, put_utf8);
}
Transcoded latin1_to_utf16(ByteView from, MutableByteView to) noexcept {
  return transcode(from, to, widen_ascii(from, to), latin1_char, put_utf16);
}
Transcoded utf8_to_latin1(ByteView from, MutableByteView to) noexcept {
  return transcode(from, to, copy_ascii_bytes(from, to), utf8_char, put_latin1);
}
Transcoded utf16_to_latin1(ByteView from, MutableByteView to) noexcept {
  return transcode(from, to, narrow_units(from, to, kNotLatin1), utf16_char, put_latin1);
}

Transcoded to_ascii(ByteView from, TextForm form, MutableByteView to) noexcept {
  const auto put_ascii = [](std::uint32_t value, MutableByteView room) -> std::size_t {
    return value < 0x80 ? put_latin1(value, room) : 0;
  };
  if (unit_size(form) == 2) {
    return transcode(from, to, narrow_units(from, to, kNotAscii), utf16_char, put_ascii);
  }
  return transcode(from, to, copy_ascii_bytes(from, to), latin1_char, put_ascii);
}

Transcoded to_utf16(ByteView from, TextForm form, MutableByteView to) noexcept {
  switch (form) {
    case TextForm::Utf8:
      return utf8_to_utf16(from, to);
    case TextForm::Latin1:
      return latin1_to_utf16(from, to);
    default:
      return copy(from, to, 2);
  }
}

Transcoded to_utf8(ByteView from, TextForm form, MutableByteView to) noexcept {
  switch (form) {
    case TextForm::Utf8:
      return copy(from, to, 1);
    case TextForm::Latin1:
      return latin1_to_utf8(from, to);
    default:
      return utf16_to_utf8(from, to);
  }
}

}  // namespace whorl::component
