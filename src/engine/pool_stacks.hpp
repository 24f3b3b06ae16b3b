/// How many instances and fiber stacks an engine has room for. @thread any
#pragma once

#include "engine/engine.hpp"

#include <cstdint>

namespace whorl::engine {

/// Most instances that may be alive at once: the pool's slots. On demand the engine has no limit of
/// its own; then it is what was asked for as slots of a pool.
[[nodiscard]] std::uint32_t instance_limit(const Engine& engine) noexcept;

/// Stacks beyond one for each instance: for guests with several fibers. Where instances are made on
/// demand nothing is set aside, and as many are assumed as a pool would have.
[[nodiscard]] std::uint32_t spare_stacks(const Engine& engine) noexcept;

}  // namespace whorl::engine
