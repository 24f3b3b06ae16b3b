/// Calls of a component's exports with Values, for callers that learn the type at run time.
///
/// @thread shard, on a fiber. @spec CanonicalABI.md, "canon lift"
#pragma once

#include "component/component.hpp"
#include "component/interpret.hpp"
#include "component/value.hpp"

#include <expected>
#include <optional>
#include <span>

namespace whorl::component {

/// Calls an exported function.
///
/// An async function is over when it has returned; its task goes on with the next call.
///
/// @param func  of the instance's component; its shape is known
/// @param args  one per parameter; moved from. Borrowed host resources stay the caller's and are
///              given back when the call returns
/// @return      the result, owned by the caller; empty if the function has none. Or why the guest
///              ended: after a trap the instance is not called again
[[nodiscard]] std::expected<std::optional<Value>, engine::Trap> call_export(
    ComponentInstance& instance,
    engine::Store& store,
    const ExportedFunc& func,
    std::span<Value> args
);

}  // namespace whorl::component
