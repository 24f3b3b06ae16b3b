/// What an instance holds of the host's memory, for who wants to know.
#pragma once

#include "component/component.hpp"

#include <cstdint>

namespace whorl::component {

/// Bytes of the linear memories through which an instance talks to the host: all it has, but for
/// components of several languages. @param store  of the instance. @thread shard
[[nodiscard]] std::uint64_t memory_bytes(const ComponentInstance& instance, engine::Store& store);

/// Gives the pages of a stretch of those memories back to the system. The instance must not run
/// again: it would read zeros.
/// @param from  bytes of its memories, one after the other, that were given back before
/// @return      how many bytes more were: `most`, or what there is. @thread shard
std::uint64_t give_back_memory(
    const ComponentInstance& instance, engine::Store& store, std::uint64_t from, std::uint64_t most
) noexcept;

}  // namespace whorl::component
