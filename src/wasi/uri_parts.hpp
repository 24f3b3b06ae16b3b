/// Syntax checks for the parts of a request's target that guests hand in.
///
/// @spec RFC 3986 §3. @thread any
#pragma once

#include <string_view>

namespace whorl::wasi {

/// Empty, or a path that begins with "/" and an optional query, or a query alone ("?a=b"). An
/// absolute URI is refused: in a request line it would name another host.
[[nodiscard]] bool is_path_with_query(std::string_view text) noexcept;
/// The same of 0.3: relative paths too, which are sent as if they began with "/".
[[nodiscard]] bool is_path_reference(std::string_view text) noexcept;
/// RFC 3986 §3.1, at most 64 bytes.
[[nodiscard]] bool is_scheme(std::string_view text) noexcept;
/// `[userinfo@]host[:port]`, host being a name, an IPv4 address or an address in brackets.
[[nodiscard]] bool is_authority(std::string_view text) noexcept;

}  // namespace whorl::wasi
