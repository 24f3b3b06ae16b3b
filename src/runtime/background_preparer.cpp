#include "runtime/background_preparer.hpp"

#include "log/log.hpp"

#include <sys/resource.h>
#include <unistd.h>

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
/// Better code is compiled by one thread, with what the others leave of the machine: on two cores
/// and at this priority requests get nine tenths of the one it runs on.
constexpr unsigned kImprovers = 1;
constexpr int kImproverNice = 10;
constexpr std::string_view kLogTarget = "whorl::runtime";

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

  struct Improvement {
    std::shared_ptr<ServiceSlot> slot;
    MakeBetter make;
  };

  mutable std::mutex mutex;
  std::list<Job> waiting;                                ///< under mutex
  std::vector<std::shared_ptr<ServiceSlot>> being_made;  ///< under mutex
  std::list<Improvement> improvements;                   ///< under mutex
  bool is_improving = false;                             ///< under mutex
  std::vector<std::shared_ptr<const Service>> replaced;  ///< under mutex
  Replaced on_replaced;                                  ///< under mutex
  bool is_started = false;                               ///< under mutex
  bool is_stopped = false;                               ///< under mutex
  std::condition_variable stopping;                      ///< is_stopped has become true
  async::BlockingPool* improvers = nullptr;              ///< outlives every job

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
        log::warn(kLogTarget, "{}; trying again", made.error().to_line());
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
      log::error(kLogTarget, "{}", made.error().to_line());
    }
    job.slot->settle(made ? std::move(made->service) : nullptr);
    if (made && made->better) {
      improve({job.slot, std::move(made->better)});
    }
    return true;
  }

  /// Under the mutex.
  void improve(Improvement improvement) {
    improvements.push_back(std::move(improvement));
    if (is_started) {
      submit_improver();
    }
  }

  void submit_improver() {
    // Where it is refused, the first service stays.
    (void)improvers->submit([this](async::BlockingPool::Fate fate) {
      if (fate == async::BlockingPool::Fate::Run) {
        ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kImproverNice);
        improve_one();
      }
    });
  }

  void improve_one() {
    std::list<Improvement> taken;
    {
      const std::scoped_lock lock(mutex);
      if (improvements.empty() || is_stopped) {
        return;
      }
      taken.splice(taken.begin(), improvements, improvements.begin());
      is_improving = true;
    }
    Improvement& job = taken.front();
    const auto begin = std::chrono::steady_clock::now();
    // The application may have been replaced meanwhile.
    const auto first = job.slot.use_count() > 1 ? job.slot->hold() : nullptr;
    auto made = first == nullptr ? Result<std::shared_ptr<const Service>>(nullptr)
                                 : async::BlockingPool::call(job.make);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    const std::scoped_lock lock(mutex);
    is_improving = false;
    if (is_stopped || first == nullptr) {
      return;
    }
    if (!made) {
      log::warn(
          kLogTarget,
          "component \"{}\": there is no optimised code, it goes on as it is: {}",
          first->id,
          made.error().to_line()
      );
      return;
    }
    if (const auto old = job.slot->replace(*std::move(made))) {
      log::info(
          kLogTarget,
          "component \"{}\": optimised code, made in {:.1f} s, answers from now on",
          old->id,
          took.count()
      );
      replaced.push_back(old);
      if (on_replaced) {
        on_replaced(job.slot, old);
      }
    }
  }
};

BackgroundPreparer::BackgroundPreparer()
    : work_(std::make_shared<Work>()), threads_(kThreads), improvers_(kImprovers) {
  work_->improvers = &improvers_;
}

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

void BackgroundPreparer::improve(std::shared_ptr<ServiceSlot> slot, MakeBetter make) {
  const std::scoped_lock lock(work_->mutex);
  if (!work_->is_stopped) {
    work_->improve({std::move(slot), std::move(make)});
  }
}

Result<> BackgroundPreparer::start(Replaced replaced) {
  std::size_t hands = kThreads;
  {
    const std::scoped_lock lock(work_->mutex);
    hands = std::min(hands, work_->waiting.size());
    work_->on_replaced = std::move(replaced);
    work_->is_started = true;
    for (std::size_t i = 0; i < work_->improvements.size(); ++i) {
      work_->submit_improver();
    }
  }
  for (std::size_t i = 0; i < hands; ++i) {
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
  work_->improvements.clear();
  for (const auto& slot : work_->being_made) {
    slot->settle(nullptr);
  }
}

bool BackgroundPreparer::is_busy() const {
  const std::scoped_lock lock(work_->mutex);
  return work_->is_improving || !work_->being_made.empty();
}

bool BackgroundPreparer::has_replaced() const {
  const std::scoped_lock lock(work_->mutex);
  return !work_->replaced.empty();
}

void BackgroundPreparer::release_replaced() {
  std::vector<std::shared_ptr<const Service>> unused;
  const std::scoped_lock lock(work_->mutex);
  const auto in_use = [](const auto& service) { return service.use_count() > 1; };
  const auto rest = std::ranges::partition(work_->replaced, in_use);
  unused.assign(std::move_iterator(rest.begin()), std::move_iterator(rest.end()));
  work_->replaced.erase(rest.begin(), rest.end());
}

}  // namespace whorl::runtime
