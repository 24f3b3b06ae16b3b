/// resource.new, resource.rep and resource.drop of resources that a component defines.
///
/// Each is a core function of one component instance; env is a `const ResourceSite*`.
/// @thread shard. @spec CanonicalABI.md, "canon resource.new", "canon resource.drop",
/// "canon resource.rep"
#pragma once

#include "component/component.hpp"
#include "component/types.hpp"
#include "engine/store.hpp"

#include <cstdint>
#include <expected>

namespace whorl::component {

/// The environment of the built-ins; owned by the prepared component.
struct ResourceSite {
  ResourceRef type;
  std::uint16_t component_index = 0;  ///< whose handle table
};

/// (rep: i32) -> handle: i32
engine::HostStatus resource_new_thunk(void* env, engine::Store& store, engine::RawVal* slots);
/// (handle: i32) -> rep: i32
engine::HostStatus resource_rep_thunk(void* env, engine::Store& store, engine::RawVal* slots);
/// (handle: i32) -> (). An own handle's resource is destroyed by its destructor, in the component
/// instance that defines it.
engine::HostStatus resource_drop_thunk(void* env, engine::Store& store, engine::RawVal* slots);

/// Runs the destructor of a guest's resource that the caller owned.
/// @param caller  component instance that drops it, ComponentInstance::kHost for the host
/// @return        a trap when the destructor traps or its instance cannot be entered
[[nodiscard]] std::expected<void, engine::Trap> destroy_resource(
    ComponentInstance& instance,
    engine::Store& store,
    const ResourceType& type,
    std::uint32_t rep,
    std::uint16_t caller
);

}  // namespace whorl::component
