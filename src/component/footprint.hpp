/// What an instance holds of the host's memory, for who wants to know.
#pragma once

#include "component/component.hpp"

#include <cstdint>

namespace whorl::component {

/// Bytes of the linear memories through which an instance talks to the host: all it has, but for
/// components of several languages. @param store  of the instance. @thread shard
[[nodiscard]] std::uint64_t memory_bytes(const ComponentInstance& instance, engine::Store& store);

}  // namespace whorl::component
