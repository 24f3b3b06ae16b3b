/// Takes the place of preview 1 adapters by the host's own preview 1 (engine.md E.2).
///
/// A component made of a preview 1 module holds an adapter: a core module that implements
/// `wasi_snapshot_preview1` on top of WASI 0.2. Where an instance is nothing but that, told by its
/// structure, the module that uses it is given the host's functions instead, which read and write
/// its memory directly. Private to the room. @thread any @spec WASI preview 1
#pragma once

#include "component/graph.hpp"
#include "component/host.hpp"

#include <vector>

namespace whorl::component {

/// Rewires what uses an adapter, after shims were bypassed as far as they can be.
///
/// What stands in for an adapter has files and the environment only if the adapter was given the
/// interfaces that stand for them.
/// @param registry  offers "wasi_snapshot_preview1" and its variants without these; what it does
/// not
///                  offer replaces nothing
/// @return          by core instance: true for the adapters that nobody is given any more
[[nodiscard]] std::vector<bool> replace_adapters(Graph& graph, const HostRegistry& registry);

/// Marks replaced adapters as removed, once shims were bypassed anew; one that something left over
/// still names stays. What was lowered for the removed alone no longer names their memories.
void remove_adapters(Graph& graph, const std::vector<bool>& replaced, std::vector<bool>& removed);

}  // namespace whorl::component
