#include "component/thunk.hpp"

#include "component/task.hpp"

#include <utility>

namespace whorl::component {

HostTrap detail::as_host_trap(engine::Trap trap) {
  return HostTrap{trap.kind, std::move(trap.message), trap.exit_code};
}

HostResult<std::uint32_t> InstanceHeap::reallocate(
    std::uint32_t old_ptr, std::uint32_t old_size, std::uint32_t alignment, std::uint32_t new_size
) {
  AbiFailure failure;
  const Answer answer = reallocate_in({old_ptr, old_size}, alignment, new_size, failure);
  if (failure.failed()) {
    return std::unexpected(failure.take_trap());
  }
  return answer.ptr;
}

GuestHeap::Answer InstanceHeap::reallocate_in(
    Block old, std::uint32_t alignment, std::uint32_t new_size, AbiFailure& failure
) {
  const engine::Func* realloc =
      site_.realloc_slot == CallSite::kNone ? nullptr : instance_.func(site_.realloc_slot);
  if (realloc == nullptr) [[unlikely]] {
    failure.fail("host function called before the realloc it needs exists");
    return {memory(), 0};
  }
  engine::RawVal slots[4];
  slots[0].u64 = old.ptr;
  slots[1].u64 = old.size;
  slots[2].u64 = alignment;
  slots[3].u64 = new_size;
  {
    const DirectCall direct(instance_, site_.component_index, DirectCall::Kind::Plain);
    const detail::NoLeave no_leave(instance_, site_.component_index);
    // Refused when the store began to end while the host function waited.
    if (auto called = store_.call_guest(*realloc, slots); !called) [[unlikely]] {
      failure.fail(detail::as_host_trap(std::move(called.error())));
    }
  }
  // Nothing at 0 would fit into a memory that was not looked at yet.
  if (known_.empty() || std::uint64_t{slots[0].u32} + new_size > known_.size()) [[unlikely]] {
    known_ = memory();
  }
  return {known_, slots[0].u32};
}

namespace detail {

engine::HostStatus end_guest(engine::Store& store, HostTrap trap) {
  return store.set_trap(trap.kind, std::move(trap.message), trap.exit_code);
}

engine::HostStatus end_guest(engine::Store& store, const char* reason) {
  return store.set_trap(engine::TrapKind::HostTrap, reason);
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
