/// `whorl trigger http`: runs the triggers of one type of an application that somebody else locked,
/// under Spin's contract for triggers in processes of their own. @thread the main thread
#pragma once

#include "cli/arguments.hpp"
#include "cli/cli.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace whorl::cli {

[[nodiscard]] int run_trigger(std::span<const std::string_view> arguments, AppRunner& runner);

/// Answers flags that only ask something: about flags.
/// @return the exit code; nothing when none was used
[[nodiscard]] std::optional<int> answer_about_flags(const ScannedArguments& arguments);
/// The same, about the application: `--precompose-only`.
[[nodiscard]] std::optional<Result<int>> answer_about_app(
    const ScannedArguments& arguments, const app::LockedApp& app
);

}  // namespace whorl::cli
