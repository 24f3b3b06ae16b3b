#include "wire/http1/syntax.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace whorl::wire::http1 {
namespace {

enum ByteClass : std::uint8_t { kToken = 1, kContent = 2, kRegName = 4 };

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (alnum) {
      classes[c] |= kToken | kRegName;
    }
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) {
      classes[c] |= kContent;
    }
  }
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) {
    classes[static_cast<unsigned char>(c)] |= kToken;
  }
  for (const char c : std::string_view("-._~!$&'()*+,;=")) {
    classes[static_cast<unsigned char>(c)] |= kRegName;
  }
  return classes;
}

constexpr std::array<std::uint8_t, 256> kClasses = make_classes();

bool is_of_class(char c, ByteClass wanted) noexcept {
  return (kClasses[static_cast<unsigned char>(c)] & wanted) != 0;
}

bool all_of_class(std::string_view text, ByteClass wanted) noexcept {
  return std::all_of(text.begin(), text.end(), [wanted](char c) { return is_of_class(c, wanted); });
}

constexpr std::uint64_t every_byte(std::uint8_t byte) noexcept {
  return 0x0101010101010101ULL * byte;
}

/// False only if none of eight bytes is a control byte; HTAB and bytes next to control bytes may
/// give a false alarm, which is_field_content() then looks at.
bool may_have_controls(std::uint64_t eight) noexcept {
  const std::uint64_t below_space = eight - every_byte(0x20);
  const std::uint64_t deleted = (eight ^ every_byte(0x7f)) - every_byte(1);
  return ((below_space | deleted) & ~eight & every_byte(0x80)) != 0;
}

constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

}  // namespace

bool equals_lower(std::string_view text, std::string_view lower) noexcept {
  return text.size() == lower.size() &&
         std::equal(text.begin(), text.end(), lower.begin(), [](char a, char b) {
           return to_lower(a) == b;
         });
}

bool is_token_byte(char c) noexcept {
  return is_of_class(c, kToken);
}

std::size_t reg_name_length(std::string_view text) noexcept {
  std::size_t length = 0;
  while (length < text.size() && is_of_class(text[length], kRegName)) {
    ++length;
  }
  return length;
}

std::size_t token_length(std::string_view text) noexcept {
  std::size_t length = 0;
  while (length < text.size() && is_of_class(text[length], kToken)) {
    ++length;
  }
  return length;
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && all_of_class(text, kToken);
}

bool is_field_content(std::string_view text) noexcept {
  while (text.size() >= sizeof(std::uint64_t)) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, text.data(), sizeof(eight));
    if (may_have_controls(eight) && !all_of_class(text.substr(0, sizeof(eight)), kContent)) {
      return false;
    }
    text.remove_prefix(sizeof(eight));
  }
  return all_of_class(text, kContent);
}

std::string_view trim_blanks(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_blank(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

std::optional<FieldView> parse_field_line(std::string_view line) noexcept {
  const std::size_t colon = token_length(line);
  if (colon == 0 || colon == line.size() || line[colon] != ':') {
    return std::nullopt;
  }
  const FieldView field{line.substr(0, colon), trim_blanks(line.substr(colon + 1))};
  if (!is_field_content(field.value)) {
    return std::nullopt;
  }
  return field;
}

}  // namespace whorl::wire::http1
