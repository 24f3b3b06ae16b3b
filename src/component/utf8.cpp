#include "component/utf8.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace whorl::component {
namespace {

constexpr std::uint64_t kHighBits = 0x8080808080808080;

/// Number of leading ASCII bytes, rounded down to whole blocks plus single bytes.
const unsigned char* skip_ascii(const unsigned char* at, const unsigned char* end) noexcept {
  while (end - at >= 16) {
    std::uint64_t words[2];
    std::memcpy(words, at, sizeof words);
    if (((words[0] | words[1]) & kHighBits) != 0) {
      break;
    }
    at += 16;
  }
  // What is left of a usual text: names are shorter than a block.
  if (end - at >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    at += (word & kHighBits) == 0 ? 8 : 0;
  }
  if (end - at >= 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, at, sizeof word);
    at += (word & static_cast<std::uint32_t>(kHighBits)) == 0 ? 4 : 0;
  }
  while (at != end && *at < 0x80) {
    ++at;
  }
  return at;
}

struct Sequence {
  std::ptrdiff_t length;  ///< bytes in all, 0: no sequence starts so
  unsigned char low;      ///< range of the second byte
  unsigned char high;
};

constexpr Sequence sequence_of(unsigned char lead) noexcept {
  if (lead >= 0xc2 && lead <= 0xdf) {
    return {2, 0x80, 0xbf};
  }
  if (lead >= 0xe0 && lead <= 0xef) {
    const unsigned char low = lead == 0xe0 ? 0xa0 : 0x80;
    const unsigned char high = lead == 0xed ? 0x9f : 0xbf;
    return {3, low, high};
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const unsigned char low = lead == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = lead == 0xf4 ? 0x8f : 0xbf;
    return {4, low, high};
  }
  return {0, 0, 0};
}

}  // namespace

bool is_valid_utf8(std::string_view text) noexcept {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const unsigned char* const end = at + text.size();
  while ((at = skip_ascii(at, end)) != end) {
    const Sequence sequence = sequence_of(*at);
    if (sequence.length == 0 || end - at < sequence.length || at[1] < sequence.low ||
        at[1] > sequence.high) {
      return false;
    }
    for (std::ptrdiff_t i = 2; i < sequence.length; ++i) {
      if ((at[i] & 0xc0) != 0x80) {
        return false;
      }
    }
    at += sequence.length;
  }
  return true;
}

}  // namespace whorl::component
