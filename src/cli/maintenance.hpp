/// `whorl maintenance`: what packagers and editors need of the program, hidden from its help.
/// @thread main
#pragma once

#include <span>
#include <string_view>

namespace whorl::cli {

/// Prints the script that completes this program's commands in a shell.
/// @return the exit code: that of wrong usage for a shell that is not known
[[nodiscard]] int print_completions(std::string_view shell);

/// @return the exit code
[[nodiscard]] int run_maintenance(std::span<const std::string_view> arguments);

}  // namespace whorl::cli
