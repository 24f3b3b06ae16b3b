/// What `build` looks at in a manifest, checked by itself: a manifest that is wrong elsewhere can
/// still be built, one that is wrong here can not. @thread any
#pragma once

#include "base/result.hpp"

#include <string_view>

namespace whorl::manifest {

/// Sees that the version is one, and that sources, builds and dependencies of the components in
/// `[component]` have their forms. Nothing is required but what these require themselves.
/// @return errors: InvalidInput, in parse_manifest()'s words
[[nodiscard]] Result<void> check_build_parts(std::string_view text, std::string_view file_name);

}  // namespace whorl::manifest
