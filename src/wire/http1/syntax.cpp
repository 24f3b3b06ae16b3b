#include "wire/http1/syntax.hpp"

#include <algorithm>
#include <array>

namespace whorl::wire::http1 {
namespace {

enum ByteClass : std::uint8_t { kToken = 1, kContent = 2 };

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (alnum) {
      classes[c] |= kToken;
    }
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) {
      classes[c] |= kContent;
    }
  }
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) {
    classes[static_cast<unsigned char>(c)] |= kToken;
  }
  return classes;
}

constexpr std::array<std::uint8_t, 256> kClasses = make_classes();

bool all_of_class(std::string_view text, ByteClass wanted) noexcept {
  return std::all_of(text.begin(), text.end(), [wanted](char c) {
    return (kClasses[static_cast<unsigned char>(c)] & wanted) != 0;
  });
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
  return (kClasses[static_cast<unsigned char>(c)] & kToken) != 0;
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && all_of_class(text, kToken);
}

bool is_field_content(std::string_view text) noexcept {
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
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  const FieldView field{line.substr(0, colon), trim_blanks(line.substr(colon + 1))};
  if (!is_token(field.name) || !is_field_content(field.value)) {
    return std::nullopt;
  }
  return field;
}

}  // namespace whorl::wire::http1
