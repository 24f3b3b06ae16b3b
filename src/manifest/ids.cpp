#include "manifest/ids.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace whorl::manifest {
namespace {

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The first character, which may be several bytes.
std::string_view first_character(std::string_view text) {
  std::size_t size = 1;
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) {
    ++size;
  }
  return text.substr(0, size);
}

std::optional<std::string> why_no_word(std::string_view word, char separator) {
  if (word.empty()) {
    return fmt::format("'{}'-separated words must not be empty", separator);
  }
  if (!is_lower(word[0]) && !is_upper(word[0])) {
    return fmt::format(
        "'{}'-separated words must start with an ASCII letter; got '{}'",
        separator,
        first_character(word)
    );
  }
  const auto odd = std::ranges::find_if(word, [](char c) {
    return !is_lower(c) && !is_upper(c) && !is_digit(c);
  });
  if (odd != word.end()) {
    return fmt::format(
        "'{}'-separated words may only contain alphanumeric ASCII; got '{}'",
        separator,
        first_character(word.substr(static_cast<std::size_t>(odd - word.begin())))
    );
  }
  if (std::ranges::any_of(word, is_lower) && std::ranges::any_of(word, is_upper)) {
    return fmt::format(
        "'{}'-separated words must be all lowercase or all UPPERCASE; got \"{}\"", separator, word
    );
  }
  return std::nullopt;
}

std::optional<std::string> why_no_id(std::string_view text, char separator, char other) {
  if (text.empty()) {
    return "empty";
  }
  if (text.contains(other)) {
    return fmt::format("words must be separated with '{}', not '{}'", separator, other);
  }
  while (true) {
    const auto end = text.find(separator);
    if (auto why = why_no_word(text.substr(0, end), separator)) {
      return why;
    }
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::optional<std::string> why_no_component_id(std::string_view text) {
  return why_no_id(text, '-', '_');
}

std::optional<std::string> why_no_variable_name(std::string_view text) {
  auto why = why_no_id(text, '_', '-');
  if (!why && std::ranges::any_of(text, is_upper)) {
    why = fmt::format("Lower-case identifiers must be all lowercase; got \"{}\"", text);
  }
  return why;
}

bool is_label(std::string_view text) {
  return !why_no_id(text, '-', '_') || !why_no_id(text, '_', '-');
}

}  // namespace whorl::manifest
