/// Names of application variables. @thread any
#pragma once

#include <string_view>

namespace whorl::host::variables {

/// Lower-case letters, digits and single `_` between them; begins with a letter.
[[nodiscard]] constexpr bool is_variable_name(std::string_view name) noexcept {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  if (name.empty() || !is_letter(name.front()) || name.back() == '_') {
    return false;
  }
  char before = ' ';
  for (const char c : name) {
    const bool is_word = is_letter(c) || (c >= '0' && c <= '9');
    if (!is_word && (c != '_' || before == '_')) {
      return false;
    }
    before = c;
  }
  return true;
}

}  // namespace whorl::host::variables
