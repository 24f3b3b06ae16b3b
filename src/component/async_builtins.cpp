// The built-ins of tasks, subtasks and waitable sets; which thunk an operation has.
#include "component/async_builtin_support.hpp"

namespace whorl::component {
namespace builtins {
namespace {

// --- tasks ---------------------------------------------------------------------------------------

Failure task_return(Builtin& call) {
  Task* task = call.task();
  // Options that no value needs may be left out of either.
  const CallSite& site = call.site.site;
  if (task == nullptr || !task->is_async_lift() || task->func->result_id != call.site.result_id ||
      (site.memory_slot != CallSite::kNone &&
       (task->func->memory_slot != site.memory_slot || task->func->encoding != site.encoding)))
      [[unlikely]] {
    return failure("invalid `task.return` signature and/or options for current task");
  }
  InstanceHeap heap(call.instance, call.store, call.site.site);
  const bool has_memory = call.site.site.memory_slot != CallSite::kNone;
  LiftContext cx(
      has_memory ? heap.memory() : MutableByteView{},
      call.handles(),
      Lending::Lookup,
      call.site.site.encoding,
      &call.store
  );
  cx.allow_views(heap);
  TaskResult result{cx, call.slots, kMaxFlatParams};
  return task->return_(result);
}

Failure task_cancel(Builtin& call) {
  Task* task = call.task();
  if (task == nullptr || !task->is_async_lift()) [[unlikely]] {
    return failure("invalid `task.cancel` for current task");
  }
  return task->cancel();
}

Failure subtask_cancel(Builtin& call) {
  const bool is_async = call.site.is_async;
  if (!is_async) {
    if (auto failed = refuse_sync(call)) {
      return failed;
    }
  }
  Failure failed;
  const std::uint32_t index = call.slots[0].u32;
  auto* subtask = object_at<Subtask>(call, index, kSubtaskTag, failed);
  if (subtask == nullptr) [[unlikely]] {
    return failed;
  }
  if (subtask->is_resolve_delivered() || subtask->cancellation_requested) [[unlikely]] {
    return failure("`subtask.cancel` called after terminal status delivered");
  }
  if (subtask->in_waitable_set() && !is_async) [[unlikely]] {
    return failure(kInSet);
  }
  if (!subtask->is_resolved()) {
    subtask->cancellation_requested = true;
    if (subtask->work() != nullptr) {
      if (failed = subtask->work()->on_cancel(call.inst()); failed) [[unlikely]] {
        return failed;
      }
    }
    if (!subtask->is_resolved()) {
      if (is_async) {
        call.give(kBlocked);
        return std::nullopt;
      }
      if (failed = wait_for_pending_event(call, *subtask); failed) [[unlikely]] {
        return failed;
      }
      // An event that it has started may come before the one that it has ended.
      while (!subtask->is_resolved()) {
        (void)subtask->get_pending_event();
        if (failed = wait_for_pending_event(call, *subtask); failed) [[unlikely]] {
          return failed;
        }
      }
    }
  }
  call.give(subtask->get_pending_event().payload);
  return std::nullopt;
}

Failure subtask_drop(Builtin& call) {
  Failure failed;
  const std::uint32_t index = call.slots[0].u32;
  const auto* subtask = object_at<Subtask>(call, index, kSubtaskTag, failed);
  if (subtask == nullptr) [[unlikely]] {
    return failed;
  }
  if (!subtask->is_resolve_delivered()) [[unlikely]] {
    return failure("cannot drop a subtask which has not yet resolved");
  }
  (void)call.handles().take(index, kSubtaskTag);
  return std::nullopt;
}

// --- waitable sets -------------------------------------------------------------------------------

Failure waitable_set_new(Builtin& call) {
  auto index = call.handles().add(kWaitableSetTag, std::make_unique<WaitableSet>());
  if (!index) [[unlikely]] {
    return std::move(index.error());
  }
  call.give(*index);
  return std::nullopt;
}

/// @spec definitions.py unpack_event
Failure unpack_event(const Builtin& call, std::uint32_t ptr, EventTuple event) {
  const engine::Memory* memory = call.instance.memory(call.site.site.memory_slot);
  const MutableByteView bytes =
      memory == nullptr ? MutableByteView{} : call.store.bytes_of(*memory);
  if (std::uint64_t{ptr} + 8 > bytes.size()) [[unlikely]] {
    return failure("pointer out of bounds of memory: the event does not fit");
  }
  std::memcpy(bytes.data() + ptr, &event.index, 4);
  std::memcpy(bytes.data() + ptr + 4, &event.payload, 4);
  call.give(static_cast<std::uint32_t>(event.code));
  return std::nullopt;
}

Failure waitable_set_wait(Builtin& call) {
  Failure failed;
  const std::uint32_t ptr = call.slots[1].u32;
  auto* set = object_at<WaitableSet>(call, call.slots[0].u32, kWaitableSetTag, failed);
  if (set == nullptr) [[unlikely]] {
    return failed;
  }
  Thread* thread = call.thread();
  if (thread == nullptr) [[unlikely]] {
    return failure(kNobody);
  }
  const Wait wait{.kind = Wait::Kind::Set, .set = set};
  if (failed = call.run->wait_until(*thread, wait, call.site.is_cancellable); failed) {
    return failed;
  }
  EventTuple event{.code = EventCode::TaskCancelled};
  if (!thread->cancelled) {
    event = set->get_pending_event();
  }
  return unpack_event(call, ptr, event);
}

Failure waitable_set_poll(Builtin& call) {
  Failure failed;
  const std::uint32_t ptr = call.slots[1].u32;
  auto* set = object_at<WaitableSet>(call, call.slots[0].u32, kWaitableSetTag, failed);
  if (set == nullptr) [[unlikely]] {
    return failed;
  }
  EventTuple event;
  if (call.task() != nullptr && call.task()->deliver_pending_cancel(call.site.is_cancellable)) {
    event.code = EventCode::TaskCancelled;
  } else if (set->has_pending_event()) {
    event = set->get_pending_event();
  }
  return unpack_event(call, ptr, event);
}

Failure waitable_set_drop(Builtin& call) {
  Failure failed;
  const std::uint32_t index = call.slots[0].u32;
  const auto* set = object_at<WaitableSet>(call, index, kWaitableSetTag, failed);
  if (set == nullptr) [[unlikely]] {
    return failed;
  }
  if (!set->is_empty() || set->num_waiting() > 0) [[unlikely]] {
    return failure("cannot drop waitable set with waiters");
  }
  (void)call.handles().take(index, kWaitableSetTag);
  return std::nullopt;
}

Failure waitable_join(Builtin& call) {
  const std::uint32_t index = call.slots[0].u32;
  const std::uint32_t set_index = call.slots[1].u32;
  Waitable* waitable = waitable_at(call, index);
  if (waitable == nullptr) [[unlikely]] {
    return call.handles().refusal(index, kSubtaskTag);
  }
  if (waitable->sync_waiter() != nullptr) [[unlikely]] {
    return failure("cannot join waitable which is synchronously waited for");
  }
  WaitableSet* set = nullptr;
  Failure failed;
  if (set_index != 0) {
    set = object_at<WaitableSet>(call, set_index, kWaitableSetTag, failed);
    if (set == nullptr) [[unlikely]] {
      return failed;
    }
  }
  waitable->join(set);
  return std::nullopt;
}

}  // namespace

static engine::HostFn task_builtin(ir::CanonOp op) noexcept {
  using ir::CanonOp;
  switch (op) {
    case CanonOp::TaskReturn:
      return &builtin<task_return>;
    case CanonOp::TaskCancel:
      return &builtin<task_cancel>;
    case CanonOp::SubtaskCancel:
      return &builtin<subtask_cancel>;
    case CanonOp::SubtaskDrop:
      return &builtin<subtask_drop>;
    case CanonOp::WaitableSetNew:
      return &builtin<waitable_set_new>;
    case CanonOp::WaitableSetWait:
      return &builtin<waitable_set_wait>;
    case CanonOp::WaitableSetPoll:
      return &builtin<waitable_set_poll>;
    case CanonOp::WaitableSetDrop:
      return &builtin<waitable_set_drop>;
    case CanonOp::WaitableJoin:
      return &builtin<waitable_join>;
    default:
      return nullptr;
  }
}

}  // namespace builtins

engine::HostFn async_builtin(ir::CanonOp op) noexcept {
  if (const engine::HostFn found = builtins::task_builtin(op)) {
    return found;
  }
  const engine::HostFn found = builtins::copy_builtin(op);
  return found != nullptr ? found : builtins::thread_builtin(op);
}

}  // namespace whorl::component
