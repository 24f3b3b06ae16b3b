#include "component/resource_builtins.hpp"

#include "component/task.hpp"
#include "component/thunk.hpp"

#include <utility>

namespace whorl::component {
namespace {

constexpr const char* kMayNotLeave = "cannot leave component instance";

ComponentInstance& instance_of(engine::Store& store) noexcept {
  return *static_cast<ComponentInstance*>(store.host_data());
}

engine::Trap make_trap(std::string message) {
  engine::Trap trap;
  trap.kind = engine::TrapKind::HostTrap;
  trap.message = std::move(message);
  return trap;
}

}  // namespace

engine::HostStatus resource_new_thunk(void* env, engine::Store& store, engine::RawVal* slots) {
  const auto& site = *static_cast<const ResourceSite*>(env);
  ComponentInstance& instance = instance_of(store);
  if (!instance.may_leave(site.component_index)) [[unlikely]] {
    return detail::end_guest(store, kMayNotLeave);
  }
  auto handle = instance.handles(site.component_index)
                    .add_own(resource_key(*site.type), ResourceRep(slots[0].u32));
  if (!handle) [[unlikely]] {
    return detail::end_guest(store, std::move(handle.error()));
  }
  slots[0].u64 = *handle;
  return engine::HostStatus::Return;
}

engine::HostStatus resource_rep_thunk(void* env, engine::Store& store, engine::RawVal* slots) {
  const auto& site = *static_cast<const ResourceSite*>(env);
  auto found =
      instance_of(store).handles(site.component_index).rep(slots[0].u32, resource_key(*site.type));
  if (!found) [[unlikely]] {
    return detail::end_guest(store, std::move(found.error()));
  }
  slots[0].u64 = found->rep;
  return engine::HostStatus::Return;
}

engine::HostStatus resource_drop_thunk(void* env, engine::Store& store, engine::RawVal* slots) {
  const auto& site = *static_cast<const ResourceSite*>(env);
  ComponentInstance& instance = instance_of(store);
  if (!instance.may_leave(site.component_index)) [[unlikely]] {
    return detail::end_guest(store, kMayNotLeave);
  }
  auto dropped =
      instance.handles(site.component_index).drop(slots[0].u32, resource_key(*site.type));
  if (!dropped) [[unlikely]] {
    return detail::end_guest(store, std::move(dropped.error()));
  }
  if (!dropped->was_own) {
    return engine::HostStatus::Return;
  }
  auto destroyed =
      destroy_resource(instance, store, *site.type, dropped->rep.rep(), site.component_index);
  if (!destroyed) [[unlikely]] {
    return detail::end_guest(store, detail::as_host_trap(std::move(destroyed.error())));
  }
  return engine::HostStatus::Return;
}

std::expected<void, engine::Trap> destroy_resource(
    ComponentInstance& instance,
    engine::Store& store,
    const ResourceType& type,
    std::uint32_t rep,
    std::uint16_t caller
) {
  const TaskStorage outer = instance.task_storage(type.impl);
  if (!instance.enter(type.impl, caller)) [[unlikely]] {
    return std::unexpected(make_trap("cannot enter component instance"));
  }
  if (type.dtor_slot != ResourceType::kNone) {
    const engine::Func* destructor = instance.func(type.dtor_slot);
    if (destructor == nullptr) [[unlikely]] {
      return std::unexpected(make_trap("resource dropped before its destructor exists"));
    }
    const DirectCall direct(instance, type.impl, DirectCall::Kind::Synchronous);
    if (auto refused = direct.refused()) [[unlikely]] {
      return std::unexpected(make_trap(std::move(refused->message)));
    }
    engine::RawVal slot{};
    slot.u64 = rep;
    if (auto called = store.call_guest(*destructor, std::span(&slot, 1)); !called) [[unlikely]] {
      return called;
    }
  }
  instance.leave(type.impl, caller);
  instance.task_storage(type.impl) = outer;
  return {};
}

}  // namespace whorl::component
