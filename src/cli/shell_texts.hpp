/// Texts made from the table of commands and flags: completions for shells, the manual
/// page, the reference.
/// @thread any (pure functions)
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace whorl::cli {

/// A script that teaches a shell the commands and flags.
/// @param shell  "bash", "zsh" or "fish"
/// @return nothing for another one
[[nodiscard]] std::optional<std::string> completions_for(std::string_view shell);

/// whorl(1), in the macros that `man` reads.
[[nodiscard]] std::string manual_page();

/// All commands and flags as Markdown.
[[nodiscard]] std::string reference_text();

}  // namespace whorl::cli
