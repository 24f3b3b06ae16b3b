// The half of FiberRun that threads call: who is ready, blocking, resuming.
#include "component/async_state.hpp"
#include "component/fiber_run.hpp"
#include "component/task.hpp"

#include <utility>

namespace whorl::component {
namespace {

constexpr const char* kCannotBlock = "cannot block a synchronous task before returning";

}  // namespace

// --- readiness -----------------------------------------------------------------------------------

bool FiberRun::is_ready(const Thread& thread) const noexcept {
  if (thread.state != Thread::State::Waiting) {
    return false;
  }
  const Wait& wait = thread.wait;
  const auto has_turn = [&] {
    return async_->of(thread.component_index).exclusive_thread == nullptr;
  };
  switch (wait.kind) {
    case Wait::Kind::None:
      return false;
    case Wait::Kind::Now:
      return true;
    case Wait::Kind::Event:
      return wait.waitable->has_pending_event();
    case Wait::Kind::Set:
      return wait.set->has_pending_event();
    case Wait::Kind::Turn:
      return has_turn();
    case Wait::Kind::TurnAndSet:
      return wait.set->has_pending_event() && has_turn();
    case Wait::Kind::Enter:
      return !async_->has_backpressure(*thread.task);
    case Wait::Kind::Host:
      return thread.is_host_ready;
  }
  return false;
}

void FiberRun::start_waiting(Thread& thread, Wait wait, bool cancellable) {
  thread.state = Thread::State::Waiting;
  thread.wait = wait;
  thread.cancellable = cancellable;
  thread.cancelled = false;
  if (wait.set != nullptr) {
    wait.set->add_waiting(thread);
  }
  if (wait.kind == Wait::Kind::Event) {
    wait.waitable->set_sync_waiter(&thread);
  }
  may_be_ready(thread);
}

void FiberRun::stop_waiting(Thread& thread) noexcept {
  if (thread.wait.set != nullptr) {
    thread.wait.set->remove_waiting(thread);
  }
  if (thread.wait.kind == Wait::Kind::Event) {
    thread.wait.waitable->set_sync_waiter(nullptr);
  }
  thread.wait = {};
  if (thread.queue != nullptr) {
    thread.queue->remove(thread);
  }
}

void FiberRun::may_be_ready(Thread& thread) noexcept {
  if (thread.state != Thread::State::Waiting || thread.queue == &ready_) {
    return;
  }
  ready_.push(thread);
  wake();
}

void FiberRun::gate_opened(std::uint16_t component_index) noexcept {
  AsyncState::PerInstance& inst = async_->of(component_index);
  const bool has_turn = inst.exclusive_thread == nullptr;
  const bool lets_in = instance_.backpressure(component_index) == 0;
  const auto next_of = [&](ThreadQueue& queue, bool is_open) {
    Thread* thread = is_open ? queue.pop() : nullptr;
    if (thread != nullptr) {
      may_be_ready(*thread);
    }
  };
  next_of(inst.turns, has_turn);
  next_of(inst.entering, has_turn && lets_in);
  next_of(inst.entering_beside, lets_in);
}

void FiberRun::put_off(Thread& thread) noexcept {
  if (!thread.is_waiting()) {
    return;
  }
  const Wait& wait = thread.wait;
  AsyncState::PerInstance* inst =
      thread.component_index == Thread::kHostThread ? nullptr : &async_->of(thread.component_index);
  switch (wait.kind) {
    case Wait::Kind::Turn:
      inst->turns.push(thread);
      break;
    case Wait::Kind::TurnAndSet:
      if (wait.set->has_pending_event()) {
        inst->turns.push(thread);
      } else {
        // Somebody else took the event: the turn is the next one's.
        gate_opened(thread.component_index);
      }
      break;
    case Wait::Kind::Enter:
      (thread.task->needs_exclusive() ? inst->entering : inst->entering_beside).push(thread);
      break;
    default:
      break;
  }
}

void FiberRun::wake() noexcept {
  if (!is_stepping_) {
    driver_.wake();
  }
}

// --- blocking and resuming -----------------------------------------------------------------------

Failure FiberRun::park() {
  Worker& worker = *running_;
  worker.goes_on = false;
  worker.is_parked = true;
  while (!worker.goes_on) {
    // The trap that ends the store, if any, was set by whoever ended it.
    if (!worker.fiber.park()) {
      return being_ended();
    }
  }
  return std::nullopt;
}

Worker* FiberRun::take_worker() {
  if (!idle_.empty()) {
    Worker* worker = idle_.back();
    idle_.pop_back();
    return worker;
  }
  if (workers_.size() >= kMaxWorkers) {
    trapped(
        {engine::TrapKind::ResourceLimit,
         fmt::format("more than {} calls of one event wait at the same time", kMaxWorkers),
         0}
    );
    return nullptr;
  }
  FiberShare* share = driver_.fibers();
  if (share != nullptr && !share->try_take()) {
    trapped({engine::TrapKind::ResourceLimit, share->refusal(), 0});
    return nullptr;
  }
  workers_.push_back(std::make_unique<Worker>(*this, store_, &FiberRun::worker_entry, share));
  return workers_.back().get();
}

Worker* FiberRun::worker_for(Thread& thread) {
  if (thread.worker != nullptr) {
    return thread.worker;
  }
  // The first fiber serves what it was started for and nothing else: it must be able to return.
  const bool is_roots = is_root_idle_ && !root_call_->is_gone && &thread == root_call_->thread;
  Worker* worker = is_roots ? &*root_ : take_worker();
  if (worker == nullptr) {
    return nullptr;
  }
  worker->job = &thread;
  thread.worker = worker;
  return worker;
}

void FiberRun::trapped(HostTrap trap) {
  (void)store_.set_trap(trap.kind, std::move(trap.message), trap.exit_code);
}

Failure FiberRun::resume(Thread& thread, bool cancelled) {
  stop_waiting(thread);
  thread.state = Thread::State::Running;
  thread.cancelled = cancelled;
  Worker* worker = worker_for(thread);
  if (worker == nullptr) {
    return being_ended();
  }
  worker->resumer = running_;
  next_ = worker;
  return park();
}

void FiberRun::detach(Thread* thread) noexcept {
  for (; thread != nullptr && thread->below != nullptr; thread = thread->below) {
    const bool is_call = thread->component_index != Thread::kHostThread &&
                         thread->below->component_index != Thread::kHostThread;
    if (is_call && !std::exchange(thread->is_detached, true)) {
      instance_.leave(thread->component_index, thread->below->component_index);
    }
  }
}

const char* FiberRun::refuse_block() const noexcept {
  const Thread* scope = nullptr;
  for (const Thread* at = current_thread(); at != nullptr; at = at->below) {
    if (at->in_sync_scope) {
      scope = at;
      break;
    }
  }
  const Thread* self = current_thread();
  if (scope != nullptr && scope != self) {
    return kCannotBlock;
  }
  if (scope == nullptr && running_ != nullptr && running_->resumer != nullptr &&
      running_->resumer->top != nullptr && running_->resumer->top->is_looping) {
    scope = running_->resumer->top;
  }
  if (scope == nullptr || candidate(*scope, self) != nullptr ||
      (scope != self && is_ready(*scope))) {
    return nullptr;
  }
  return kCannotBlock;
}

Thread* FiberRun::candidate(const Thread& scope, const Thread* except) const noexcept {
  const AsyncState::PerInstance& inst = async_->of(scope.component_index);
  for (Thread* thread : inst.threads.all()) {
    if (thread == nullptr || thread == &scope || thread == except || !is_ready(*thread)) {
      continue;
    }
    // The stack is the synchronous call's: what wants it for itself is left alone.
    const Task* task = thread->task;
    const bool wants_stack = task != nullptr && task->func != nullptr &&
                             thread == &task->implicit_thread && task->needs_exclusive();
    if (!wants_stack && thread != inst.exclusive_thread) {
      return thread;
    }
  }
  return nullptr;
}

Failure FiberRun::block_in_sync_scope(Thread& thread, Thread* switch_to) {
  thread.is_looping = true;
  Failure failed;
  while (!failed && thread.state != Thread::State::Running) {
    Thread* other = std::exchange(switch_to, nullptr);
    if (other == nullptr) {
      other = candidate(thread, nullptr);
    }
    if (other != nullptr) {
      failed = resume(*other, false);
    } else if (is_ready(thread)) {
      stop_waiting(thread);
      thread.state = Thread::State::Running;
    } else {
      failed = failure(kCannotBlock);
    }
    if (!failed && is_ready(thread) && thread.wait.kind != Wait::Kind::Now) {
      stop_waiting(thread);
      thread.state = Thread::State::Running;
    }
  }
  thread.is_looping = false;
  return failed;
}

Failure FiberRun::block(Thread& thread, Thread* switch_to) {
  if (thread.in_sync_scope) {
    return block_in_sync_scope(thread, switch_to);
  }
  for (const Thread* at = &thread; at != nullptr; at = at->below) {
    if (at->in_sync_scope) {
      return failure(kCannotBlock);
    }
  }
  detach(&thread);
  Worker& worker = *running_;
  Worker* resumer = std::exchange(worker.resumer, nullptr);
  next_ = resumer;
  if (switch_to != nullptr) {
    stop_waiting(*switch_to);
    switch_to->state = Thread::State::Running;
    switch_to->cancelled = false;
    Worker* other = worker_for(*switch_to);
    if (other == nullptr) {
      return being_ended();
    }
    // One that looks after a synchronous call goes on in its own place.
    if (other != resumer) {
      other->resumer = resumer;
    }
    next_ = other;
  }
  return park();
}

Failure FiberRun::wait_until(Thread& thread, Wait wait, bool cancellable) {
  if (thread.task != nullptr && thread.task->deliver_pending_cancel(cancellable)) {
    thread.cancelled = true;
    return std::nullopt;
  }
  start_waiting(thread, wait, cancellable);
  if (wait.kind != Wait::Kind::Now && is_ready(thread)) {
    stop_waiting(thread);
    thread.state = Thread::State::Running;
    return std::nullopt;
  }
  Failure failed = block(thread, nullptr);
  if (failed) [[unlikely]] {
    // The stack unwinds, maybe with the thread on it: others must not tell it of events any more.
    stop_waiting(thread);
  }
  return failed;
}

Failure FiberRun::suspend(Thread& thread, bool cancellable, Thread* switch_to) {
  if (thread.task != nullptr && thread.task->deliver_pending_cancel(cancellable)) {
    thread.cancelled = true;
    return std::nullopt;
  }
  thread.state = Thread::State::Suspended;
  thread.cancellable = cancellable;
  thread.cancelled = false;
  return block(thread, switch_to);
}

Failure FiberRun::yield_to(Thread& thread, bool cancellable, Thread& switch_to) {
  if (thread.task != nullptr && thread.task->deliver_pending_cancel(cancellable)) {
    thread.cancelled = true;
    return std::nullopt;
  }
  start_waiting(thread, {.kind = Wait::Kind::Now}, cancellable);
  return block(thread, &switch_to);
}

Result<> FiberRun::park_in_host(async::Cancellable* operation) {
  Worker& worker = *running_;
  Thread* thread = worker.top;
  if (thread == nullptr) {
    return worker.fiber.park(operation);
  }
  for (const Thread* at = thread; at != nullptr; at = at->below) {
    if (at->in_sync_scope) {
      trapped({engine::TrapKind::HostTrap, kCannotBlock, 0});
      return worker.fiber.park(operation);
    }
  }
  start_waiting(*thread, {.kind = Wait::Kind::Host}, false);
  thread->is_host_ready = false;
  worker.in_host = true;
  ++parked_in_host_;
  auto parked = worker.fiber.park(operation);
  --parked_in_host_;
  if (worker.in_host) {  // it did not have to wait
    worker.in_host = false;
    stop_waiting(*thread);
  }
  thread->state = Thread::State::Running;
  return parked;
}

}  // namespace whorl::component
