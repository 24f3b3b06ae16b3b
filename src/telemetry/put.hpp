/// Writing to memory that is known to suffice: what is done for every request, without a call and
/// without a loop over single bytes. @thread any
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace whorl::telemetry {

/// Most bytes that put_number() writes.
inline constexpr std::size_t kMaxDigits = 20;

namespace detail {

/// As many bytes as a register has.
using Wide [[gnu::vector_size(16)]] = unsigned char;

/// Copies as many bytes as a Piece has, up to twice as many: the first ones and the last ones,
/// which overlap.
template <class Piece>
void copy_both_ends(char* to, const char* from, std::size_t size) noexcept {
  Piece first;
  Piece last;
  std::memcpy(&first, from, sizeof first);
  std::memcpy(&last, from + size - sizeof last, sizeof last);
  std::memcpy(to, &first, sizeof first);
  std::memcpy(to + size - sizeof last, &last, sizeof last);
}

}  // namespace detail

/// Copies a text. @return what is behind it
inline char* put(char* to, std::string_view text) noexcept {
  const std::size_t size = text.size();
  const char* from = text.data();
  if (size >= 8) {
    if (size <= 16) {
      detail::copy_both_ends<std::uint64_t>(to, from, size);
    } else if (size <= 32) {
      detail::copy_both_ends<detail::Wide>(to, from, size);
    } else {
      std::memcpy(to, from, size);
    }
  } else if (size >= 4) {
    detail::copy_both_ends<std::uint32_t>(to, from, size);
  } else if (size >= 2) {
    detail::copy_both_ends<std::uint16_t>(to, from, size);
  } else if (size == 1) {
    *to = *from;
  }
  return to + size;
}

/// Bytes that put_near() may read and write beyond a text.
inline constexpr std::size_t kSlack = 32;

/// The same where kSlack bytes behind the text may be read, and as many behind its copy be written:
/// without a branch for most texts.
inline char* put_near(char* to, std::string_view text) noexcept {
  detail::Wide first;
  detail::Wide second;
  std::memcpy(&first, text.data(), sizeof first);
  std::memcpy(&second, text.data() + sizeof first, sizeof second);
  std::memcpy(to, &first, sizeof first);
  std::memcpy(to + sizeof first, &second, sizeof second);
  if (text.size() > kSlack) [[unlikely]] {
    std::memcpy(to + kSlack, text.data() + kSlack, text.size() - kSlack);
  }
  return to + text.size();
}

/// The same for a text that is known to the compiler.
template <std::size_t kSize>
char* put_literal(char* to, const char (&text)[kSize]) noexcept {
  std::memcpy(to, text, kSize - 1);
  return to + kSize - 1;
}

/// In decimal. @return what is behind the last digit
inline char* put_number(char* to, std::uint64_t value) noexcept {
  if (value < 10) {
    *to = static_cast<char>('0' + value);
    return to + 1;
  }
  if (value < 1000) {
    const auto all = static_cast<std::uint32_t>(value);
    const std::uint32_t hundreds = all / 100;
    const std::uint32_t tens = all / 10 % 10;
    *to = static_cast<char>('0' + hundreds);
    to += hundreds == 0 ? 0 : 1;
    to[0] = static_cast<char>('0' + tens);
    to[1] = static_cast<char>('0' + all % 10);
    return to + 2;
  }
  return std::to_chars(to, to + kMaxDigits, value).ptr;
}

}  // namespace whorl::telemetry
