#include "wasi/uri_parts.hpp"

#include <algorithm>

namespace whorl::wasi {
namespace {

constexpr bool is_alpha(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
constexpr bool is_one_of(char c, std::string_view set) noexcept {
  return set.find(c) != std::string_view::npos;
}
/// unreserved, sub-delims and "%"
constexpr bool is_name_char(char c) noexcept {
  return is_alpha(c) || is_digit(c) || is_one_of(c, "-._~!$&'()*+,;=%");
}

bool is_host(std::string_view host) noexcept {
  if (host.starts_with('[')) {
    return host.size() > 2 && host.ends_with(']') &&
           std::ranges::all_of(host.substr(1, host.size() - 2), [](char c) {
             return is_name_char(c) || c == ':';
           });
  }
  return !host.empty() && std::ranges::all_of(host, is_name_char);
}

}  // namespace

bool is_path_with_query(std::string_view text) noexcept {
  if (text.empty()) {
    return true;
  }
  if (text.front() != '/' && text.front() != '?') {
    return false;
  }
  // Beyond RFC 3986: what browsers and other hosts let through unescaped, and bytes above ASCII.
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f && !is_one_of(c, "#<>");
  });
}

bool is_path_reference(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f && !is_one_of(c, "#<>`");
  });
}

bool is_scheme(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 64 && is_alpha(text.front()) &&
         std::ranges::all_of(text, [](char c) {
           return is_alpha(c) || is_digit(c) || is_one_of(c, "+-.");
         });
}

bool is_authority(std::string_view text) noexcept {
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    const bool user_valid =
        std::ranges::all_of(text.substr(0, at), [](char c) { return is_name_char(c) || c == ':'; });
    if (!user_valid) {
      return false;
    }
    text.remove_prefix(at + 1);
  }
  const auto bracket = text.rfind(']');
  const auto colon = text.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    if (!std::ranges::all_of(text.substr(colon + 1), is_digit)) {
      return false;
    }
    text = text.substr(0, colon);
  }
  return is_host(text);
}

}  // namespace whorl::wasi
