/// context.get and context.set, backpressure.inc and backpressure.dec: the built-ins of WASI 0.3
/// that mean something without asynchronous calls.
///
/// Each is a core function of one component instance; env is a `const TaskSite*`. They may be
/// called from post-return too. @thread shard
/// @spec CanonicalABI.md, "canon context.get", "canon context.set", "canon backpressure.{inc,dec}"
#pragma once

#include "engine/store.hpp"

#include <array>
#include <cstdint>

namespace whorl::component {

/// What a task of a component instance can keep for itself: zero when it starts.
using TaskStorage = std::array<std::uint64_t, 2>;

/// The environment of the built-ins; owned by the prepared component.
struct TaskSite {
  std::uint16_t component_index = 0;
  std::uint8_t slot = 0;  ///< of the storage
  bool is_64 = false;     ///< the slot is an i64
};

/// () -> value
engine::HostStatus context_get_thunk(void* env, engine::Store& store, engine::RawVal* slots);
/// (value) -> ()
engine::HostStatus context_set_thunk(void* env, engine::Store& store, engine::RawVal* slots);
/// () -> (). Keeps asynchronous calls out while the count is above 0; others enter all the same.
engine::HostStatus backpressure_inc_thunk(void* env, engine::Store& store, engine::RawVal* slots);
engine::HostStatus backpressure_dec_thunk(void* env, engine::Store& store, engine::RawVal* slots);

}  // namespace whorl::component
