// The built-ins of threads and error contexts.
#include "component/async_builtin_support.hpp"

namespace whorl::component::builtins {
namespace {

// --- threads -------------------------------------------------------------------------------------

/// A thread that the guest made. @spec definitions.py canon_thread_new_indirect
class SpawnedThread final : public Thread {
 public:
  SpawnedThread(FiberRun& run, Task& of, const engine::Func& func, std::uint32_t argument)
      : Thread(run, &of, of.inst()), func_(func), argument_(argument) {}

  [[nodiscard]] Failure run() override {
    RawVal slot{};
    slot.u64 = argument_;
    if (auto called = run_of.store().call_guest(func_, std::span(&slot, 1)); !called) {
      return detail::as_host_trap(std::move(called.error()));
    }
    FiberRun& run = run_of;
    Task& of = *task;
    run.pop(*this);
    if (auto failed = of.unregister_thread(*this)) {
      return failed;
    }
    if (of.threads.empty()) {
      of.async.remove_task(of);
    }
    run.end_host_call(*this);
    return std::nullopt;
  }

 private:
  engine::Func func_;
  std::uint32_t argument_;
};

/// The current thread; `failed` where there is none.
Thread* current(const Builtin& call, Failure& failed) {
  Thread* thread = call.thread();
  if (thread == nullptr || thread->task == nullptr) [[unlikely]] {
    failed = failure(kNobody);
    return nullptr;
  }
  return thread;
}

Thread* thread_at(const Builtin& call, std::uint32_t index, Failure& failed) {
  Thread* thread = call.async.of(call.inst()).threads.get(index);
  if (thread == nullptr) [[unlikely]] {
    failed = failure(fmt::format("unknown handle index {}: expected a thread", index));
  }
  return thread;
}

Failure thread_new_indirect(Builtin& call) {
  Failure failed;
  const Thread* self = current(call, failed);
  if (self == nullptr) [[unlikely]] {
    return failed;
  }
  const auto func =
      call.instance.func_in_table(call.store, call.site.table_slot, call.slots[0].u32);
  if (!func) [[unlikely]] {
    return failure("wasm trap: undefined element: no such function in the table");
  }
  static const engine::FuncType kStart{{engine::ValType::I32}, {}};
  if (call.store.type_of(*func) != kStart) [[unlikely]] {
    return failure("start function does not match expected type (currently only (i32) -> ())");
  }
  // Each component instance has a limit of its own; there can be many of them.
  if (call.run->num_host_calls() >= ThreadTable::kMaxThreads) [[unlikely]] {
    return failure("too many threads");
  }
  auto thread = std::make_unique<SpawnedThread>(*call.run, *self->task, *func, call.slots[1].u32);
  if (failed = self->task->register_thread(*thread); failed) [[unlikely]] {
    return failed;
  }
  call.give(thread->index);
  call.run->add_host_call(std::move(thread));
  return std::nullopt;
}

Failure thread_index(Builtin& call) {
  Failure failed;
  const Thread* self = current(call, failed);
  if (self != nullptr) {
    call.give(self->index);
  }
  return failed;
}

Failure thread_resume_later(Builtin& call) {
  Failure failed;
  Thread* other = thread_at(call, call.slots[0].u32, failed);
  if (other == nullptr) [[unlikely]] {
    return failed;
  }
  if (!other->is_suspended()) [[unlikely]] {
    return failure("cannot resume thread which is not suspended");
  }
  call.run->start_waiting(*other, {.kind = Wait::Kind::Now}, other->cancellable);
  return std::nullopt;
}

Failure thread_suspend(Builtin& call) {
  Failure failed;
  Thread* self = current(call, failed);
  if (self == nullptr) [[unlikely]] {
    return failed;
  }
  if (failed = call.run->suspend(*self, call.site.is_cancellable, nullptr); !failed) {
    call.give(self->cancelled ? 1 : 0);
  }
  return failed;
}

Failure thread_yield(Builtin& call) {
  Failure failed;
  Thread* self = call.thread();
  if (self == nullptr) [[unlikely]] {
    return failure(kNobody);
  }
  failed = call.run->wait_until(*self, {.kind = Wait::Kind::Now}, call.site.is_cancellable);
  if (!failed) {
    call.give(self->cancelled ? 1 : 0);
  }
  return failed;
}

/// Whether the thread that is switched to waits and is promoted, or is suspended.
enum class Switch : std::uint8_t { Resume, Promote };

template <Switch kSwitch, bool kYields>
Failure thread_switch(Builtin& call) {
  Failure failed;
  Thread* self = current(call, failed);
  Thread* other = self == nullptr ? nullptr : thread_at(call, call.slots[0].u32, failed);
  if (other == nullptr) [[unlikely]] {
    return failed;
  }
  const bool cancellable = call.site.is_cancellable;
  if (kSwitch == Switch::Resume && !other->is_suspended()) [[unlikely]] {
    return failure("cannot resume thread which is not suspended");
  }
  const bool goes = kSwitch == Switch::Resume || (other != self && call.run->is_ready(*other));
  if (!kYields) {
    failed = call.run->suspend(*self, cancellable, goes ? other : nullptr);
  } else if (goes) {
    failed = call.run->yield_to(*self, cancellable, *other);
  } else {
    failed = call.run->wait_until(*self, {.kind = Wait::Kind::Now}, cancellable);
  }
  if (!failed) {
    call.give(self->cancelled ? 1 : 0);
  }
  return failed;
}

// --- error contexts ------------------------------------------------------------------------------

Failure error_context_new(Builtin& call) {
  InstanceHeap heap(call.instance, call.store, call.site.site);
  LiftContext cx(heap.memory(), call.handles(), Lending::Lookup, call.site.site.encoding);
  const std::string_view text = cx.load_string_from_range(call.slots[0].u32, call.slots[1].u32);
  if (cx.failed()) [[unlikely]] {
    return cx.take_trap();
  }
  LowerContext lower(heap, call.handles(), call.site.site.encoding);
  call.give(lower_error_context(lower, call.async.make_error_context(text)));
  return lower.failed() ? Failure(lower.take_trap()) : Failure();
}

Failure error_context_debug_message(Builtin& call) {
  InstanceHeap heap(call.instance, call.store, call.site.site);
  LiftContext lift(heap.memory(), call.handles());
  const std::uint32_t ptr = call.slots[1].u32;
  const ErrorContextRef context = lift_error_context(lift, call.slots[0].u32);
  if (lift.failed()) [[unlikely]] {
    return lift.take_trap();
  }
  LowerContext cx(heap, call.handles(), call.site.site.encoding);
  if (cx.accept(ptr, 8, 4)) {
    const auto range = cx.store_string_into_range(*context);
    if (!cx.failed()) {
      std::memcpy(cx.at(ptr), &range.ptr, 4);
      std::memcpy(cx.at(ptr + 4), &range.length, 4);
    }
  }
  return cx.failed() ? Failure(cx.take_trap()) : Failure();
}

Failure error_context_drop(Builtin& call) {
  auto dropped = call.handles().take(call.slots[0].u32, kErrorContextTag);
  return dropped ? Failure() : Failure(std::move(dropped.error()));
}

}  // namespace

engine::HostFn thread_builtin(ir::CanonOp op) noexcept {
  using ir::CanonOp;
  switch (op) {
    case CanonOp::ThreadYield:
      return &builtin<thread_yield>;
    case CanonOp::ThreadIndex:
      return &builtin<thread_index>;
    case CanonOp::ThreadNewIndirect:
      return &builtin<thread_new_indirect>;
    case CanonOp::ThreadResumeLater:
      return &builtin<thread_resume_later>;
    case CanonOp::ThreadSuspend:
      return &builtin<thread_suspend>;
    case CanonOp::ThreadSuspendThenResume:
      return &builtin<thread_switch<Switch::Resume, false>>;
    case CanonOp::ThreadYieldThenResume:
      return &builtin<thread_switch<Switch::Resume, true>>;
    case CanonOp::ThreadSuspendThenPromote:
      return &builtin<thread_switch<Switch::Promote, false>>;
    case CanonOp::ThreadYieldThenPromote:
      return &builtin<thread_switch<Switch::Promote, true>>;
    case CanonOp::ErrorContextNew:
      return &builtin<error_context_new>;
    case CanonOp::ErrorContextDebugMessage:
      return &builtin<error_context_debug_message>;
    case CanonOp::ErrorContextDrop:
      return &builtin<error_context_drop>;
    default:
      return nullptr;
  }
}

}  // namespace whorl::component::builtins
