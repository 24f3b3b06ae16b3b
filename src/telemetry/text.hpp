/// Others' bytes in the lines of logs: nothing a client sends can end a line, a string or a field.
/// @thread any
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace whorl::telemetry {

/// Bytes of one text of others in a line; the rest is left out.
inline constexpr std::size_t kMaxText = 2048;

/// Whether all of it is printable ASCII that means nothing in a quoted text: what neither of the
/// two below changes.
[[nodiscard]] bool is_plain(std::string_view text) noexcept;
/// Appends printable ASCII as it is; quotes, backslashes and all other bytes as `\xHH`.
void append_text_escaped(std::string_view text, std::string& out);
/// Appends a JSON string with its quotes; what is not UTF-8 becomes U+FFFD. @spec RFC 8259 §7
void append_json_string(std::string_view text, std::string& out);
/// The text, with U+FFFD in place of each byte that is not part of UTF-8. Not cut.
[[nodiscard]] std::string to_utf8(std::string_view text);
/// Whether a text is UTF-8, but for a character at its end that is not whole.
[[nodiscard]] bool is_utf8_prefix(std::string_view text) noexcept;
/// A URL or path without its query and fragment, which may hold secrets.
[[nodiscard]] std::string_view without_query(std::string_view url) noexcept;
/// An authority without the user information in front of its host.
[[nodiscard]] std::string_view without_user(std::string_view authority) noexcept;
/// A URL without query, fragment and user information.
[[nodiscard]] std::string without_secrets(std::string_view url);

}  // namespace whorl::telemetry
