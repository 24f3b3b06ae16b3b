#include "async/work_lane.hpp"

#include "async/mutex.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <utility>
#include <vector>

namespace whorl::async {

/// How long a lane keeps a thread while it has work and others may wait for one: many small batches
/// pass without waking another thread, and none of a statement's length waits for them.
constexpr std::chrono::milliseconds kTurn{2};

using Operations = std::vector<std::shared_ptr<WorkLane::Operation>>;

struct WorkLane::State : std::enable_shared_from_this<State> {
  State(BlockingPool& its_pool, Worker& its_worker, const LaneLimits& its_limits) noexcept
      : pool(its_pool), worker(its_worker), limits(its_limits) {}

  BlockingPool& pool;
  Worker& worker;
  const LaneLimits limits;
  std::atomic<std::size_t> load{0};
  Mutex mutex;
  std::condition_variable_any idle;
  std::deque<std::shared_ptr<Operation>> queue WHORL_GUARDED_BY(mutex);
  std::size_t queued_cost WHORL_GUARDED_BY(mutex) = 0;
  bool scheduled WHORL_GUARDED_BY(mutex) = false;  ///< a job is queued with the pool or runs
  bool closed WHORL_GUARDED_BY(mutex) = false;

  /// Asks the pool for a turn: not under the lock, which a thread that is woken wants at once.
  [[nodiscard]] Result<> schedule();
  [[nodiscard]] Result<> enqueue(const std::shared_ptr<Operation>& operation);
  /// @return whether the pool is to be asked
  [[nodiscard]] Result<bool> push(const std::shared_ptr<Operation>& operation);
  /// Nobody will take a turn: what is queued fails.
  void end(const Error& why);
  [[nodiscard]] Operations take_batch() WHORL_REQUIRES(mutex);
  void complete(const Operations& operations) WHORL_REQUIRES(mutex);
  void drop_queue(const Error& why) WHORL_REQUIRES(mutex);
  /// A thread of the pool works here.
  void take_turn();
  /// One batch; @return whether more is queued.
  [[nodiscard]] bool work_once();
  void carry_out(const Operations& batch);
};

Result<> WorkLane::State::schedule() {
  return pool.submit([self = shared_from_this()](BlockingPool::Fate fate) {
    if (fate == BlockingPool::Fate::Run) {
      self->take_turn();
    } else {
      self->end(fail(ErrorKind::Cancelled, "the pool was stopped"));
    }
  });
}

void WorkLane::State::end(const Error& why) {
  const MutexLock lock(mutex);
  scheduled = false;
  drop_queue(why);
  idle.notify_all();
}

void WorkLane::State::take_turn() {
  const auto end = std::chrono::steady_clock::now() + kTurn;
  while (work_once()) {
    // Where the pool cannot take it, it goes on here.
    if (std::chrono::steady_clock::now() >= end && schedule()) {
      return;
    }
  }
}

Result<bool> WorkLane::State::push(const std::shared_ptr<Operation>& operation) {
  const MutexLock lock(mutex);
  if (closed) {
    return fail(ErrorKind::Cancelled, "the lane was closed");
  }
  if (queue.size() >= limits.queue_operations ||
      (!queue.empty() && queued_cost + operation->cost_ > limits.queue_cost)) {
    return fail(ErrorKind::Overloaded, "{} operations are waiting", queue.size());
  }
  queue.push_back(operation);
  queued_cost += operation->cost_;
  load.fetch_add(1, std::memory_order_relaxed);
  return !std::exchange(scheduled, true);
}

Result<> WorkLane::State::enqueue(const std::shared_ptr<Operation>& operation) {
  WHORL_TRY(const bool is_first, push(operation));
  if (!is_first) {
    return {};
  }
  auto asked = schedule();
  if (!asked) {
    {
      const MutexLock lock(mutex);
      if (std::erase(queue, operation) > 0) {
        queued_cost -= operation->cost_;
        load.fetch_sub(1, std::memory_order_relaxed);
      }
    }
    end(asked.error());  // of those that came behind it
  }
  return asked;
}

Operations WorkLane::State::take_batch() {
  Operations batch;
  std::size_t cost = 0;
  while (!queue.empty() && batch.size() < limits.batch_operations &&
         (batch.empty() || queue.front()->cost_ <= limits.batch_cost - cost)) {
    cost += std::min(queue.front()->cost_, limits.batch_cost - cost);
    queued_cost -= queue.front()->cost_;
    batch.push_back(std::move(queue.front()));
    queue.pop_front();
  }
  return batch;
}

// Under the lock: a caller that has left, and with it perhaps its shard, is not posted to.
void WorkLane::State::complete(const Operations& operations) {
  load.fetch_sub(operations.size(), std::memory_order_relaxed);
  std::vector<std::pair<Shard*, Operations>> by_shard;
  for (const auto& operation : operations) {
    if (operation->abandoned_) {
      continue;
    }
    auto place = by_shard.begin();
    while (place != by_shard.end() && place->first != operation->shard_) {
      ++place;
    }
    if (place == by_shard.end()) {
      place = by_shard.insert(place, {operation->shard_, {}});
    }
    place->second.push_back(operation);
  }
  for (auto& [shard, finished] : by_shard) {
    shard->post([done = std::move(finished)] {
      for (const auto& operation : done) {
        operation->done_ = true;
        if (operation->fiber_ != nullptr) {
          operation->fiber_->unpark();
        }
      }
    });
  }
}

void WorkLane::State::drop_queue(const Error& why) {
  const Operations dropped(queue.begin(), queue.end());
  queue.clear();
  queued_cost = 0;
  for (const auto& operation : dropped) {
    operation->failure_ = why.clone();
  }
  complete(dropped);
}

void WorkLane::State::carry_out(const Operations& batch) {
  auto work = [&] { worker.work(batch); };
  if (auto done = BlockingPool::call(work); !done) {
    for (const auto& operation : batch) {
      operation->failure_ = done.error().clone();
    }
  }
}

bool WorkLane::State::work_once() {
  Operations batch;
  {
    const MutexLock lock(mutex);
    batch = take_batch();
  }
  if (!batch.empty()) {
    carry_out(batch);
  }
  const MutexLock lock(mutex);
  complete(batch);
  if (queue.empty()) {
    scheduled = false;
    idle.notify_all();
  }
  return scheduled;
}

WorkLane::WorkLane(BlockingPool& pool, Worker& worker, const LaneLimits& limits)
    : state_(std::make_shared<State>(pool, worker, limits)) {}

WorkLane::~WorkLane() {
  const MutexLock lock(state_->mutex);
  state_->closed = true;
  state_->drop_queue(fail(ErrorKind::Cancelled, "the lane was closed"));
  while (state_->scheduled) {
    state_->idle.wait(state_->mutex);
  }
}

Result<> WorkLane::post(const std::shared_ptr<Operation>& operation) {
  operation->abandoned_ = true;  // before anybody else knows of it
  return state_->enqueue(operation);
}

std::size_t WorkLane::load() const noexcept {
  return state_->load.load(std::memory_order_relaxed);
}

Result<> WorkLane::run(
    Shard& shard, Parkable& fiber, const std::shared_ptr<Operation>& operation, std::size_t cost
) {
  if (fiber.cancelled()) {
    return fail(ErrorKind::Cancelled, "the caller is being ended");
  }
  operation->shard_ = &shard;
  operation->fiber_ = &fiber;
  operation->cost_ = cost;
  // The lane may be gone when the caller is woken.
  const std::shared_ptr<State> state = state_;
  if (auto queued = state->enqueue(operation); !queued) {
    operation->fiber_ = nullptr;  // the lane's end may have come to it meanwhile
    return queued;
  }
  while (!operation->done_) {
    if (auto parked = fiber.park(); !parked) {
      operation->fiber_ = nullptr;
      {
        const MutexLock lock(state->mutex);
        operation->abandoned_ = true;
      }
      operation->on_abandoned();
      return parked.take_error();
    }
  }
  if (operation->failure_) {
    return *std::move(operation->failure_);
  }
  return {};
}

}  // namespace whorl::async
