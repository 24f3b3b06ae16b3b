/// The verb `build`.
#pragma once

#include "cli/cli.hpp"
#include "cli/help.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::cli {

/// Help and flags of `build`.
[[nodiscard]] const CommandHelp& build_help();
/// Runs `whorl build <arguments>` and returns the exit code. @thread the main thread
[[nodiscard]] int run_build(std::span<const std::string_view> arguments, AppRunner& runner);

/// What is to be built.
struct BuildRequest {
  std::string manifest_path{};
  std::string profile{};                  ///< empty: the anonymous one
  std::vector<std::string> components{};  ///< empty: all
  unsigned jobs = 1;
  bool skip_target_checks = false;  ///< does not look at targets
  bool skip_generate_wits = false;  ///< writes no WIT of dependencies
};

/// Builds, printing what is done, and checks what was built against the manifest's targets.
/// @return errors: those of reading the manifest; the first command that failed; a target that does
///         not fit or cannot be found
[[nodiscard]] Result<void> build_app(const BuildRequest& request);

/// What build_app() does after the commands: warns of what is wrong elsewhere in the manifest, and
/// checks the targets.
[[nodiscard]] Result<void> check_built(const BuildRequest& request);

}  // namespace whorl::cli
