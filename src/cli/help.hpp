/// The texts of `--help`, laid out as Spin's are: descriptions wrapped to the terminal's width.
/// @thread any
#pragma once

#include "cli/arguments.hpp"

#include <span>
#include <string>
#include <string_view>

namespace whorl::cli {

/// One verb, as the overview lists it.
struct VerbHelp {
  std::string_view name;
  std::string_view about;
};

/// One positional argument.
struct ArgumentHelp {
  std::string_view name;  ///< as usage lines show it
  std::string_view help;
};

/// A command and what can be said to it. Everything lives as long as the program.
struct CommandHelp {
  std::string_view name;
  std::string_view alias;  ///< empty: none
  std::string_view about;
  std::string_view usage;  ///< the words after "Usage: "
  std::span<const ArgumentHelp> arguments;
  std::span<const FlagSpec> flags;
};

/// `whorl <command> --help`, all in two columns.
[[nodiscard]] std::string command_help(const CommandHelp& command, unsigned width);

/// `whorl --help`. @param width  columns
[[nodiscard]] std::string program_help(std::span<const VerbHelp> verbs, unsigned width);
/// `whorl up --help`: `up`'s own flags beside their descriptions, the others above theirs.
[[nodiscard]] std::string up_help(std::string_view about, unsigned width);
/// Its two parts: `up`'s own, which ends before the title of the other, and the flags of triggers.
[[nodiscard]] std::string up_own_help(std::string_view about, unsigned width);
/// @param type  of the trigger: "http" has flags of its own, every other only what all have
[[nodiscard]] std::string trigger_help(unsigned width, std::string_view type = "http");

/// Text broken into lines of at most `width` columns (a longer word stands alone). Each line after
/// the first begins with `indent` blanks, which count.
[[nodiscard]] std::string wrap(std::string_view text, unsigned width, unsigned indent);

}  // namespace whorl::cli
