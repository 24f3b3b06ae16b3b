/// What a manifest says about building, read on its own: a manifest that is wrong elsewhere can
/// still be built. @thread any (blocks: reads files)
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::build {

/// One component: how it is built, and what that depends on. Paths are as written.
struct ComponentBuild {
  std::string id{};
  std::vector<std::string> commands{};  ///< steps, in order; empty: nothing to build
  bool is_list = false;                 ///< written as a list
  std::string workdir{};                ///< relative to the manifest; empty: its folder
  std::vector<std::string> watch{};     ///< globs, relative to `workdir`
  std::string source{};                 ///< local path of the wasm file; empty: from elsewhere
  /// Files and folders given to the guest: globs or paths, relative to the manifest.
  std::vector<std::string> files{};
  std::vector<std::string> needs{};  ///< ids of components whose source this one is composed with
  [[nodiscard]] bool operator==(const ComponentBuild&) const = default;
};

struct BuildInfo {
  std::string manifest_path{};               ///< as given
  std::vector<ComponentBuild> components{};  ///< in alphabetical order of their ids
  std::set<std::string> profiles{};          ///< that some component defines

  /// Folder of the manifest, as messages show it: "." for the current one.
  [[nodiscard]] std::string folder() const;
  /// Folder that a component's commands run in, and its watch globs start from.
  [[nodiscard]] std::string directory_of(const ComponentBuild& component) const;
};

/// Reads the build sections, and sees that what building looks at is as it should be.
/// @param profile  whose overrides count; empty: none
/// @return errors: `Cannot read manifest file from "…"` with the reason; InvalidInput for an
///         unknown profile
[[nodiscard]] Result<BuildInfo> read_build_info(
    const std::string& manifest_path, std::string_view profile
);
/// The same from a text, for tests and for who has it already; what is wrong counts as left out.
[[nodiscard]] Result<BuildInfo> parse_build_info(
    std::string_view text, const std::string& manifest_path, std::string_view profile
);

/// Components with commands in the order they are to be built: alphabetical, but after those they
/// need; alphabetical alone when that goes in circles.
/// @param ids  only these, in this order instead of the alphabet's; empty: all
/// @return errors: NotFound, naming the ids that are none; InvalidInput (a workdir that is
/// absolute)
[[nodiscard]] Result<std::vector<ComponentBuild>> order_builds(
    const BuildInfo& info, std::span<const std::string> ids
);

/// The profile built last, which `up` compares with the one it runs. Empty for the anonymous one;
/// the file exists only once some profile was used.
/// @param app_folder  of the manifest
[[nodiscard]] std::string read_last_profile(const std::string& app_folder);
/// A failure is the caller's to ignore: the file only serves a warning.
[[nodiscard]] Result<void> write_last_profile(
    const std::string& app_folder, std::string_view profile
);

}  // namespace whorl::build
