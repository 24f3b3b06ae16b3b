/// The release candidates of October and November 2023 as tables of differences from 0.2: the same
/// objects serve all, under three versions. @thread any
#pragma once

#include "component/host.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace whorl::wasi::p2 {

enum class Candidate : std::uint8_t { October2023, November2023 };
inline constexpr std::size_t kCandidateCount = 2;
inline constexpr std::array<std::string_view, kCandidateCount> kCandidateVersions{
    "0.2.0-rc-2023-10-18", "0.2.0-rc-2023-11-10"
};

/// An interface of 0.2 as that candidate has it. Made once, lives as long as the program.
[[nodiscard]] const component::HostInterface&
in_candidate(Candidate candidate, const component::HostInterface& interface);

/// wasi:clocks/timezone, which only October has; its host object is the wall clock's.
[[nodiscard]] const component::HostInterface& october_timezone();

}  // namespace whorl::wasi::p2
