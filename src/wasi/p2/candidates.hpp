/// The release candidate of November 2023 as a table of differences from 0.2: the same objects
/// serve both, under two versions. @thread any
#pragma once

#include "component/host.hpp"

#include <string_view>

namespace whorl::wasi::p2 {

inline constexpr std::string_view kCandidateVersion = "0.2.0-rc-2023-11-10";

/// An interface of 0.2 as that candidate has it. Made once, lives as long as the program.
[[nodiscard]] const component::HostInterface&
in_candidate(const component::HostInterface& interface);

}  // namespace whorl::wasi::p2
