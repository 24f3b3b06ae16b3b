#include "app/file_url.hpp"

#include <fmt/format.h>

namespace whorl::app {
namespace {

constexpr std::string_view kScheme = "file://";

/// Stays as it is in the path of a URL.
bool is_plain(unsigned char c) {
  constexpr std::string_view kEncoded = " \"#<>?`{}%\\|^";
  return c > 0x20 && c < 0x7F && !kEncoded.contains(static_cast<char>(c));
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::string to_file_url(std::string_view path) {
  std::string out(kScheme);
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain(byte)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

std::optional<std::string> from_file_url(std::string_view url) {
  constexpr std::string_view kLocalHost = "localhost/";
  if (!url.starts_with(kScheme)) {
    return std::nullopt;
  }
  url.remove_prefix(kScheme.size());
  if (url.starts_with(kLocalHost)) {
    url.remove_prefix(kLocalHost.size() - 1);
  }
  if (!url.starts_with('/')) {
    return std::nullopt;
  }
  std::string out;
  for (std::size_t i = 0; i < url.size(); ++i) {
    char c = url[i];
    if (c == '%' && i + 2 < url.size() && hex_digit(url[i + 1]) >= 0 &&
        hex_digit(url[i + 2]) >= 0) {
      c = static_cast<char>(hex_digit(url[i + 1]) * 16 + hex_digit(url[i + 2]));
      i += 2;
    }
    if (c == '\0') {
      return std::nullopt;
    }
    out += c;
  }
  return out;
}

}  // namespace whorl::app
