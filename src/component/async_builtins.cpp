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

namespace whorl::component {
namespace {

using engine::HostStatus;
using engine::RawVal;

constexpr std::uint32_t kBlocked = 0xffff'ffff;

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

constexpr const char* kNobody = "asynchronous function called where nothing can wait for it";

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
Waitable* waitable_at(const Builtin& call, std::uint32_t index) {
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
Failure refuse_sync(const Builtin& call) {
  if (call.thread() == nullptr) [[unlikely]] {
    return failure(kNobody);
  }
  if (const char* refused = call.run->refuse_block()) [[unlikely]] {
    return failure(refused);
  }
  return std::nullopt;
}

/// @spec definitions.py Waitable.wait_for_pending_event
Failure wait_for_pending_event(const Builtin& call, Waitable& waitable) {
  if (auto failed = refuse_sync(call)) {
    return failed;
  }
  return call.run->wait_until(
      *call.thread(), {.kind = Wait::Kind::Event, .waitable = &waitable}, false
  );
}

constexpr const char* kInSet =
    "waitable cannot be used synchronously while added to a waitable set";

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
      call.site.site.encoding
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

// --- streams and futures -------------------------------------------------------------------------

template <SharedStream::Kind kKind, CopyEnd::Side kSide>
constexpr const ResourceTag& kEndTag =
    kKind == SharedStream::Kind::Stream
        ? (kSide == CopyEnd::Side::Readable ? kReadableStreamTag : kWritableStreamTag)
        : (kSide == CopyEnd::Side::Readable ? kReadableFutureTag : kWritableFutureTag);

template <SharedStream::Kind kKind, CopyEnd::Side kSide>
CopyEnd* end_at(const Builtin& call, std::uint32_t index, Failure& failed) {
  auto* end = object_at<CopyEnd>(call, index, kEndTag<kKind, kSide>, failed);
  if (end != nullptr && end->shared().type() != call.site.payload) [[unlikely]] {
    failed = failure(
        kKind == SharedStream::Kind::Stream ? "the stream has another element type"
                                            : "the future has another element type"
    );
    return nullptr;
  }
  return end;
}

template <SharedStream::Kind kKind>
Failure new_pair(Builtin& call) {
  using Side = CopyEnd::Side;
  auto shared = std::make_shared<SharedStream>(&call.async, kKind, call.site.payload);
  std::uint64_t packed = 0;
  for (const Side side : {Side::Readable, Side::Writable}) {
    auto end = std::make_unique<CopyEnd>(shared, side);
    CopyEnd& made = *end;
    auto index = call.handles().add(
        side == Side::Readable ? kEndTag<kKind, Side::Readable> : kEndTag<kKind, Side::Writable>,
        std::move(end)
    );
    if (!index) [[unlikely]] {
      return std::move(index.error());
    }
    made.index = *index;
    packed |= std::uint64_t{*index} << (side == Side::Readable ? 0 : 32);
  }
  call.give(packed);
  return std::nullopt;
}

/// @spec definitions.py BufferGuestImpl
Failure make_buffer(
    const Builtin& call, std::uint32_t ptr, std::uint32_t length, GuestBuffer& out
) {
  if (length > GuestBuffer::kMaxLength) [[unlikely]] {
    return failure("stream read/write count too large");
  }
  out = {.site = call.site.site, .type = call.site.payload, .ptr = ptr, .length = length};
  const TypeLayout* layout = call.site.payload->layout;
  if (layout == nullptr || length == 0) {
    return std::nullopt;
  }
  const engine::Memory* memory = call.instance.memory(call.site.site.memory_slot);
  const std::uint64_t size = memory == nullptr ? 0 : call.store.bytes_of(*memory).size();
  if (ptr % layout->alignment != 0) [[unlikely]] {
    return failure(call.site.payload != nullptr ? "unaligned pointer" : "unaligned pointer");
  }
  if (ptr + std::uint64_t{length} * layout->size > size) [[unlikely]] {
    return failure("pointer out of bounds of memory: the buffer does not fit");
  }
  return std::nullopt;
}

/// Why a copy can't begin; null if it can.
template <SharedStream::Kind kKind, CopyEnd::Side kSide>
const char* refuse_copy(const CopyEnd& end) noexcept {
  constexpr bool kStream = kKind == SharedStream::Kind::Stream;
  constexpr bool kReads = kSide == CopyEnd::Side::Readable;
  if (end.is_copying()) {
    return "cannot have concurrent operations active on a future/stream";
  }
  if (end.state != CopyState::Done) {
    return nullptr;
  }
  if constexpr (kStream) {
    return kReads ? "cannot read from stream after being notified that the writable end dropped"
                  : "cannot write to stream after being notified that the readable end dropped";
  } else {
    return kReads ? "cannot read from future after previous read succeeded"
                  : "cannot write to future after previous write succeeded or readable end dropped";
  }
}

/// @spec definitions.py stream_copy, future_copy
template <SharedStream::Kind kKind, CopyEnd::Side kSide>
Failure copy(Builtin& call) {
  const bool is_async = call.site.is_async;
  if (!is_async) {
    if (auto failed = refuse_sync(call)) {
      return failed;
    }
  }
  Failure failed;
  CopyEnd* end = end_at<kKind, kSide>(call, call.slots[0].u32, failed);
  if (end == nullptr) [[unlikely]] {
    return failed;
  }
  if (const char* refused = refuse_copy<kKind, kSide>(*end)) [[unlikely]] {
    return failure(refused);
  }
  if (end->in_waitable_set() && !is_async) [[unlikely]] {
    return failure(kInSet);
  }
  const std::uint32_t length = kKind == SharedStream::Kind::Stream ? call.slots[2].u32 : 1;
  GuestBuffer buffer;
  if (failed = make_buffer(call, call.slots[1].u32, length, buffer); failed) [[unlikely]] {
    return failed;
  }
  end->buffer = buffer;
  end->state = CopyState::Copying;
  const Call context{call.instance, call.store, nullptr};
  if (failed = end->copy(context); failed) [[unlikely]] {
    return failed;
  }
  if (!end->has_pending_event()) {
    if (is_async) {
      call.give(kBlocked);
      return std::nullopt;
    }
    if (failed = wait_for_pending_event(call, *end); failed) [[unlikely]] {
      return failed;
    }
  }
  call.give(end->get_pending_event().payload);
  return std::nullopt;
}

/// @spec definitions.py cancel_copy
template <SharedStream::Kind kKind, CopyEnd::Side kSide>
Failure cancel_copy(Builtin& call) {
  const bool is_async = call.site.is_async;
  if (!is_async) {
    if (auto failed = refuse_sync(call)) {
      return failed;
    }
  }
  Failure failed;
  CopyEnd* end = end_at<kKind, kSide>(call, call.slots[0].u32, failed);
  if (end == nullptr) [[unlikely]] {
    return failed;
  }
  if (end->state != CopyState::Copying || end->sync_waiter() != nullptr) [[unlikely]] {
    return failure(
        kKind == SharedStream::Kind::Stream
            ? "stream read/write cancelled when no read/write is pending"
            : "future read/write cancelled when no read/write is pending"
    );
  }
  if (end->in_waitable_set() && !is_async) [[unlikely]] {
    return failure(kInSet);
  }
  end->state = CopyState::CancellingCopy;
  if (!end->has_pending_event()) {
    end->shared().cancel();
  }
  call.give(end->get_pending_event().payload);
  return std::nullopt;
}

/// @spec definitions.py drop, CopyEnd.drop
template <SharedStream::Kind kKind, CopyEnd::Side kSide>
Failure drop_end(Builtin& call) {
  constexpr bool kStream = kKind == SharedStream::Kind::Stream;
  Failure failed;
  const std::uint32_t index = call.slots[0].u32;
  CopyEnd* end = end_at<kKind, kSide>(call, index, failed);
  if (end == nullptr) [[unlikely]] {
    return failed;
  }
  if (!kStream && kSide == CopyEnd::Side::Writable && end->state != CopyState::Done) [[unlikely]] {
    return failure("cannot drop future write end without first writing a value");
  }
  if (end->is_copying()) [[unlikely]] {
    return failure(kStream ? "cannot drop busy stream" : "cannot drop busy future");
  }
  (void)call.handles().take(index, kEndTag<kKind, kSide>);
  return std::nullopt;
}

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

/// Longest message that is kept of a guest's error.
constexpr std::size_t kMaxDebugMessage = 4096;

Failure error_context_new(Builtin& call) {
  InstanceHeap heap(call.instance, call.store, call.site.site);
  LiftContext cx(heap.memory(), call.handles(), Lending::Lookup, call.site.site.encoding);
  const std::string_view text = cx.load_string_from_range(call.slots[0].u32, call.slots[1].u32);
  if (cx.failed()) [[unlikely]] {
    return cx.take_trap();
  }
  // What is too long is left out: the specification lets the host do what it likes with it.
  auto message = std::make_shared<const std::string>(
      text.size() <= kMaxDebugMessage ? text : std::string_view()
  );
  LowerContext lower(heap, call.handles(), call.site.site.encoding);
  call.give(lower_error_context(lower, std::move(message)));
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

engine::HostFn async_builtin(ir::CanonOp op) noexcept {
  using ir::CanonOp;
  constexpr auto kStream = SharedStream::Kind::Stream;
  constexpr auto kFuture = SharedStream::Kind::Future;
  constexpr auto kReadable = CopyEnd::Side::Readable;
  constexpr auto kWritable = CopyEnd::Side::Writable;
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
    case CanonOp::StreamNew:
      return &builtin<new_pair<kStream>>;
    case CanonOp::FutureNew:
      return &builtin<new_pair<kFuture>>;
    case CanonOp::StreamRead:
      return &builtin<copy<kStream, kReadable>>;
    case CanonOp::StreamWrite:
      return &builtin<copy<kStream, kWritable>>;
    case CanonOp::FutureRead:
      return &builtin<copy<kFuture, kReadable>>;
    case CanonOp::FutureWrite:
      return &builtin<copy<kFuture, kWritable>>;
    case CanonOp::StreamCancelRead:
      return &builtin<cancel_copy<kStream, kReadable>>;
    case CanonOp::StreamCancelWrite:
      return &builtin<cancel_copy<kStream, kWritable>>;
    case CanonOp::FutureCancelRead:
      return &builtin<cancel_copy<kFuture, kReadable>>;
    case CanonOp::FutureCancelWrite:
      return &builtin<cancel_copy<kFuture, kWritable>>;
    case CanonOp::StreamDropReadable:
      return &builtin<drop_end<kStream, kReadable>>;
    case CanonOp::StreamDropWritable:
      return &builtin<drop_end<kStream, kWritable>>;
    case CanonOp::FutureDropReadable:
      return &builtin<drop_end<kFuture, kReadable>>;
    case CanonOp::FutureDropWritable:
      return &builtin<drop_end<kFuture, kWritable>>;
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

}  // namespace whorl::component
