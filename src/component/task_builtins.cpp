#include "component/task_builtins.hpp"

#include "component/async_host.hpp"
#include "component/component.hpp"
#include "component/fiber_run.hpp"
#include "component/thunk.hpp"

namespace whorl::component {
namespace {

ComponentInstance& instance_of(engine::Store& store) noexcept {
  return *static_cast<ComponentInstance*>(store.host_data());
}

/// What the running thread keeps. @spec definitions.py Thread.storage
TaskStorage& storage_of(engine::Store& store, const TaskSite& site) noexcept {
  ComponentInstance& instance = instance_of(store);
  const FiberRun* run = detail::run_of(instance);
  Thread* thread = run == nullptr ? nullptr : run->current_thread();
  return thread == nullptr ? instance.task_storage(site.component_index) : thread->storage;
}

}  // namespace

engine::HostStatus context_get_thunk(void* env, engine::Store& store, engine::RawVal* slots) {
  const auto& site = *static_cast<const TaskSite*>(env);
  const std::uint64_t value = storage_of(store, site)[site.slot];
  slots[0].u64 = site.is_64 ? value : static_cast<std::uint32_t>(value);
  return engine::HostStatus::Return;
}

engine::HostStatus context_set_thunk(void* env, engine::Store& store, engine::RawVal* slots) {
  const auto& site = *static_cast<const TaskSite*>(env);
  storage_of(store, site)[site.slot] = site.is_64 ? slots[0].u64 : slots[0].u32;
  return engine::HostStatus::Return;
}

engine::HostStatus backpressure_inc_thunk(void* env, engine::Store& store, engine::RawVal*) {
  const auto& site = *static_cast<const TaskSite*>(env);
  if (!instance_of(store).add_backpressure(site.component_index)) [[unlikely]] {
    return detail::end_guest(store, "backpressure counter overflow");
  }
  return engine::HostStatus::Return;
}

engine::HostStatus backpressure_dec_thunk(void* env, engine::Store& store, engine::RawVal*) {
  const auto& site = *static_cast<const TaskSite*>(env);
  if (!instance_of(store).remove_backpressure(site.component_index)) [[unlikely]] {
    return detail::end_guest(store, "backpressure counter underflow");
  }
  return engine::HostStatus::Return;
}

}  // namespace whorl::component
