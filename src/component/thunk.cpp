#include "component/thunk.hpp"

#include <utility>

namespace whorl::component {

HostTrap detail::as_host_trap(engine::Trap trap) {
  return HostTrap{trap.kind, std::move(trap.message), trap.exit_code};
}

MutableByteView InstanceHeap::memory() {
  const engine::Memory* memory = detail::memory_of(instance_, site_);
  return memory == nullptr ? MutableByteView{} : store_.bytes_of(*memory);
}

HostResult<std::uint32_t> InstanceHeap::reallocate(
    std::uint32_t old_ptr, std::uint32_t old_size, std::uint32_t alignment, std::uint32_t new_size
) {
  const engine::Func* realloc =
      site_.realloc_slot == CallSite::kNone ? nullptr : instance_.func(site_.realloc_slot);
  if (realloc == nullptr) [[unlikely]] {
    return trap("host function called before the realloc it needs exists");
  }
  // The store may have begun to end while the host function waited.
  if (store_.is_dying()) [[unlikely]] {
    return trap("the guest is being ended");
  }
  engine::RawVal slots[4];
  const std::uint32_t arguments[] = {old_ptr, old_size, alignment, new_size};
  for (std::size_t i = 0; i < 4; ++i) {
    slots[i].u64 = arguments[i];
  }
  const detail::NoLeave no_leave(instance_, site_.component_index);
  if (auto called = store_.call_guest(*realloc, slots); !called) [[unlikely]] {
    return std::unexpected(detail::as_host_trap(std::move(called.error())));
  }
  return slots[0].u32;
}

namespace detail {

engine::HostStatus end_guest(engine::Store& store, HostTrap trap) {
  return store.set_trap(trap.kind, std::move(trap.message), trap.exit_code);
}

engine::HostStatus end_guest(engine::Store& store, const char* reason) {
  return store.set_trap(engine::TrapKind::HostTrap, reason);
}

const engine::Memory* memory_of(const ComponentInstance& instance, const CallSite& site) noexcept {
  return site.memory_slot == CallSite::kNone ? nullptr : instance.memory(site.memory_slot);
}

}  // namespace detail

engine::HostStatus drop_thunk(void* env, engine::Store& store, engine::RawVal* slots) {
  const auto& site = *static_cast<const DropSite*>(env);
  auto& instance = *static_cast<ComponentInstance*>(store.host_data());
  if (!instance.may_leave(site.component_index)) [[unlikely]] {
    return detail::end_guest(store, "cannot leave component instance");
  }
  auto dropped = instance.handles(site.component_index).take(slots[0].u32, *site.tag);
  if (!dropped) [[unlikely]] {
    return detail::end_guest(store, std::move(dropped.error()));
  }
  return engine::HostStatus::Return;
}

}  // namespace whorl::component
