/// `spin-dependencies.wit`: what components get from their dependencies, for their toolchains to
/// make bindings from. Written by `build` before any command runs. @thread the main thread; blocks
#pragma once

#include "build/build_info.hpp"

#include <span>
#include <string>

namespace whorl::cli {

/// Writes the file into the build folder of each component that has dependencies, and takes away
/// one that an earlier build left where nothing needs it any more. What fails only warns, in Spin's
/// words.
/// @param components  those that are built
/// @param profile     empty: the anonymous one
void write_dependency_wits(
    const build::BuildInfo& info,
    std::span<const build::ComponentBuild> components,
    const std::string& profile
);

}  // namespace whorl::cli
