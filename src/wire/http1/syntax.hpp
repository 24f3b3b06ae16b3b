/// Characters and field lines of HTTP/1.1, shared by requests, responses and trailers.
///
/// @spec RFC 9110 §5, RFC 9112 §5. @thread any
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace whorl::wire::http1 {

/// A field line as it stands in a buffer; the value is without the blanks around it.
struct FieldView {
  std::string_view name;
  std::string_view value;
};

/// ASCII letters made small; other bytes as they are.
[[nodiscard]] constexpr char to_lower(char c) noexcept {
  // Without a branch, so that loops over texts become vector code.
  const auto byte = static_cast<unsigned char>(c);
  return static_cast<char>(byte | (static_cast<unsigned>(byte - 'A' < 26U) << 5U));
}
/// Compares with a text that is in lower case already.
[[nodiscard]] bool equals_lower(std::string_view text, std::string_view lower) noexcept;
/// RFC 9110 §5.6.2: one byte of a token.
[[nodiscard]] bool is_token_byte(char c) noexcept;
/// How many bytes at the front belong to a registered name (RFC 3986 §3.2.2) without escapes.
[[nodiscard]] std::size_t reg_name_length(std::string_view text) noexcept;
/// How many bytes at the front belong to a token.
[[nodiscard]] std::size_t token_length(std::string_view text) noexcept;
/// RFC 9110 §5.6.2: a non-empty token.
[[nodiscard]] bool is_token(std::string_view text) noexcept;
/// RFC 9110 §5.5: no control byte but HTAB.
[[nodiscard]] bool is_field_content(std::string_view text) noexcept;
/// Without blanks and tabs at both ends.
[[nodiscard]] std::string_view trim_blanks(std::string_view text) noexcept;

/// Reads `name ":" OWS value OWS`, given without its line end.
/// @return nothing for a folded line, a blank before the colon, no colon, or a byte not allowed
[[nodiscard]] std::optional<FieldView> parse_field_line(std::string_view line) noexcept;

/// Calls `f` with each non-empty element of a comma-separated list (RFC 9110 §5.6.1); quoted
/// strings are not understood, which suits the lists of tokens it is for.
template <class F>
void for_each_element(std::string_view list, F&& f) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view element = trim_blanks(list.substr(0, comma));
    if (!element.empty()) {
      f(element);
    }
    if (comma == std::string_view::npos) {
      return;
    }
    list.remove_prefix(comma + 1);
  }
}

}  // namespace whorl::wire::http1
