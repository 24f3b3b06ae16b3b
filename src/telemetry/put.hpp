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

/// Copies between `kSize` and twice as many bytes: the first ones and the last ones, which overlap.
template <std::size_t kSize>
inline void copy_both_ends(char* to, const char* from, std::size_t size) noexcept {
  struct Piece {
    char bytes[kSize];
  };
  Piece first;
  Piece last;
  std::memcpy(&first, from, kSize);
  std::memcpy(&last, from + size - kSize, kSize);
  std::memcpy(to, &first, kSize);
  std::memcpy(to + size - kSize, &last, kSize);
}

}  // namespace detail

/// Copies a text. @return what is behind it
inline char* put(char* to, std::string_view text) noexcept {
  const std::size_t size = text.size();
  const char* from = text.data();
  if (size > 32) {
    std::memcpy(to, from, size);
  } else if (size >= 16) {
    detail::copy_both_ends<16>(to, from, size);
  } else if (size >= 8) {
    detail::copy_both_ends<8>(to, from, size);
  } else if (size >= 4) {
    detail::copy_both_ends<4>(to, from, size);
  } else if (size >= 2) {
    detail::copy_both_ends<2>(to, from, size);
  } else if (size == 1) {
    *to = *from;
  }
  return to + size;
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
  return std::to_chars(to, to + kMaxDigits, value).ptr;
}

}  // namespace whorl::telemetry
