#include "async/blocking_pool.hpp"

#include "async/mutex.hpp"

#include <sys/prctl.h>

#include <deque>
#include <system_error>
#include <thread>
#include <vector>

namespace whorl::async {

struct BlockingPool::State {
  Mutex mutex;
  std::condition_variable_any changed;
  std::deque<Job> queue WHORL_GUARDED_BY(mutex);
  std::vector<std::thread> threads WHORL_GUARDED_BY(mutex);
  unsigned thread_limit = 0;
  std::size_t queue_limit = 0;
  unsigned idle WHORL_GUARDED_BY(mutex) = 0;
  bool stopped WHORL_GUARDED_BY(mutex) = false;

  void work();
  Result<> start_thread() WHORL_REQUIRES(mutex);
};

void BlockingPool::State::work() {
  while (true) {
    Job job;
    {
      const MutexLock lock(mutex);
      ++idle;
      while (queue.empty() && !stopped) {
        changed.wait(mutex);
      }
      --idle;
      if (stopped) {
        return;
      }
      job = std::move(queue.front());
      queue.pop_front();
    }
    job(Fate::Run);
  }
}

Result<> BlockingPool::State::start_thread() {
  try {
    threads.emplace_back([this] {
      // By the thread itself: the name of another one is a file that is opened and written.
      ::prctl(PR_SET_NAME, "whorl-blocking", 0, 0, 0);
      work();
    });
    return {};
  } catch (const std::system_error& refused) {
    if (!threads.empty()) {
      return {};  // the threads there are will come to it
    }
    return fail(ErrorKind::Unavailable, "cannot start a thread: {}", refused.what());
  }
}

BlockingPool::BlockingPool(unsigned threads, std::size_t queue_limit)
    : state_(std::make_unique<State>()) {
  state_->thread_limit = threads;
  state_->queue_limit = queue_limit;
}

BlockingPool::~BlockingPool() {
  stop();
}

Result<> BlockingPool::submit(Job job) {
  State& state = *state_;
  {
    const MutexLock lock(state.mutex);
    if (state.stopped) {
      return fail(ErrorKind::Cancelled, "the pool was stopped");
    }
    if (state.queue.size() >= state.queue_limit) {
      return fail(ErrorKind::Overloaded, "{} blocking calls are waiting", state.queue.size());
    }
    if (state.idle <= state.queue.size() && state.threads.size() < state.thread_limit) {
      WHORL_CHECKED(state.start_thread());
    }
    state.queue.push_back(std::move(job));
  }
  // Who is woken wants the lock.
  state.changed.notify_one();
  return {};
}

void BlockingPool::stop() noexcept {
  State& state = *state_;
  std::deque<Job> dropped;
  std::vector<std::thread> threads;
  {
    const MutexLock lock(state.mutex);
    state.stopped = true;
    dropped.swap(state.queue);
    threads.swap(state.threads);
    state.changed.notify_all();
  }
  for (Job& job : dropped) {
    job(Fate::Dropped);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace whorl::async
