#include "engine/epoch_clock.hpp"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <utility>

namespace whorl::engine {
namespace {

/// Waits until `word` is no longer `expected`, a wake-up, or the timeout (none if null).
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, const timespec* timeout) {
  static_assert(sizeof(word) == sizeof(std::uint32_t));
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, timeout, nullptr, 0);
}
void futex_wake(std::atomic<std::uint32_t>& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

timespec to_timespec(std::chrono::microseconds time) {
  return {.tv_sec = time.count() / 1'000'000, .tv_nsec = (time.count() % 1'000'000) * 1000};
}

/// Starts the thread with every signal blocked: signals are the business of other threads.
template <class Run>
std::thread start_without_signals(Run run) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(run);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace

EpochClock::EpochClock(Tick tick, void* env)
    : tick_(tick), env_(env), thread_(start_without_signals([this] { run(); })) {}

EpochClock::~EpochClock() {
  state_.store(kStopped);
  futex_wake(state_);
  thread_.join();
}

EpochClock::Slot& EpochClock::slot_of_this_thread() noexcept {
  const auto self = static_cast<std::uintptr_t>(pthread_self());
  constexpr std::size_t kOwned = kSlots - 1;
  // Thread descriptors are at least a page apart.
  for (std::size_t i = 0, at = (self >> 12) % kOwned; i < kOwned; ++i, at = (at + 1) % kOwned) {
    std::uintptr_t owner = slots_[at].owner.load(std::memory_order_acquire);
    if (owner == 0 && slots_[at].owner.compare_exchange_strong(owner, self)) {
      return slots_[at];
    }
    if (owner == self) {
      return slots_[at];
    }
  }
  return slots_.back();
}

std::chrono::nanoseconds EpochClock::cpu_since_last_look(Slot& slot) const noexcept {
  timespec time = {};
  if (&slot == &slots_.back() || ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) != 0) {
    return std::chrono::nanoseconds::max();
  }
  const auto now = std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  const auto before = std::exchange(slot.cpu_seen, now);
  // A new thread may have the descriptor, and so the slot, of one that ended.
  return now >= before ? now - before : now;
}

EpochClock::Seen EpochClock::look() noexcept {
  Seen seen = shared_running_.load() > 0 ? Seen::PastSlice : Seen::Nothing;
  for (std::size_t i = 0; i < kSlots - 1; ++i) {
    if (slots_[i].owner.load(std::memory_order_relaxed) == 0) {
      continue;
    }
    const std::uint32_t now = slots_[i].sequence.load(std::memory_order_seq_cst);
    if (now == last_[i]) {
      if ((now & 1U) != 0) {
        seen = Seen::PastSlice;
      }
    } else {
      last_[i] = now;
      seen = seen == Seen::Nothing ? Seen::Activity : seen;
    }
  }
  if (past_slice_.exchange(false, std::memory_order_relaxed)) {
    seen = Seen::PastSlice;
  }
  return seen;
}

void EpochClock::wake() noexcept {
  std::uint32_t asleep = kAsleep;
  if (state_.compare_exchange_strong(asleep, kAwake)) {
    futex_wake(state_);
  }
}

void EpochClock::run() {
  ::prctl(PR_SET_NAME, "whorl-epoch", 0, 0, 0);
  // The default slack of 50 us is a fifth of a tick.
  ::prctl(PR_SET_TIMERSLACK, 10'000UL, 0, 0, 0);
  const timespec tick_time = to_timespec(kEpochTick);
  const timespec look_time = to_timespec(kLook);
  unsigned hold = 0;
  while (state_.load() != kStopped) {
    const Seen seen = look();
    if (seen == Seen::PastSlice) {
      hold = kHoldTicks;
    }
    if (hold > 0) {
      --hold;
      tick_(env_);
      ticks_.fetch_add(1, std::memory_order_relaxed);
      futex_wait(state_, kAwake, &tick_time);
    } else if (seen == Seen::Activity) {
      futex_wait(state_, kAwake, &look_time);
    } else {
      std::uint32_t awake = kAwake;
      if (!state_.compare_exchange_strong(awake, kAsleep)) {
        continue;
      }
      // A guest may have started before it could see that we sleep.
      const bool idle = look() == Seen::Nothing;
      if (idle) {
        futex_wait(state_, kAsleep, nullptr);
      }
      std::uint32_t asleep = kAsleep;
      state_.compare_exchange_strong(asleep, kAwake);
      if (!idle) {
        futex_wait(state_, kAwake, &look_time);
      }
    }
    wakeups_.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace whorl::engine
