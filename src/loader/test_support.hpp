/// Helpers of this room's tests.
#pragma once

#include "fs/file.hpp"
#include "fs/test_folder.hpp"
#include "loader/loader.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::loader {

/// A folder of its own that goes away with it.
class TestFolder : public fs::test::TestFolder {
 public:
  void link(std::string_view name, std::string_view to) const {
    std::filesystem::create_symlink(to, path(name));
  }
  [[nodiscard]] std::string read(std::string_view name) const {
    auto bytes = fs::read_file(path(name), 1'000'000);
    return bytes ? std::string(as_text(*bytes)) : bytes.error().message();
  }
  [[nodiscard]] const std::string& root() const { return path(); }

  /// Files and empty folders below a folder, sorted, with a blank between; folders end in a slash.
  [[nodiscard]] std::string tree(std::string_view name) const {
    std::vector<std::string> found;
    const std::filesystem::path top = path(name);
    if (std::filesystem::is_directory(top)) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(top)) {
        const std::string below = entry.path().lexically_relative(top).string();
        if (!entry.is_directory()) {
          found.push_back(below);
        } else if (std::filesystem::is_empty(entry.path())) {
          found.push_back(below + "/");
        }
      }
    }
    std::ranges::sort(found);
    std::string out;
    for (const std::string& text : found) {
      out += (out.empty() ? "" : " ") + text;
    }
    return out;
  }
};

/// A folder with a manifest in it.
class AppFolder : public TestFolder {
 public:
  explicit AppFolder(std::string_view manifest) { write("spin.toml", manifest); }
};

inline const std::string kHead = "spin_manifest_version = 2\n[application]\nname = \"a\"\n";
inline const std::string kTrigger = "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"r\"\n";

inline std::shared_ptr<const app::LockedApp> good(
    const TestFolder& folder, const LoadOptions& options = {}
) {
  auto app = load_manifest(folder.path("spin.toml"), options);
  if (!app) {
    FAIL(app.error().to_line());
  }
  return *std::move(app);
}

/// The messages from the outermost inwards; the folder's path is left out.
inline std::vector<std::string> chain(const Error& error, const TestFolder& folder) {
  std::vector<std::string> out(error.contexts().rbegin(), error.contexts().rend());
  out.push_back(error.message());
  for (std::string& text : out) {
    const std::string path = folder.path("");
    for (auto at = text.find(path); at != std::string::npos; at = text.find(path)) {
      text.erase(at, path.size());
    }
  }
  return out;
}

inline std::vector<std::string> failure(const std::string& manifest, LoadOptions options = {}) {
  const AppFolder folder(manifest);
  auto app = load_manifest(folder.path("spin.toml"), options);
  REQUIRE_FALSE(app);
  return chain(app.error(), folder);
}

/// The same for lines of the component `r`, without what stands before every one of them.
inline std::vector<std::string> component_failure(
    const std::string& lines, const LoadOptions& options = {}
) {
  auto out = failure(kHead + kTrigger + "[component.r]\n" + lines, options);
  REQUIRE(out.size() >= 4);
  CHECK(out[0] == "Failed to load application");
  CHECK(out[1].starts_with("Failed to load manifest from \""));
  CHECK(out[2].starts_with("Failed to load Spin app from \""));
  CHECK(out[3] == "Failed to load component `r`");
  return std::vector<std::string>(out.begin() + 4, out.end());
}

}  // namespace whorl::loader
