/// Calling WASI commands: `run` of wasi:cli/run of 0.2 or 0.3, or the `_start` of a module of
/// preview 1.
#pragma once

#include "component/component.hpp"
#include "engine/store.hpp"

#include <expected>

namespace whorl::wasi {

/// The entry of a command; null for a component that is none.
[[nodiscard]] const component::ExportedFunc* find_command(const component::Component& component);

/// Whether `run` said that it succeeded; modules of preview 1 say so by their exit status.
enum class CommandVerdict : bool { Failed, Succeeded };

/// Runs the command to its end.
/// @param func  find_command()'s
/// @return      its verdict; an exit with status 0 is success, with any other a trap of kind Exit
/// @thread shard, on a fiber
[[nodiscard]] std::expected<CommandVerdict, engine::Trap> call_command(
    component::ComponentInstance& instance,
    engine::Store& store,
    const component::ExportedFunc& func
);

}  // namespace whorl::wasi
