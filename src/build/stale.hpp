/// Whether components were built after their sources were last changed. @thread any (blocks)
#pragma once

#include "build/build_info.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace whorl::build {

/// Files and folders that are looked at per component; beyond it nothing is said about it. Keeps a
/// start fast that only wants to warn.
inline constexpr std::size_t kMaxLookedAt = 2000;

/// Components whose wasm file is older than one of the files that their `watch` names, and which
/// have a command that would build it.
[[nodiscard]] std::vector<std::string> stale_components(const BuildInfo& info);

}  // namespace whorl::build
