/// The verb `doctor`.
#pragma once

#include "cli/cli.hpp"
#include "cli/help.hpp"

#include <span>
#include <string_view>

namespace whorl::cli {

/// Help and flags of `doctor`.
[[nodiscard]] const CommandHelp& doctor_help();
/// Runs `whorl doctor <arguments>` and returns the exit code: 0 whatever was found. Asks on a
/// terminal only. @thread the main thread
[[nodiscard]] int run_doctor(std::span<const std::string_view> arguments, AppRunner& runner);

}  // namespace whorl::cli
