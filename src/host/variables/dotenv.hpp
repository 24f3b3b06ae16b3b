/// Files of environment variables (`.env`), as the tools that people have them for read them.
///
/// `NAME=value` a line, optionally after `export`; `#` begins a comment at the start of a line or
/// after a blank; 'single quotes' keep everything, "double quotes" know \n \" \\ \$ and may span
/// lines; `$NAME` and `${NAME}` stand for a variable of the process, or else one of the file.
/// @thread any
#pragma once

#include "base/result.hpp"

#include <map>
#include <string>
#include <string_view>

namespace whorl::host::variables {

/// Names and values; of a name given twice the last counts.
using DotenvEntries = std::map<std::string, std::string, std::less<>>;

/// The longest file that is read, bytes.
inline constexpr std::size_t kMaxDotenvBytes = 1024 * 1024;

/// @return errors: InvalidInput, with number and index of the line, never a part of it
[[nodiscard]] Result<DotenvEntries> parse_dotenv(std::string_view text);

}  // namespace whorl::host::variables
