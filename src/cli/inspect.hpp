/// `whorl inspect`: what a component or core module is made of, and whether it would run here.
/// @thread main
#pragma once

#include "cli/cli.hpp"
#include "component/inspect.hpp"

#include <span>
#include <string>
#include <string_view>

namespace whorl::cli {

inline constexpr std::string_view kInspectAbout =
    "Show what a component is made of, and whether it would run";

/// @return the exit code: 0 when the file could be inspected, whether it would run or not
[[nodiscard]] int run_inspect(std::span<const std::string_view> arguments, AppRunner& runner);
[[nodiscard]] std::string inspect_help();

/// What was found, for people. @param file  as it was given
[[nodiscard]] std::string inspection_text(
    std::string_view file, const component::Inspection& found
);
/// The same for programs: one JSON object and a line end.
[[nodiscard]] std::string inspection_json(
    std::string_view file, const component::Inspection& found
);

}  // namespace whorl::cli
