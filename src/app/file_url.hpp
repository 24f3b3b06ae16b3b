/// Paths as `file://` URLs, which is how lock files name what is on this machine.
///
/// @spec RFC 8089; the percent-encoding of the WHATWG URL standard (path percent-encode set)
/// @thread any (pure functions)
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace whorl::app {

/// @param path  absolute
[[nodiscard]] std::string to_file_url(std::string_view path);

/// The path of a `file://` URL of this machine; nothing for any other URL, for one with a host, and
/// for a path that holds a NUL.
[[nodiscard]] std::optional<std::string> from_file_url(std::string_view url);

}  // namespace whorl::app
