/// Surroundings: what the resources of one instance share.
#pragma once

#include "wasi/host_memory.hpp"
#include "wasi/timers.hpp"

namespace whorl::wasi::p2 {

/// Borrowed by every resource that waits or holds memory; outlives the handle tables.
struct Surroundings {
  Timers& timers;
  HostMemory& memory;
};

}  // namespace whorl::wasi::p2
