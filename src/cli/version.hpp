/// Which build this is.
#pragma once

#include <string_view>

namespace whorl::cli {

/// "0.1.0 (1a2b3c4 2026-08-21)": version, commit and its date; "0.1.0" alone when the sources were
/// configured without git.
[[nodiscard]] std::string_view version_text() noexcept;

}  // namespace whorl::cli
