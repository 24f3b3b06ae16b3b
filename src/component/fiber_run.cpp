#include "component/fiber_run.hpp"

#include "component/async_state.hpp"
#include "component/task.hpp"

#include <algorithm>
#include <utility>

namespace whorl::component {
namespace {

constexpr const char* kCannotBlock = "cannot block a synchronous task before returning";
constexpr const char* kDeadlock = "deadlock detected: event loop cannot make further progress";
/// Turns in one go: then others of the shard get theirs.
constexpr int kTurns = 64;

engine::Trap as_trap(HostTrap trap) {
  engine::Trap out;
  out.kind = trap.kind;
  out.message = std::move(trap.message);
  out.exit_code = trap.exit_code;
  return out;
}

Failure being_ended() {
  return HostTrap{engine::TrapKind::Cancelled, "the guest is being ended", 0};
}

/// Why the store is being ended, as who began it said; `otherwise` if it is not.
engine::Trap ending_of(engine::Store& store, HostTrap otherwise) {
  if (!store.is_dying()) {
    return as_trap(std::move(otherwise));
  }
  // Nothing is called: a dying store says why instead.
  return store.call_guest({}, {}).error();
}

}  // namespace

class FiberRun::PumpThread final : public Thread {
 public:
  PumpThread(FiberRun& run, std::shared_ptr<SharedStream> stream)
      : Thread(run, nullptr, kHostThread), stream_(std::move(stream)) {}
  [[nodiscard]] Failure run() override {
    FiberRun& run = run_of;
    const Call call{run.instance_, run.store_, nullptr};
    auto failed = stream_->pump(&call);
    run.pop(*this);
    std::erase_if(run.pumps_, [&](const auto& owned) { return owned.get() == this; });
    return failed;
  }

 private:
  std::shared_ptr<SharedStream> stream_;
};

Worker::Worker(FiberRun& in, engine::Store& store, engine::Fiber::Entry entry)
    : run(in), fiber(store, in, entry, this) {}

FiberRun::FiberRun(ComponentInstance& instance, engine::Store& store, Driver& driver)
    : instance_(instance), store_(store), driver_(driver), async_(instance.async()) {
  if (async_ != nullptr) {
    async_->set_run(this);
  }
}

FiberRun::~FiberRun() {
  if (async_ != nullptr) {
    async_->end_run();
  }
}

void FiberRun::start(engine::Fiber::Entry entry, void* env) {
  if (root_ != nullptr) {
    cancel(engine::TrapKind::Cancelled, "the last call is not over");
    workers_.push_back(std::move(root_));
    root_call_ = nullptr;
  }
  entry_ = entry;
  entry_env_ = env;
  is_root_done_ = false;
  root_ = std::make_unique<Worker>(*this, store_, &FiberRun::root_entry);
  next_ = root_.get();
}

std::expected<void, engine::Trap> FiberRun::root_entry(void* env, engine::Fiber& fiber) {
  FiberRun& run = static_cast<Worker*>(env)->run;
  return run.entry_(run.entry_env_, fiber);
}

std::expected<void, engine::Trap> FiberRun::worker_entry(void* env, engine::Fiber&) {
  auto& worker = *static_cast<Worker*>(env);
  return worker.run.serve(worker);
}

std::expected<void, engine::Trap> FiberRun::serve(Worker& worker) {
  while (worker.job != nullptr) {
    if (auto failed = run_job(worker)) {
      return std::unexpected(ending_of(store_, *std::move(failed)));
    }
    next_ = std::exchange(worker.resumer, nullptr);
    idle_.push_back(&worker);
    if (auto failed = park()) {
      return std::unexpected(ending_of(store_, *std::move(failed)));
    }
  }
  return {};
}

Failure FiberRun::run_job(Worker& worker) {
  Thread& thread = *std::exchange(worker.job, nullptr);
  push(thread);
  auto failed = thread.run();
  if (failed) {
    (void)store_.set_trap(failed->kind, failed->message, failed->exit_code);
  }
  return failed;
}

Failure FiberRun::serve_root_call() {
  Worker& worker = *running_;
  if (root_call_->has_returned && worker.resumer == nullptr && async_->num_tasks() == 0) {
    leave_ticked();
    root_call_ = nullptr;
    return std::nullopt;
  }
  while (!is_exit_granted_) {
    next_ = std::exchange(worker.resumer, nullptr);
    is_root_idle_ = true;
    if (auto failed = park()) {
      return failed;
    }
    is_root_idle_ = false;
    if (worker.job != nullptr) {
      if (auto failed = run_job(worker)) {
        return failed;
      }
    }
  }
  root_call_ = nullptr;
  is_exit_granted_ = false;
  return std::nullopt;
}

void FiberRun::push(Thread& thread) noexcept {
  thread.below = running_->top;
  thread.worker = running_;
  thread.state = Thread::State::Running;
  running_->top = &thread;
}

void FiberRun::pop(Thread& thread) noexcept {
  running_->top = thread.below;
  thread.below = nullptr;
  thread.worker = nullptr;
}

void FiberRun::forget(Thread& thread) noexcept {
  if (thread.queue != nullptr) {
    thread.queue->remove(thread);
  }
}

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
  if (Thread* thread = async_->of(component_index).gated.pop()) {
    may_be_ready(*thread);
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
    return nullptr;
  }
  workers_.push_back(std::make_unique<Worker>(*this, store_, &FiberRun::worker_entry));
  return workers_.back().get();
}

Worker* FiberRun::worker_for(Thread& thread) {
  if (thread.worker != nullptr) {
    return thread.worker;
  }
  // The first fiber serves what it was started for and nothing else: it must be able to return.
  const bool is_roots = is_root_idle_ && !root_call_->is_gone && &thread == root_call_->thread;
  Worker* worker = is_roots ? root_.get() : take_worker();
  if (worker == nullptr) {
    trapped(
        {engine::TrapKind::ResourceLimit,
         fmt::format("more than {} calls of one event wait at the same time", kMaxWorkers),
         0}
    );
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
  return block(thread, nullptr);
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

// --- the event loop ------------------------------------------------------------------------------

void FiberRun::fiber_ready(engine::Fiber& fiber) noexcept {
  auto& worker = *static_cast<Worker*>(fiber.env());
  if (&worker == resuming_) {
    return;
  }
  if (is_ending_ || store_.is_dying()) {
    dying_ready_.push_back(&worker);
  } else if (worker.in_host) {
    worker.top->is_host_ready = true;
    may_be_ready(*worker.top);
  } else if (!worker.is_parked) {
    worker.is_host_ready = true;
  } else {
    return;
  }
  wake();
}

// resume() reports both to resume_fiber().
void FiberRun::fiber_yielded(engine::Fiber&) noexcept {}
void FiberRun::fiber_done(engine::Fiber&) noexcept {}

void FiberRun::enter_turn(std::uint16_t component_index) noexcept {
  ticked_ = component_index;
}

void FiberRun::leave_ticked() noexcept {
  if (ticked_) {
    instance_.leave(*std::exchange(ticked_, std::nullopt), ComponentInstance::kHost);
  }
}

Worker* FiberRun::tick() {
  while (Thread* thread = ready_.pop()) {
    if (!is_ready(*thread)) {
      const Wait::Kind kind = thread->wait.kind;
      const bool lacks_turn =
          kind == Wait::Kind::Turn || kind == Wait::Kind::Enter ||
          (kind == Wait::Kind::TurnAndSet && thread->wait.set->has_pending_event());
      if (lacks_turn && thread->is_waiting()) {
        async_->of(thread->component_index).gated.push(*thread);
      }
      continue;
    }
    const bool is_guest = thread->component_index != Thread::kHostThread;
    const bool was_gated = thread->wait.kind == Wait::Kind::Enter;
    if (is_guest && !instance_.enter(thread->component_index, ComponentInstance::kHost)) {
      trapped({engine::TrapKind::HostTrap, "cannot enter component instance", 0});
      return nullptr;
    }
    if (is_guest) {
      ticked_ = thread->component_index;
    }
    stop_waiting(*thread);
    thread->state = Thread::State::Running;
    Worker* worker = worker_for(*thread);
    if (worker != nullptr) {
      worker->resumer = nullptr;
    }
    if (was_gated) {
      gate_opened(thread->component_index);
    }
    return worker;
  }
  return nullptr;
}

Worker* FiberRun::pick() {
  if (yielded_ != nullptr) {
    return std::exchange(yielded_, nullptr);
  }
  if (stuck_ != nullptr) {
    return stuck_->is_host_ready ? std::exchange(stuck_, nullptr) : nullptr;
  }
  if (next_ != nullptr) {
    return std::exchange(next_, nullptr);
  }
  leave_ticked();
  if (async_ == nullptr) {
    return nullptr;
  }
  if (is_root_idle_ && !is_exit_granted_ && root_call_->ends_at_return &&
      root_call_->has_returned) {
    is_exit_granted_ = true;
    return root_.get();
  }
  if (auto stream = async_->run_pumps()) {
    pumps_.push_back(std::make_unique<PumpThread>(*this, std::move(stream)));
    start_waiting(*pumps_.back(), {.kind = Wait::Kind::Now}, false);
  }
  return tick();
}

FiberRun::State FiberRun::resume_fiber(Worker& worker) {
  running_ = resuming_ = &worker;
  worker.goes_on = true;
  worker.is_parked = false;
  worker.in_host = false;
  worker.is_host_ready = false;
  if (worker.fiber.state() == engine::Fiber::State::Parked) {
    worker.fiber.unpark();
  }
  const auto state = worker.fiber.resume();
  running_ = resuming_ = nullptr;
  switch (state) {
    case engine::Fiber::State::Yielded:
      yielded_ = &worker;
      return State::Yielded;
    case engine::Fiber::State::Done:
      ended(worker);
      break;
    default:
      if (worker.in_host) {
        detach(worker.top);
        next_ = std::exchange(worker.resumer, nullptr);
      } else if (!worker.is_parked) {
        stuck_ = &worker;
      }
      break;
  }
  return State::Waiting;
}

void FiberRun::ended(Worker& worker) {
  if (&worker == root_.get()) {
    outcome_ = worker.fiber.outcome();
    is_root_done_ = true;
    root_call_ = nullptr;
    is_root_idle_ = is_exit_granted_ = false;
    root_.reset();
  } else {
    std::erase(idle_, &worker);
    std::erase_if(workers_, [&](const auto& owned) { return owned.get() == &worker; });
  }
}

bool FiberRun::is_over_budget() {
  const engine::Budget& budget = store_.budget();
  if (store_.cpu_used() >= budget.cpu) {
    cancel(engine::TrapKind::CpuBudget, "used its CPU budget");
    return true;
  }
  return false;
}

/// Nobody can go on by itself.
FiberRun::State FiberRun::idle() {
  if (async_ == nullptr || root_ == nullptr || stuck_ != nullptr) {
    return State::Waiting;
  }
  const bool has_returned = root_call_ != nullptr && root_call_->has_returned;
  const bool may_go_on = parked_in_host_ != 0 || async_->has_host_ends();
  if (may_go_on && !(has_returned && async_->num_tasks() == 0)) {
    return State::Waiting;
  }
  if (!has_returned) {
    cancel(engine::TrapKind::HostTrap, kDeadlock);
  } else if (is_root_idle_) {
    is_exit_granted_ = true;
    next_ = root_.get();
  } else {
    // It returned, and waits for what never comes: that harms nobody.
    outcome_ = {};
    is_root_done_ = true;
  }
  return State::Yielded;
}

FiberRun::State FiberRun::step() {
  if (is_stepping_) {
    return State::Waiting;
  }
  is_stepping_ = true;
  State state = run_ready();
  is_stepping_ = false;
  return state;
}

FiberRun::State FiberRun::run_ready() {
  for (int turns = 0;; ++turns) {
    if (store_.is_dying()) {
      return step_dying();
    }
    if (is_root_done_) {
      leave_ticked();
      return State::Done;
    }
    if (turns >= kTurns) {
      if (!is_over_budget()) {
        return State::Yielded;
      }
      continue;
    }
    Worker* worker = pick();
    if (worker == nullptr) {
      if (store_.is_dying()) {
        continue;
      }
      if (idle() == State::Waiting) {
        return State::Waiting;
      }
      continue;
    }
    if (resume_fiber(*worker) == State::Yielded && !store_.is_dying()) {
      return State::Yielded;
    }
  }
}

/// Everything unwinds, in whatever order it can.
FiberRun::State FiberRun::step_dying() {
  const auto begin = [&](Worker& worker) {
    const auto state = worker.fiber.state();
    if (state == engine::Fiber::State::Yielded || state == engine::Fiber::State::New) {
      dying_ready_.push_back(&worker);
    }
  };
  if (root_ != nullptr) {
    begin(*root_);
  }
  for (const auto& worker : workers_) {
    begin(*worker);
  }
  if (!std::exchange(is_ending_, true)) {
    // Wakes the others, each once its operation is over.
    engine::Fiber* any = root_ != nullptr   ? &root_->fiber
                         : workers_.empty() ? nullptr
                                            : &workers_.front()->fiber;
    if (any != nullptr) {
      any->cancel(engine::TrapKind::Cancelled, "the guest is being ended");
    }
  }
  while (!dying_ready_.empty()) {
    Worker* worker = dying_ready_.front();
    std::erase(dying_ready_, worker);
    running_ = worker;
    const auto state = worker->fiber.resume();
    running_ = nullptr;
    if (state == engine::Fiber::State::Done) {
      ended(*worker);
    }
  }
  return is_empty() ? State::Done : State::Waiting;
}

void FiberRun::cancel(engine::TrapKind kind, std::string reason) {
  if (store_.is_dying()) {
    return;
  }
  // Fibers that are woken by this are told of while the store is dying already.
  (void)store_.set_trap(kind, std::move(reason));
  wake();
}

bool FiberRun::end_remaining() {
  if (workers_.empty()) {
    return false;
  }
  const bool all_idle = idle_.size() == workers_.size();
  if (!all_idle || (async_ != nullptr && async_->num_tasks() != 0)) {
    cancel(engine::TrapKind::Cancelled, "the event is over");
    return true;
  }
  // Those that only wait for work return when there is none.
  is_stepping_ = true;
  while (!idle_.empty()) {
    Worker* worker = idle_.back();
    idle_.pop_back();
    (void)resume_fiber(*worker);
  }
  is_stepping_ = false;
  return false;
}

}  // namespace whorl::component
