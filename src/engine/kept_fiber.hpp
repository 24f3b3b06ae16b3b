/// The stack of a fiber, kept for the next one of its store: for stores that serve many events.
#pragma once

#include "engine/store.hpp"

namespace whorl::engine {

/// From now on the store's only fiber, if it ends well, leaves its stack and the driver's call on
/// it to the next one that starts, instead of ending the call: two switches instead of a call with
/// all that belongs to it. So a store takes one stack of the engine's pool as long as it lives, and
/// no more than one beyond those of fibers that are alive. @thread shard, or on a fiber
void keep_fiber(Store& store) noexcept;

}  // namespace whorl::engine
