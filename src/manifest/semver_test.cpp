#include "manifest/semver.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::manifest {
namespace {

std::string outcome(std::string_view text) {
  auto version = parse_version(text);
  if (!version) {
    return version.error().message();
  }
  return std::to_string(version->major) + " " + std::to_string(version->minor) + " " +
         std::to_string(version->patch) + " " + version->pre + " " + version->build;
}

TEST_CASE("versions are read, and refused in the words of Rust's semver") {
  struct Row {
    std::string_view text;
    std::string_view expected;
  };
  const Row rows[] = {
      {"1.2.3", "1 2 3  "},
      {"0.0.0", "0 0 0  "},
      {"18446744073709551615.0.0", "18446744073709551615 0 0  "},
      {"1.0.0-rc.1-x+b.2", "1 0 0 rc.1-x b.2"},
      {"1.0.0+x", "1 0 0  x"},
      {"", "empty string, expected a semver version"},
      {"x", "unexpected character 'x' while parsing major version number"},
      {"\xC3\xA9", "unexpected character '\xC3\xA9' while parsing major version number"},
      {"1", "unexpected end of input while parsing major version number"},
      {"1/c", "unexpected character '/' after major version number"},
      {"1.0", "unexpected end of input while parsing minor version number"},
      {"1.0.", "unexpected end of input while parsing patch version number"},
      {"01.0.0", "invalid leading zero in major version number"},
      {"18446744073709551616.0.0", "value of major version number exceeds u64::MAX"},
      {"1.0.0 ", "unexpected character ' ' after patch version number"},
      {"1.0.0-", "empty identifier segment in pre-release identifier"},
      {"1.0.0-a..b", "empty identifier segment in pre-release identifier"},
      {"1.0.0+", "empty identifier segment in build metadata"},
      {"1.0.0-a@", "unexpected character '@' after pre-release identifier"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(outcome(row.text) == row.expected);
  }
}

TEST_CASE("which versions stand for each other") {
  const auto compatible = [](std::string_view a, std::string_view b) {
    return are_compatible(*parse_version(a), *parse_version(b));
  };
  CHECK(compatible("1.0.0", "1.9.9"));
  CHECK_FALSE(compatible("1.0.0", "2.0.0"));
  CHECK(compatible("0.1.0", "0.1.9"));
  CHECK_FALSE(compatible("0.1.0", "0.2.0"));
  CHECK_FALSE(compatible("0.1.0", "1.1.0"));
  CHECK(compatible("0.0.1", "0.0.1"));
  CHECK_FALSE(compatible("0.0.1", "0.0.2"));
}

}  // namespace
}  // namespace whorl::manifest
