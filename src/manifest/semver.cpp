#include "manifest/semver.hpp"

#include <algorithm>
#include <limits>

namespace whorl::manifest {
namespace {

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

Result<std::uint64_t> take_number(std::string_view& text, std::string_view position) {
  if (text.empty()) {
    return fail(ErrorKind::InvalidInput, "unexpected end of input while parsing {}", position);
  }
  if (!is_digit(text[0])) {
    return fail(
        ErrorKind::InvalidInput,
        "unexpected character '{}' while parsing {}",
        first_character(text),
        position
    );
  }
  if (text[0] == '0' && text.size() > 1 && is_digit(text[1])) {
    return fail(ErrorKind::InvalidInput, "invalid leading zero in {}", position);
  }
  std::uint64_t number = 0;
  while (!text.empty() && is_digit(text[0])) {
    const auto digit = static_cast<std::uint64_t>(text[0] - '0');
    if (number > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) {
      return fail(ErrorKind::InvalidInput, "value of {} exceeds u64::MAX", position);
    }
    number = number * 10 + digit;
    text.remove_prefix(1);
  }
  return number;
}

Result<void> take_dot(std::string_view& text, std::string_view position) {
  if (text.empty()) {
    return fail(ErrorKind::InvalidInput, "unexpected end of input while parsing {}", position);
  }
  if (text[0] != '.') {
    return fail(
        ErrorKind::InvalidInput,
        "unexpected character '{}' after {}",
        first_character(text),
        position
    );
  }
  text.remove_prefix(1);
  return {};
}

/// Dot-separated words after `-` or `+`.
Result<std::string> take_identifier(std::string_view& text, std::string_view what) {
  const auto is_part = [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.';
  };
  const auto end = std::ranges::find_if_not(text, is_part);
  const std::string_view taken = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(taken.size());
  if (taken.empty() || taken.starts_with('.') || taken.ends_with('.') || taken.contains("..")) {
    return fail(ErrorKind::InvalidInput, "empty identifier segment in {}", what);
  }
  return std::string(taken);
}

}  // namespace

Result<Version> parse_version(std::string_view text) {
  constexpr std::string_view kMajor = "major version number";
  constexpr std::string_view kMinor = "minor version number";
  constexpr std::string_view kPatch = "patch version number";
  if (text.empty()) {
    return fail(ErrorKind::InvalidInput, "empty string, expected a semver version");
  }
  Version out;
  std::string_view last = kPatch;
  WHORL_TRY(out.major, take_number(text, kMajor));
  WHORL_CHECKED(take_dot(text, kMajor));
  WHORL_TRY(out.minor, take_number(text, kMinor));
  WHORL_CHECKED(take_dot(text, kMinor));
  WHORL_TRY(out.patch, take_number(text, kPatch));
  if (text.starts_with('-')) {
    text.remove_prefix(1);
    last = "pre-release identifier";
    WHORL_TRY(out.pre, take_identifier(text, last));
  }
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    last = "build metadata";
    WHORL_TRY(out.build, take_identifier(text, last));
  }
  if (!text.empty()) {
    return fail(
        ErrorKind::InvalidInput, "unexpected character '{}' after {}", first_character(text), last
    );
  }
  return out;
}

bool are_compatible(const Version& a, const Version& b) noexcept {
  if (a.major != 0 || b.major != 0) {
    return a.major == b.major;
  }
  if (a.minor != 0 || b.minor != 0) {
    return a.minor == b.minor;
  }
  return a.patch == b.patch;
}

}  // namespace whorl::manifest
