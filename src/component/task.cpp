#include "component/task.hpp"

#include "component/export_call.hpp"
#include "component/fiber_run.hpp"
#include "component/thunk.hpp"

#include <algorithm>
#include <utility>

namespace whorl::component {
namespace {

enum CallbackCode : std::uint32_t { kExit = 0, kYield = 1, kWait = 2 };
constexpr std::uint32_t kCodeMask = 0xf;

}  // namespace

Task::Task(
    FiberRun& in,
    AsyncState& state_of,
    std::uint16_t component_index,
    const ExportedFunc* of,
    TaskCaller* called
)
    : async(state_of),
      run(in),
      func(of),
      caller(called),
      implicit_thread(in, this, component_index) {}

Task::~Task() {
  if (borrows.num_borrows != 0) {
    async.instance().handles(inst()).abandon(borrows);
  }
  if (caller != nullptr) {
    caller->on_exit(implicit_thread.is_detached);
  }
}

Failure Task::start() {
  AsyncState::PerInstance& instance = async.of(inst());
  // Who is in the way and could go on, does: a call that need not be put off is not.
  Thread* const before = instance.exclusive_thread;
  if (before != nullptr && needs_exclusive() && before->worker != nullptr &&
      run.is_ready(*before)) {
    if (auto failed = run.resume(*before, false)) {
      return failed;
    }
  }
  if (async.has_backpressure(*this) || instance.num_waiting_to_enter > 0) {
    ++instance.num_waiting_to_enter;
    implicit_thread.stage_ = ImplicitThread::Stage::Entering;
    run.start_waiting(implicit_thread, {.kind = Wait::Kind::Enter}, true);
    return std::nullopt;
  }
  return run.resume(implicit_thread, false);
}

void Task::post() {
  ++async.of(inst()).num_waiting_to_enter;
  implicit_thread.stage_ = ImplicitThread::Stage::Entering;
  run.start_waiting(implicit_thread, {.kind = Wait::Kind::Enter}, true);
}

Failure Task::start_here() {
  run.push(implicit_thread);
  return implicit_thread.run();
}

Failure Task::register_thread(Thread& thread) {
  if (!async.of(inst()).threads.add(thread)) [[unlikely]] {
    return failure("too many threads");
  }
  threads.push_back(&thread);
  return std::nullopt;
}

Failure Task::unregister_thread(Thread& thread) {
  std::erase(threads, &thread);
  async.of(inst()).threads.remove(thread);
  if (!threads.empty()) {
    return std::nullopt;
  }
  if (state != State::Resolved) [[unlikely]] {
    return failure("async-lifted export failed to produce a result");
  }
  return std::nullopt;
}

Failure Task::request_cancellation(std::uint16_t from) {
  if (state == State::Initial) {
    state = State::CancelDelivered;
    return run.resume(implicit_thread, true);
  }
  AsyncState::PerInstance& instance = async.of(inst());
  const bool others_turn = func != nullptr && needs_exclusive() &&
                           instance.exclusive_thread != nullptr &&
                           instance.exclusive_thread != &implicit_thread;
  const auto found = std::ranges::find_if(threads, [&](Thread* thread) {
    return thread->cancellable && thread->state != Thread::State::Running &&
           !(thread == &implicit_thread && others_turn);
  });
  if (found == threads.end() || !async.instance().enter(inst(), from)) {
    state = State::PendingCancel;
    return std::nullopt;
  }
  state = State::CancelDelivered;
  const std::uint16_t entered = inst();
  ComponentInstance& in = async.instance();
  if (auto failed = run.resume(**found, true)) {  // the task may be gone afterwards
    return failed;
  }
  in.leave(entered, from);
  return std::nullopt;
}

bool Task::deliver_pending_cancel(bool cancellable) noexcept {
  if (!cancellable || state != State::PendingCancel) {
    return false;
  }
  state = State::CancelDelivered;
  return true;
}

Failure Task::return_(TaskResult& result) {
  if (state == State::Resolved) [[unlikely]] {
    return failure("`task.return` or `task.cancel` called more than once for current task");
  }
  if (borrows.num_borrows > 0) [[unlikely]] {
    return failure("borrow handles still remain at the end of the call");
  }
  if (auto failed = caller->on_resolve(*this, &result)) [[unlikely]] {
    return failed;
  }
  state = State::Resolved;
  return std::nullopt;
}

Failure Task::cancel() {
  if (state == State::Resolved) [[unlikely]] {
    return failure("`task.return` or `task.cancel` called more than once for current task");
  }
  if (state != State::CancelDelivered) [[unlikely]] {
    return failure("`task.cancel` called by task which has not been cancelled");
  }
  if (borrows.num_borrows > 0) [[unlikely]] {
    return failure("borrow handles still remain at the end of the call");
  }
  if (auto failed = caller->on_resolve(*this, nullptr)) [[unlikely]] {
    return failed;
  }
  state = State::Resolved;
  return std::nullopt;
}

// --- the implicit thread: canon_lift -------------------------------------------------------------

Failure ImplicitThread::run() {
  bool is_cancelled = false;
  switch (stage_) {
    case Stage::New:
    case Stage::Entering:
      if (auto failed = enter(is_cancelled); failed || is_cancelled) {
        return failed;
      }
      return call_function();
    case Stage::Between:
      take_event();
      return call_back();
  }
  return std::nullopt;
}

/// Calls the callback until it waits or is done.
Failure ImplicitThread::call_back() {
  std::uint32_t packed = 0;
  for (bool calls_again = true; calls_again;) {
    if (auto failed = call_callback(packed)) [[unlikely]] {
      return failed;
    }
    if (auto failed = follow(packed, calls_again)) [[unlikely]] {
      return failed;
    }
  }
  return std::nullopt;
}

/// @spec definitions.py Task.enter_implicit_thread
Failure ImplicitThread::enter(bool& is_cancelled) {
  AsyncState& async = task->async;
  AsyncState::PerInstance& instance = async.of(component_index);
  bool has_waited = stage_ == Stage::Entering;
  if (!has_waited && (async.has_backpressure(*task) || instance.num_waiting_to_enter > 0)) {
    // On its caller's stack: it has one to wait on.
    ++instance.num_waiting_to_enter;
    if (auto failed = run_of.wait_until(*this, {.kind = Wait::Kind::Enter}, true)) {
      return failed;
    }
    has_waited = true;
  }
  if (has_waited) {
    --instance.num_waiting_to_enter;
  }
  if (has_waited && cancelled) {
    is_cancelled = true;
    Task& cancelled_task = *task;
    FiberRun& run = run_of;
    const std::uint16_t inst = component_index;
    run.pop(*this);
    if (auto failed = cancelled_task.cancel()) {
      return failed;
    }
    async.remove_task(cancelled_task);
    // It may have been the one that was told to come in.
    run.gate_opened(inst);
    return std::nullopt;
  }
  if (task->needs_exclusive()) {
    async.set_exclusive(component_index, this);
  }
  return task->register_thread(*this);
}

Failure ImplicitThread::call_function() {
  const ExportedFunc& func = *task->func;
  engine::RawVal slots[kMaxFlatParams] = {};
  task->state = Task::State::Started;
  if (auto failed = task->caller->on_start(*task, slots)) [[unlikely]] {
    return failed;
  }
  ComponentInstance& instance = task->async.instance();
  const engine::Func* callee = instance.func(func.func_slot);
  if (callee == nullptr) [[unlikely]] {
    return failure("component function called before its module was instantiated");
  }
  if (auto called = run_of.store().call_guest(*callee, slots); !called) [[unlikely]] {
    return detail::as_host_trap(std::move(called.error()));
  }
  if (!func.is_async_lift) {
    return finish_sync(slots);
  }
  if (func.callback_slot == CallSite::kNone) {
    return exit();
  }
  stage_ = Stage::Between;
  bool calls_again = false;
  if (auto failed = follow(slots[0].u32, calls_again)) [[unlikely]] {
    return failed;
  }
  return calls_again ? call_back() : std::nullopt;
}

Failure ImplicitThread::finish_sync(engine::RawVal* slots) {
  const ExportedFunc& func = *task->func;
  ComponentInstance& instance = task->async.instance();
  engine::Store& store = run_of.store();
  const engine::RawVal returned = slots[0];
  {
    const CallSite site{
        0, func.memory_slot, func.realloc_slot, func.component_index, func.encoding
    };
    InstanceHeap heap(instance, store, site);
    LiftContext cx(
        func.memory_slot == CallSite::kNone ? MutableByteView{} : heap.memory(),
        instance.handles(component_index),
        Lending::Lookup,
        func.encoding,
        &store
    );
    cx.allow_views(heap);
    TaskResult result{cx, slots, kMaxFlatResults};
    if (auto failed = task->return_(result)) [[unlikely]] {
      return failed;
    }
  }
  if (auto freed = detail::post_return(instance, store, func, returned); !freed) [[unlikely]] {
    return detail::as_host_trap(std::move(freed.error()));
  }
  return exit();
}

void ImplicitThread::deliver(EventTuple event) {
  task->async.set_exclusive(component_index, this);
  event_ = event;
}

void ImplicitThread::take_event() {
  if (cancelled) {
    deliver({.code = EventCode::TaskCancelled});
  } else {
    deliver(set_ != nullptr ? set_->get_pending_event() : EventTuple{});
  }
}

Failure ImplicitThread::follow(std::uint32_t packed, bool& calls_again) {
  AsyncState& async = task->async;
  calls_again = false;
  const std::uint32_t code = packed & kCodeMask;
  if (code == kExit) {
    return exit();
  }
  if (code > kWait) [[unlikely]] {
    return failure(fmt::format("unsupported callback code: {}", code));
  }
  set_ = nullptr;
  if (code == kWait) {
    auto found = async.instance().handles(component_index).get(packed >> 4, kWaitableSetTag);
    if (!found) [[unlikely]] {
      return std::move(found.error());
    }
    set_ = static_cast<WaitableSet*>(*found);
  }
  async.set_exclusive(component_index, nullptr);
  if (task->deliver_pending_cancel(true)) {
    deliver({.code = EventCode::TaskCancelled});
    calls_again = true;
    return std::nullopt;
  }
  const bool has_turn = async.of(component_index).exclusive_thread == nullptr;
  if (set_ != nullptr && set_->has_pending_event() && has_turn) {
    deliver(set_->get_pending_event());
    calls_again = true;
    return std::nullopt;
  }
  run_of.pop(*this);
  const auto kind = set_ == nullptr ? Wait::Kind::Turn : Wait::Kind::TurnAndSet;
  run_of.start_waiting(*this, {.kind = kind, .set = set_}, true);
  return std::nullopt;
}

Failure ImplicitThread::call_callback(std::uint32_t& packed) {
  ComponentInstance& instance = task->async.instance();
  const engine::Func* callback = instance.func(task->func->callback_slot);
  if (callback == nullptr) [[unlikely]] {
    return failure("callback called before its module was instantiated");
  }
  engine::RawVal slots[3] = {};
  slots[0].u64 = static_cast<std::uint32_t>(event_.code);
  slots[1].u64 = event_.index;
  slots[2].u64 = event_.payload;
  if (auto called = run_of.store().call_guest(*callback, slots); !called) [[unlikely]] {
    return detail::as_host_trap(std::move(called.error()));
  }
  packed = slots[0].u32;
  return std::nullopt;
}

/// @spec definitions.py Task.exit_implicit_thread
Failure ImplicitThread::exit() {
  Task& ending = *task;
  run_of.pop(*this);
  AsyncState& async = ending.async;
  const std::uint16_t inst = component_index;
  const bool was_exclusive = ending.needs_exclusive();
  if (auto failed = ending.unregister_thread(*this)) [[unlikely]] {
    return failed;
  }
  if (was_exclusive) {
    async.set_exclusive(inst, nullptr);
  }
  if (ending.threads.empty()) {
    async.remove_task(ending);
  }
  return std::nullopt;
}

// --- calls on the caller's stack -----------------------------------------------------------------

DirectCall::DirectCall(ComponentInstance& instance, std::uint16_t component_index, Kind kind) {
  AsyncState* async = instance.async();
  FiberRun* run = async == nullptr ? nullptr : async->run();
  if (run == nullptr || run->running() == nullptr) {
    return;
  }
  if (kind == Kind::Plain) {
    plain_.emplace(*run, nullptr, component_index);
    run->push(*plain_);
    return;
  }
  task_ = async->add_task(std::make_unique<Task>(*run, *async, component_index, nullptr, nullptr));
  if (task_ == nullptr) [[unlikely]] {
    is_refused_ = true;
    return;
  }
  task_->state = Task::State::Started;
  task_->implicit_thread.in_sync_scope = true;
  run->push(task_->implicit_thread);
  is_refused_ = task_->register_thread(task_->implicit_thread).has_value();
}

DirectCall::~DirectCall() {
  if (plain_) {
    plain_->run_of.pop(*plain_);
    return;
  }
  if (task_ == nullptr) {
    return;
  }
  Task& task = *task_;
  // After a trap the whole event ends; what is left goes with it.
  if (task.run.current_thread() == &task.implicit_thread) {
    task.run.pop(task.implicit_thread);
  }
  task.state = Task::State::Resolved;
  if (task.implicit_thread.index != 0) {
    (void)task.unregister_thread(task.implicit_thread);
  }
  if (task.threads.empty()) {
    task.async.remove_task(task);
  }
}

Failure DirectCall::refused() const {
  return is_refused_ ? failure("too many calls at the same time") : Failure();
}

}  // namespace whorl::component
