/// Helpers of this room's tests.
#pragma once

#include "manifest/manifest.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::manifest {

inline const std::string kHead = "spin_manifest_version = 2\n[application]\nname = \"a\"\n";
inline const std::string kTrigger = "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"r\"\n";
inline const std::string kComponent = "[component.r]\nsource = \"x.wasm\"\n";

inline Manifest good(const std::string& text) {
  auto manifest = parse_manifest(text, "spin.toml");
  if (!manifest) {
    FAIL(manifest.error().message());
  }
  return *std::move(manifest);
}

inline Error bad(const std::string& text) {
  auto manifest = parse_manifest(text, "spin.toml");
  REQUIRE_FALSE(manifest);
  return manifest.take_error();
}

/// What normalising says: the chain on one line, or nothing.
inline std::string normalising(const std::string& text, std::string_view profile = {}) {
  Manifest manifest = good(text);
  auto done = normalise(manifest, profile);
  return done ? std::string() : done.error().to_line();
}

/// A rendered diagnostic in short: "<line>:<column> <characters underlined> <message>".
inline std::string shortened(const std::string& rendered) {
  std::vector<std::string> lines;
  std::string_view rest = rendered;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    lines.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (lines.size() < 5 || !lines[0].starts_with("TOML parse error at line ")) {
    return rendered;
  }
  const auto line_end = lines[0].find(',');
  std::string out = lines[0].substr(25, line_end - 25) + ":" + lines[0].substr(line_end + 9) + " ";
  out += std::to_string(std::ranges::count(lines[3], '^'));
  for (std::size_t i = 4; i < lines.size(); ++i) {
    out += (i == 4 ? " " : "|") + lines[i];
  }
  return out;
}

inline std::string complaint(const std::string& text) {
  return shortened(bad(text).message());
}

struct Row {
  std::string text;
  std::string expected;
};

}  // namespace whorl::manifest
