/// The world of a bare core module, for showing and checking: what its component-type sections say
/// of it, and what a component made of it would import for its WASI preview 1.
///
/// Private to the room. @thread any
#pragma once

#include "component/core_module.hpp"
#include "component/wit_world.hpp"

namespace whorl::component {

/// What its component-type sections describe, all of them together; empty without any.
[[nodiscard]] wit::World described_world(const CoreModule& module);

/// The world that it would have as a component, made with Spin's preview 1 adapter. Types are known
/// only where sections tell them; elsewhere items have names alone.
[[nodiscard]] wit::World componentized_world(const CoreModule& module);

}  // namespace whorl::component
