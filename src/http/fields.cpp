#include "http/fields.hpp"

#include "wire/http1/syntax.hpp"

#include <algorithm>

namespace whorl::http {
namespace {

constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return wire::http1::to_lower(x) == wire::http1::to_lower(y);
         });
}

bool is_token(std::string_view text) noexcept {
  return wire::http1::is_token(text);
}

bool is_field_value(std::string_view text) noexcept {
  if (text.empty()) {
    return true;
  }
  return !is_blank(text.front()) && !is_blank(text.back()) && wire::http1::is_field_content(text);
}

std::optional<std::string_view> Fields::find(std::string_view name) const noexcept {
  for (const Field& field : lines_) {
    if (equals_ignoring_case(field.name, name)) {
      return field.value;
    }
  }
  return std::nullopt;
}

std::size_t Fields::remove(std::string_view name) {
  return std::erase_if(lines_, [name](const Field& field) {
    return equals_ignoring_case(field.name, name);
  });
}

std::size_t Fields::total_bytes() const noexcept {
  std::size_t sum = 0;
  for (const Field& field : lines_) {
    sum += field.name.size() + field.value.size();
  }
  return sum;
}

}  // namespace whorl::http
