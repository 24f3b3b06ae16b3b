/// What a trigger process would notice of a change: its part of an application, as a text to
/// compare.
///
/// The triggers of its type, the components they run with everything in them down to the bytes of
/// their files, the variables, and what is said of the whole. @thread any
#pragma once

#include "app/locked_app.hpp"
#include "base/result.hpp"

#include <string>
#include <string_view>

namespace whorl::cli {

/// @param copies  the folder that copies of mounted files lie in: where in it is no difference
/// @return a digest; errors: what the kernel said of a file
[[nodiscard]] Result<std::string> part_of(
    const app::LockedApp& app, std::string_view type, std::string_view copies
);

}  // namespace whorl::cli
