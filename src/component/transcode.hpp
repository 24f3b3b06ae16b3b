/// Text in the encodings of the canonical ABI: UTF-8, UTF-16 (little-endian, at any address) and
/// Latin-1; checking it and writing it in another encoding.
///
/// Source bytes are checked by whoever lifts them; the transcoders stay inside their buffers
/// whatever they are given. @thread any. @spec CanonicalABI.md, "Loading" (strings)
#pragma once

#include "base/bytes.hpp"
#include "component/types.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace whorl::component {

/// What a string's bytes are. Latin1 and CompactUtf16 are the two halves of latin1+utf16.
enum class TextForm : std::uint8_t { Utf8, Utf16, Latin1, CompactUtf16 };

/// The bit of a length in latin1+utf16 that says UTF-16.
inline constexpr std::uint32_t kUtf16Tag = 1u << 31;

/// Bytes of a code unit.
[[nodiscard]] constexpr std::uint32_t unit_size(TextForm form) noexcept {
  return form == TextForm::Utf16 || form == TextForm::CompactUtf16 ? 2 : 1;
}

/// What is wrong with a string's bytes, in a trap's words; null if nothing is.
[[nodiscard]] const char* check_text(ByteView bytes, TextForm form) noexcept;

/// Where a text that is checked in pieces may be cut: at most before the last unit of `longer`, so
/// that what is well-formed is cut between two characters.
///
/// @param longer  four bytes at least
/// @return        bytes; more than 0
[[nodiscard]] std::size_t whole_characters(ByteView longer, TextForm form) noexcept;

/// How far a transcoder came.
struct Transcoded {
  std::size_t read = 0;     ///< bytes of the source, at a character's end
  std::size_t written = 0;  ///< bytes of the destination
};
// Each goes on until the source is used up, the destination is full, or a character cannot be
// expressed in the destination's encoding; ill-formed sources stop it too.
Transcoded utf8_to_utf16(ByteView from, MutableByteView to) noexcept;
Transcoded utf16_to_utf8(ByteView from, MutableByteView to) noexcept;
Transcoded latin1_to_utf8(ByteView from, MutableByteView to) noexcept;
Transcoded latin1_to_utf16(ByteView from, MutableByteView to) noexcept;
/// Stops at the first character above U+00FF.
Transcoded utf8_to_latin1(ByteView from, MutableByteView to) noexcept;
Transcoded utf16_to_latin1(ByteView from, MutableByteView to) noexcept;
/// Copies ASCII and stops at the first other character; Utf8 is not a source.
Transcoded to_ascii(ByteView from, TextForm form, MutableByteView to) noexcept;
/// Any checked string as UTF-16 or UTF-8.
Transcoded to_utf16(ByteView from, TextForm form, MutableByteView to) noexcept;
Transcoded to_utf8(ByteView from, TextForm form, MutableByteView to) noexcept;

/// Bytes that a string of that many bytes has at most in UTF-8.
[[nodiscard]] constexpr std::size_t max_utf8_size(std::size_t bytes, TextForm form) noexcept {
  switch (form) {
    case TextForm::Utf8:
      return bytes;
    case TextForm::Latin1:
      return bytes * 2;
    default:
      return bytes / 2 * 3;
  }
}

}  // namespace whorl::component
