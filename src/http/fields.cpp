#include "http/fields.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace whorl::http {
namespace {

constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (unsigned c = 'a'; c <= 'z'; ++c) {
    table[c] = true;
    table[c - 'a' + 'A'] = true;
  }
  for (unsigned c = '0'; c <= '9'; ++c) {
    table[c] = true;
  }
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}

constexpr std::array<bool, 256> kToken = make_token_table();

constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

constexpr bool is_value_byte(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return to_lower(x) == to_lower(y);
         });
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return kToken[static_cast<unsigned char>(c)];
  });
}

bool is_field_value(std::string_view text) noexcept {
  if (text.empty()) {
    return true;
  }
  return !is_blank(text.front()) && !is_blank(text.back()) &&
         std::all_of(text.begin(), text.end(), is_value_byte);
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
