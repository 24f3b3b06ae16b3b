#include "component/fiber_run.hpp"

#include "component/async_state.hpp"
#include "component/task.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace whorl::component {
namespace {

constexpr const char* kDeadlock = "deadlock detected: event loop cannot make further progress";
/// After so many turns the time is looked at: others of the shard get theirs.
constexpr int kTurns = 64;

using Clock = std::chrono::steady_clock;

engine::Trap as_trap(HostTrap trap) {
  engine::Trap out;
  out.kind = trap.kind;
  out.message = std::move(trap.message);
  out.exit_code = trap.exit_code;
  return out;
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
  PumpThread(FiberRun& run, LocalPtr<SharedStream> stream)
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
  LocalPtr<SharedStream> stream_;
};

Worker::Worker(FiberRun& in, engine::Store& store, engine::Fiber::Entry entry, FiberShare* share)
    : run(in), taken(share), fiber(store, in, entry, this) {}

FiberRun::FiberRun(ComponentInstance& instance, engine::Store& store, Driver& driver)
    : instance_(instance), store_(store), driver_(driver), async_(instance.async()) {
  if (async_ != nullptr) {
    async_->set_run(this);
  }
}

FiberRun::~FiberRun() {
  // What unwinds may look at its thread and its task: they go afterwards.
  if (root_) {
    running_ = &*root_;
    root_.reset();
  }
  while (!workers_.empty()) {
    running_ = workers_.back().get();
    workers_.pop_back();
  }
  running_ = nullptr;
  if (async_ != nullptr) {
    async_->end_run();
  }
}

void FiberRun::start(engine::Fiber::Entry entry, void* env) {
  if (root_) {  // the last call has returned, and waits for what never comes
    cancel(engine::TrapKind::Cancelled, "the last call is not over");
    outcome_ = std::unexpected(store_.call_guest({}, {}).error());
    return;
  }
  entry_ = entry;
  entry_env_ = env;
  is_root_done_ = false;
  next_ = &root_.emplace(*this, store_, &FiberRun::root_entry);
}

void FiberRun::open() noexcept {
  is_root_done_ = false;
  is_open_ = true;
}

bool FiberRun::can_be_woken() const noexcept {
  return stuck_ != nullptr || yielded_ != nullptr || parked_in_host_ != 0 ||
         (async_ != nullptr && async_->has_host_ends());
}

bool FiberRun::is_quiet() const noexcept {
  return !root_ && idle_.size() == workers_.size() &&
         (async_ == nullptr || async_->num_tasks() == 0);
}

bool FiberRun::has_passing_streams() const noexcept {
  return async_ != nullptr && async_->has_host_pairs();
}

bool FiberRun::holds_back(std::uint16_t component_index) const noexcept {
  const AsyncState::PerInstance& inst = async_->of(component_index);
  return workers_.size() - idle_.size() >= kMaxWorkers / 2 || inst.exclusive_thread != nullptr ||
         inst.num_waiting_to_enter != 0 || instance_.backpressure(component_index) != 0;
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
    if (worker.taken.share != nullptr && worker.taken.share->is_scarce()) {
      break;
    }
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
  if (root_call_->has_returned && worker.resumer == nullptr && async_->num_tasks() == 0 &&
      !async_->has_host_pairs()) {
    leave_ticked();
    root_call_ = nullptr;
    return std::nullopt;
  }
  while (!is_exit_granted_) {
    next_ = std::exchange(worker.resumer, nullptr);
    is_root_idle_ = true;
    auto ended = park();
    is_root_idle_ = false;
    if (ended) {
      root_call_ = nullptr;
      return ended;
    }
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
      put_off(*thread);
      continue;
    }
    const bool is_guest = thread->component_index != Thread::kHostThread;
    // Who wants to be alone says it when it is not any more.
    const bool lets_in_more =
        thread->wait.kind == Wait::Kind::Enter && !thread->task->needs_exclusive();
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
    if (lets_in_more) {
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
    return &*root_;
  }
  if (auto stream = async_->run_pumps()) {
    pumps_.push_back(std::make_unique<PumpThread>(*this, std::move(stream)));
    start_waiting(*pumps_.back(), {.kind = Wait::Kind::Now}, false);
  }
  return tick();
}

FiberRun::State FiberRun::resume_fiber(Worker& worker) {
  if (is_open_) {
    const Thread* thread = worker.job != nullptr ? worker.job : worker.top;
    driver_.runs_for(thread == nullptr ? nullptr : thread->event);
  }
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
  if (root_ && &worker == &*root_) {
    if (!std::exchange(is_root_done_, true)) {
      outcome_ = worker.fiber.outcome();
    }
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
  if (async_ == nullptr || !root_ || stuck_ != nullptr) {
    return State::Waiting;
  }
  const bool has_returned = root_call_ != nullptr && root_call_->has_returned;
  const bool may_go_on = parked_in_host_ != 0 || async_->has_host_ends();
  // A body that only passes through the guest's hands may outlast its tasks.
  const bool is_over = has_returned && async_->num_tasks() == 0 && !async_->has_host_pairs();
  if (may_go_on && !is_over) {
    return State::Waiting;
  }
  if (!has_returned) {
    cancel(engine::TrapKind::HostTrap, kDeadlock);
  } else if (is_root_idle_) {
    is_exit_granted_ = true;
    next_ = &*root_;
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
  Clock::time_point began{};
  for (int turns = 0;; ++turns) {
    if (store_.is_dying()) {
      return step_dying();
    }
    if (is_root_done_) {
      leave_ticked();
      return State::Done;
    }
    if (turns == kTurns) {
      turns = 0;
      if (is_over_budget()) {
        continue;
      }
      const auto now = Clock::now();
      if (began == Clock::time_point{}) {
        began = now;
      } else if (now - began >= store_.budget().slice) {
        return State::Yielded;
      }
    }
    Worker* worker = pick();
    if (worker == nullptr) {
      if (store_.is_dying()) {
        continue;
      }
      if (stuck_ == nullptr && async_ != nullptr && async_->has_pumps()) {
        // What flows between two ends of the host goes on without a guest. A turn of it may be
        // long.
        turns = kTurns - 1;
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
  if (root_) {
    begin(*root_);
  }
  for (const auto& worker : workers_) {
    begin(*worker);
  }
  if (!std::exchange(is_ending_, true)) {
    // Those whose operation was over before are not told of again.
    const auto was_told = [&](Worker& worker) {
      const bool is_ready = worker.in_host ? worker.top->is_host_ready : worker.is_host_ready;
      if (is_ready && worker.fiber.state() == engine::Fiber::State::Parked) {
        dying_ready_.push_back(&worker);
      }
    };
    if (root_) {
      was_told(*root_);
    }
    for (const auto& worker : workers_) {
      was_told(*worker);
    }
    // Wakes the others, each once its operation is over.
    engine::Fiber* any = root_              ? &root_->fiber
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
  if (is_empty()) {
    return false;
  }
  if (!is_quiet()) {
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
