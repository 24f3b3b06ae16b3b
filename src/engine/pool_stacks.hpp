/// How many fiber stacks an engine has. @thread any
#pragma once

#include "engine/engine.hpp"

#include <cstdint>

namespace whorl::engine {

/// Stacks beyond one for each slot: for guests with several fibers. Where instances are made on
/// demand nothing is set aside, and as many are assumed as a pool would have.
[[nodiscard]] std::uint32_t spare_stacks(const Engine& engine) noexcept;

}  // namespace whorl::engine
