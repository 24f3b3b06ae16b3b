/// What is wrong with a text that is no TOML, said as Spin's parser says it: form and place are
/// what scripts and people know.
///
/// Private to this room. @thread any (pure functions)
#pragma once

#include "manifest/document.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace whorl::manifest {

/// A line of a text without its end; empty when there is none of that number.
[[nodiscard]] std::string_view line_of(std::string_view text, std::uint32_t number);

/// @param description  the library's words: "Error while parsing <what>: <why>"
/// @param span         where the library saw it
/// @return Spin's words and place for the common mistakes, with the library's as advice; the
///         library's words for the others
[[nodiscard]] Diagnostic syntax_error(
    std::string_view description, const Span& span, std::string_view text
);

}  // namespace whorl::manifest
