#include "telemetry/text.hpp"

#include "telemetry/put.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>

namespace whorl::telemetry {
namespace {

/// Length of the UTF-8 sequence at the front of a text; 0 when there is none.
/// @spec Unicode 15, table 3-7
std::size_t utf8_length(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const unsigned first = at(0);
  const unsigned second = at(1);
  const auto is_tail = [&](std::size_t i) { return at(i) >= 0x80 && at(i) <= 0xBF; };
  if (first < 0x80) {
    return 1;
  }
  if (first >= 0xC2 && first <= 0xDF) {
    return is_tail(1) ? 2 : 0;
  }
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = first == 0xED ? 0x9F : 0xBF;
    return second >= low && second <= high && is_tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
    return second >= low && second <= high && is_tail(2) && is_tail(3) ? 4 : 0;
  }
  return 0;
}

/// Printable ASCII that means nothing in a quoted text.
bool is_plain_char(char c) noexcept {
  return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

/// Bytes that are looked at together: what every processor of today does in one step.
using Block [[gnu::vector_size(16)]] = unsigned char;

/// Not zero in each byte that is_plain_char() refuses.
Block wrong_in(const char* at) noexcept {
  Block bytes;
  std::memcpy(&bytes, at, sizeof bytes);
  return static_cast<Block>(bytes - 0x20 >= 0x5F) | static_cast<Block>(bytes == '"') |
         static_cast<Block>(bytes == '\\');
}

bool all_plain(Block wrong) noexcept {
  std::array<std::uint64_t, sizeof(Block) / sizeof(std::uint64_t)> words;
  std::memcpy(words.data(), &wrong, sizeof wrong);
  return (words[0] | words[1]) == 0;
}

}  // namespace

bool is_plain(std::string_view text) noexcept {
  if (text.size() < sizeof(Block)) {
    // Filled up with what is plain.
    std::array<char, sizeof(Block)> filled;
    filled.fill('.');
    put(filled.data(), text);
    return all_plain(wrong_in(filled.data()));
  }
  // The last block overlaps the one before it, where they do not come out even.
  const char* const last = text.data() + text.size() - sizeof(Block);
  Block wrong = wrong_in(last);
  for (const char* at = text.data(); at < last; at += sizeof(Block)) {
    wrong |= wrong_in(at);
  }
  return all_plain(wrong);
}

void append_text_escaped(std::string_view text, std::string& out) {
  text = text.substr(0, kMaxText);
  while (!text.empty()) {
    const auto* special = std::ranges::find_if_not(text, is_plain_char);
    const auto plain = static_cast<std::size_t>(special - text.begin());
    out.append(text.substr(0, plain));
    if (plain == text.size()) {
      return;
    }
    fmt::format_to(std::back_inserter(out), "\\x{:02X}", static_cast<unsigned char>(text[plain]));
    text.remove_prefix(plain + 1);
  }
}

void append_json_string(std::string_view text, std::string& out) {
  text = text.substr(0, kMaxText);
  out += '"';
  while (!text.empty()) {
    const auto* special = std::ranges::find_if_not(text, is_plain_char);
    const auto plain = static_cast<std::size_t>(special - text.begin());
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) {
      break;
    }
    const std::size_t length = utf8_length(text);
    const char c = text.front();
    if (length == 0) {
      out += "\\ufffd";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (length == 1) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

std::string to_utf8(std::string_view text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    out += length == 0 ? kReplacement : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

bool is_utf8_prefix(std::string_view text) noexcept {
  constexpr std::size_t kLongest = 4;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      // Less than a whole character, and it looks like the front of one.
      return text.size() < kLongest && static_cast<unsigned char>(text.front()) >= 0xC2 &&
             static_cast<unsigned char>(text.front()) <= 0xF4;
    }
    text.remove_prefix(length);
  }
  return true;
}

std::string_view without_query(std::string_view url) noexcept {
  url = url.substr(0, url.find('?'));
  return url.substr(0, url.find('#'));
}

std::string_view without_user(std::string_view authority) noexcept {
  // Not rfind(), which looks at one byte after the other.
  while (true) {
    const std::size_t at = authority.find('@');
    if (at == std::string_view::npos) {
      return authority;
    }
    authority.remove_prefix(at + 1);
  }
}

std::string without_secrets(std::string_view url) {
  std::string out(without_query(url));
  const std::size_t begin = out.find("//");
  if (begin == std::string::npos) {
    return out;
  }
  const std::size_t end = out.find('/', begin + 2);
  const std::size_t at = out.rfind('@', end);
  if (at != std::string::npos && at > begin) {
    out.erase(begin + 2, at - begin - 1);
  }
  return out;
}

}  // namespace whorl::telemetry
