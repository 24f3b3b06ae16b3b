/// The verb `watch`.
#pragma once

#include "cli/cli.hpp"
#include "cli/help.hpp"

#include <span>
#include <string_view>

namespace whorl::cli {

/// Help and flags of `watch`.
[[nodiscard]] const CommandHelp& watch_help();
/// Runs `whorl watch <arguments>` and returns the exit code. @thread the main thread
[[nodiscard]] int run_watch(std::span<const std::string_view> arguments, AppRunner& runner);

}  // namespace whorl::cli
