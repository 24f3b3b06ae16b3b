/// The verb `up`.
#pragma once

#include "cli/cli.hpp"

#include <span>
#include <string_view>

namespace whorl::cli {

inline constexpr std::string_view kUpAbout = "Start the Spin application";

/// Runs `whorl up <arguments>` and returns the exit code. @thread the main thread
[[nodiscard]] int run_up(std::span<const std::string_view> arguments, AppRunner& runner);

}  // namespace whorl::cli
