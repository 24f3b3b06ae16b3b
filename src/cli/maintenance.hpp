/// `whorl maintenance`: what packagers and editors need of the program, hidden from its help.
/// @thread main
#pragma once

#include <span>
#include <string_view>

namespace whorl::cli {

/// @return the exit code
[[nodiscard]] int run_maintenance(std::span<const std::string_view> arguments);

}  // namespace whorl::cli
