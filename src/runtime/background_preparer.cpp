#include "runtime/background_preparer.hpp"

#include "log/log.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <utility>
#include <vector>

namespace whorl::runtime {
namespace {

/// The engine compiles with threads of its own; two keep a start with warm caches short.
constexpr unsigned kThreads = 2;

/// How often, and how long after each other, is tried what failed for want of something that may be
/// there soon: descriptors, memory, a disk. 30 seconds in all.
constexpr int kAttempts = 300;
constexpr std::chrono::milliseconds kPause{100};

bool may_pass(ErrorKind kind) noexcept {
  return kind == ErrorKind::ResourceLimit || kind == ErrorKind::Unavailable ||
         kind == ErrorKind::Overloaded || kind == ErrorKind::DeadlineExceeded;
}

}  // namespace

struct BackgroundPreparer::Work {
  struct Job {
    std::shared_ptr<ServiceSlot> slot;
    Make make;
  };

  std::mutex mutex;
  std::list<Job> waiting;                                ///< under mutex
  std::vector<std::shared_ptr<ServiceSlot>> being_made;  ///< under mutex
  bool is_stopped = false;                               ///< under mutex
  std::condition_variable stopping;                      ///< is_stopped has become true

  /// The next job: the first that somebody waits for, else the first of all. There is one.
  std::list<Job> take() {
    std::list<Job> taken;
    const auto wanted =
        std::ranges::find_if(waiting, [](const Job& job) { return job.slot->is_wanted(); });
    taken.splice(taken.begin(), waiting, wanted == waiting.end() ? waiting.begin() : wanted);
    being_made.push_back(taken.front().slot);
    return taken;
  }

  /// @return false when there was nothing to do
  bool run_one() {
    std::list<Job> taken;
    {
      const std::scoped_lock lock(mutex);
      if (waiting.empty()) {
        return false;
      }
      taken = take();
    }
    Job& job = taken.front();
    auto made = async::BlockingPool::call(job.make);
    std::unique_lock lock(mutex);
    for (int attempt = 1; !made && may_pass(made.error().kind()) && attempt < kAttempts;
         ++attempt) {
      if (attempt == 1) {
        log::warn("whorl::runtime", "{}; trying again", made.error().to_line());
      }
      if (stopping.wait_for(lock, kPause, [this] { return is_stopped; })) {
        break;
      }
      lock.unlock();
      made = async::BlockingPool::call(job.make);
      lock.lock();
    }
    std::erase(being_made, job.slot);
    if (is_stopped) {
      return false;  // the slot has been settled, and its shards may be gone
    }
    if (!made) {
      log::error("whorl::runtime", "{}", made.error().to_line());
    }
    job.slot->settle(made ? *std::move(made) : nullptr);
    return true;
  }
};

BackgroundPreparer::BackgroundPreparer() : work_(std::make_shared<Work>()), threads_(kThreads) {}

BackgroundPreparer::~BackgroundPreparer() {
  stop();
}

std::shared_ptr<ServiceSlot> BackgroundPreparer::prepare(Make make) {
  auto slot = std::make_shared<ServiceSlot>();
  {
    const std::scoped_lock lock(work_->mutex);
    work_->waiting.push_back({slot, std::move(make)});
  }
  return slot;
}

Result<> BackgroundPreparer::start() {
  for (unsigned i = 0; i < kThreads; ++i) {
    WHORL_CHECKED(threads_.submit([work = work_](async::BlockingPool::Fate fate) {
      while (fate == async::BlockingPool::Fate::Run && work->run_one()) {
      }
    }));
  }
  return {};
}

void BackgroundPreparer::stop() {
  const std::scoped_lock lock(work_->mutex);
  work_->is_stopped = true;
  work_->stopping.notify_all();
  for (const Work::Job& job : work_->waiting) {
    job.slot->settle(nullptr);
  }
  work_->waiting.clear();
  for (const auto& slot : work_->being_made) {
    slot->settle(nullptr);
  }
}

}  // namespace whorl::runtime
