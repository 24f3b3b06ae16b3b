/// UTF-8 validation for text that crosses the canonical ABI: the hot path of every string.
///
/// @thread any. @spec Unicode 15, table 3-7 "Well-Formed UTF-8 Byte Sequences"
#pragma once

#include <string_view>

namespace whorl::component {

/// True if every byte belongs to a well-formed sequence: no overlong forms, no surrogates, nothing
/// beyond U+10FFFF. ASCII is taken sixteen bytes at a time.
[[nodiscard]] bool is_valid_utf8(std::string_view text) noexcept;

}  // namespace whorl::component
