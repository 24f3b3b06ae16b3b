/// What a guest's bad end becomes: a status, a count, a line of the log. @thread shard
#pragma once

#include "engine/types.hpp"
#include "runtime/service.hpp"

#include <cstdint>
#include <string_view>

namespace whorl::runtime {

/// For the client that has no answer yet.
[[nodiscard]] std::uint16_t status_for(engine::TrapKind kind) noexcept;
/// Logs why a guest was ended and counts the limit that it ran into, if it did.
/// @param memory_bytes  of its linear memories at the end
/// @param who           what it was doing: "GET /path"
void report_trap(
    const Service& service,
    std::uint64_t memory_bytes,
    std::string_view who,
    const engine::Trap& trap
);

}  // namespace whorl::runtime
