#include "component/utf8.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

namespace whorl::component {
namespace {

/// Straight from the definition: decode a scalar value, then check that it needed this many bytes.
bool is_valid_plainly(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
    const unsigned lead = byte(0);
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if ((lead >= 0x80 && lead < 0xc0) || lead > 0xf7 || text.size() - at < length) {
      return false;
    }
    unsigned value = length == 1 ? lead : lead & (0x7fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
      if ((byte(i) & 0xc0) != 0x80) {
        return false;
      }
      value = value << 6 | (byte(i) & 0x3fu);
    }
    constexpr unsigned kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < kLeast[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
      return false;
    }
    at += length;
  }
  return true;
}

TEST_CASE("well-formed and ill-formed sequences") {
  const char* const good[] = {
      "",
      "a",
      "0123456789abcdef0123456789abcdef",
      "é",
      "€",
      "😀",
      "\xef\xbf\xbf",
      "\xf4\x8f\xbf\xbf",
      "\xed\x9f\xbf",
      "\xee\x80\x80",
      "0123456789abcdeé",
      "0123456789abcdefé"
  };
  for (const char* text : good) {
    CAPTURE(text);
    CHECK(is_valid_utf8(text));
  }
  const char* const bad[] = {
      "\x80",
      "\xbf",
      "\xc0\x80",
      "\xc1\xbf",
      "\xc2",
      "\xc2\x41",
      "\xe0\x9f\xbf",
      "\xe0\xa0",
      "\xed\xa0\x80",
      "\xed\xbf\xbf",
      "\xf0\x8f\xbf\xbf",
      "\xf0\x90\x80",
      "\xf4\x90\x80\x80",
      "\xf5\x80\x80\x80",
      "\xff",
      "\xfe",
      "0123456789abcdef\x80",
      "0123456789abcde\xc3",
      "\xe2\x82\x41",
      "\xf0\x9f\x98\x41"
  };
  for (const char* text : bad) {
    CAPTURE(text);
    CHECK_FALSE(is_valid_utf8(text));
  }
  CHECK(is_valid_utf8(std::string_view("\0a\0", 3)));
}

TEST_CASE("random bytes agree with the plain definition") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  constexpr unsigned char kEdges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
                                      0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
                                      0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5};
  for (int round = 0; round < 50'000; ++round) {
    std::string text(random() % 24, 'a');
    for (std::uint64_t n = random() % 6; n > 0 && !text.empty(); --n) {
      text[random() % text.size()] = static_cast<char>(kEdges[random() % std::size(kEdges)]);
    }
    REQUIRE(is_valid_utf8(text) == is_valid_plainly(text));
  }
}

}  // namespace
}  // namespace whorl::component
