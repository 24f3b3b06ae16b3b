/// Calls from one component instance into another of the same component: a lifted function lowered
/// again, with values moved between two memories and two handle tables.
///
/// @thread shard. @spec CanonicalABI.md, "canon lower" of a "canon lift"
#pragma once

#include "component/component.hpp"
#include "component/host.hpp"
#include "engine/store.hpp"

namespace whorl::component {

/// The environment of such a function; owned by the prepared component.
struct GuestCallSite {
  CallSite caller;        ///< options of the lower; no host slot
  ExportedFunc callee;    ///< the lift, with its layout
  bool is_async = false;  ///< the canonical option of the lower
};

/// Lifts the arguments from the caller, lowers them into the callee, calls it, and moves the result
/// back; env is a `const GuestCallSite*`. Traps, and leaves the callee closed, when the caller may
/// not leave, the callee is entered already, or it returns with borrows it did not drop.
engine::HostStatus guest_call_thunk(void* env, engine::Store& store, engine::RawVal* slots);

}  // namespace whorl::component
