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

/// `whorl --help`. @param width  columns
[[nodiscard]] std::string program_help(std::span<const VerbHelp> verbs, unsigned width);
/// `whorl up --help`: `up`'s own flags beside their descriptions, the others above theirs.
[[nodiscard]] std::string up_help(std::string_view about, unsigned width);

/// Text broken into lines of at most `width` columns (a longer word stands alone). Each line after
/// the first begins with `indent` blanks, which count.
[[nodiscard]] std::string wrap(std::string_view text, unsigned width, unsigned indent);

}  // namespace whorl::cli
