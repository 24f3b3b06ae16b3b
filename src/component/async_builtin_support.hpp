/// What the canonical built-ins of WASI 0.3 have in common. Private to the room.
/// @thread shard
#pragma once

#include "component/async_builtins.hpp"
#include "component/async_host.hpp"
#include "component/async_state.hpp"
#include "component/component.hpp"
#include "component/copy_end.hpp"
#include "component/fiber_run.hpp"
#include "component/interpret.hpp"
#include "component/subtask.hpp"
#include "component/task.hpp"

#include <cstring>
#include <utility>

namespace whorl::component::builtins {

using engine::HostStatus;
using engine::RawVal;

inline constexpr std::uint32_t kBlocked = 0xffff'ffff;

/// What a built-in works with.
struct Builtin {
  const AsyncSite& site;
  engine::Store& store;
  RawVal* slots;
  ComponentInstance& instance;
  AsyncState& async;
  FiberRun* run;  ///< null in a start function off the fibers

  [[nodiscard]] std::uint16_t inst() const noexcept { return site.site.component_index; }
  [[nodiscard]] HandleTable& handles() const noexcept { return instance.handles(inst()); }
  /// Null where nobody runs it.
  [[nodiscard]] Thread* thread() const noexcept {
    return run == nullptr ? nullptr : run->current_thread();
  }
  [[nodiscard]] Task* task() const noexcept {
    Thread* current = thread();
    return current == nullptr ? nullptr : current->task;
  }
  void give(std::uint64_t value) const noexcept { slots[0].u64 = value; }
};

/// A built-in from what it does: `body` says why the guest is to be ended, if it is.
template <Failure (*kBody)(Builtin&)>
HostStatus builtin(void* env, engine::Store& store, RawVal* slots) {
  const auto& site = *static_cast<const AsyncSite*>(env);
  auto& instance = *static_cast<ComponentInstance*>(store.host_data());
  if (!instance.may_leave(site.site.component_index)) [[unlikely]] {
    return detail::end_guest(store, "cannot leave component instance");
  }
  AsyncState& async = *instance.async();
  Builtin call{site, store, slots, instance, async, detail::run_of(instance)};
  if (auto failed = kBody(call)) [[unlikely]] {
    return detail::end_guest(store, *std::move(failed));
  }
  return HostStatus::Return;
}

inline constexpr const char* kNobody = "asynchronous function called where nothing can wait for it";

/// The object behind a handle of a type; `failed` says why there is none.
template <class T>
T* object_at(const Builtin& call, std::uint32_t index, const ResourceTag& tag, Failure& failed) {
  auto found = call.handles().get(index, tag);
  if (!found) [[unlikely]] {
    failed = std::move(found.error());
    return nullptr;
  }
  return static_cast<T*>(*found);
}

/// Any waitable; null for other handles.
inline Waitable* waitable_at(const Builtin& call, std::uint32_t index) {
  const HandleTable::Any any = call.handles().any(index);
  for (const ResourceTag* tag :
       {&kSubtaskTag,
        &kReadableStreamTag,
        &kWritableStreamTag,
        &kReadableFutureTag,
        &kWritableFutureTag}) {
    if (any.object != nullptr && any.key == resource_key(*tag)) {
      return static_cast<Waitable*>(any.object);
    }
  }
  return nullptr;
}

/// Why a built-in that may block can't be called now; nothing if it can.
inline Failure refuse_sync(const Builtin& call) {
  if (call.thread() == nullptr) [[unlikely]] {
    return failure(kNobody);
  }
  if (const char* refused = call.run->refuse_block()) [[unlikely]] {
    return failure(refused);
  }
  return std::nullopt;
}

/// @spec definitions.py Waitable.wait_for_pending_event
inline Failure wait_for_pending_event(const Builtin& call, Waitable& waitable) {
  if (auto failed = refuse_sync(call)) {
    return failed;
  }
  return call.run->wait_until(
      *call.thread(), {.kind = Wait::Kind::Event, .waitable = &waitable}, false
  );
}

inline constexpr const char* kInSet =
    "waitable cannot be used synchronously while added to a waitable set";

/// Those of streams and futures; null for other operations.
[[nodiscard]] engine::HostFn copy_builtin(ir::CanonOp op) noexcept;
/// Those of threads and error contexts; null for other operations.
[[nodiscard]] engine::HostFn thread_builtin(ir::CanonOp op) noexcept;

}  // namespace whorl::component::builtins
