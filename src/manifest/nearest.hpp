/// Guessing what a misspelled word was meant to be. @thread any
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace whorl::manifest {

/// Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other.
/// Words longer than 64 bytes count as completely different.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate that is near enough to be suggested: at most a third of the longer word
/// differs.
[[nodiscard]] std::optional<std::string_view> nearest(
    std::string_view word, std::span<const std::string_view> candidates
);

}  // namespace whorl::manifest
