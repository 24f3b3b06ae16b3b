/// Calls of functions that are async from one component instance into another: the asynchronous
/// half of component/guest_call.hpp. Private to the room. @thread shard
/// @spec CanonicalABI.md, "canon lower" of a "canon lift"
#pragma once

#include "component/guest_call.hpp"

namespace whorl::component {

/// guest_call_thunk() for a function that is async, however it was lifted and lowered.
engine::HostStatus async_guest_call_thunk(void* env, engine::Store& store, engine::RawVal* slots);

}  // namespace whorl::component
