/// The last step of `build`: components against the manifest's targets. @thread the main thread;
/// blocks
#pragma once

#include "base/result.hpp"
#include "cli/build_command.hpp"
#include "manifest/manifest.hpp"

namespace whorl::cli {

/// Checks what was built and prints what does not fit, in Spin's words.
/// @param manifest  as it was parsed; of one without targets nothing is looked at
/// @return errors: what could not be checked; that something does not fit
[[nodiscard]] Result<void> check_build_targets(
    manifest::Manifest manifest, const BuildRequest& request
);

}  // namespace whorl::cli
