#include "engine/epoch_clock.hpp"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
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

/// Of linux/sched/types.h, which older libraries' sched.h can't stand beside.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = SCHED_OTHER;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};

/// Has the calling thread run when it is due. A kernel that is fair to all threads lets one that
/// wakes up wait now and then until its own next tick, 4 ms, while the guest runs on that should
/// give way. Who may not come first asks for short slices, with which that happens less often.
void come_first() noexcept {
  const sched_param lowest{.sched_priority = 1};
  if (::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &lowest) == 0) {
    return;
  }
  SchedulingAttributes own;
  if (::syscall(SYS_sched_getattr, 0, &own, sizeof own, 0) == 0) {
    own.runtime = 100'000;
    ::syscall(SYS_sched_setattr, 0, &own, 0);
  }
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

namespace {

std::optional<std::chrono::nanoseconds> read_clock(clockid_t clock) noexcept {
  timespec time = {};
  if (::clock_gettime(clock, &time) != 0) {
    return std::nullopt;
  }
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// A thread that has its descriptor, and so its slot, from one that ended has another clock.
void note_clock(EpochClock::Slot& slot) noexcept {
  clockid_t clock{};
  if (::pthread_getcpuclockid(::pthread_self(), &clock) == 0) {
    slot.cpu_clock.store(clock, std::memory_order_relaxed);
  }
}

}  // namespace

EpochClock::Slot& EpochClock::slot_of_this_thread() noexcept {
  const auto self = static_cast<std::uintptr_t>(pthread_self());
  constexpr std::size_t kOwned = kSlots - 1;
  // Thread descriptors are at least a page apart.
  for (std::size_t i = 0, at = (self >> 12) % kOwned; i < kOwned; ++i, at = (at + 1) % kOwned) {
    std::uintptr_t owner = slots_[at].owner.load(std::memory_order_acquire);
    if (owner == 0 && slots_[at].owner.compare_exchange_strong(owner, self)) {
      const std::uint16_t place = taken_count_.fetch_add(1, std::memory_order_relaxed);
      taken_[place].store(static_cast<std::uint16_t>(at + 1), std::memory_order_release);
      owner = self;
    }
    if (owner == self) {
      note_clock(slots_[at]);
      return slots_[at];
    }
  }
  return slots_.back();
}

/// A guest that was running before and still is has run on if its thread had the core meanwhile:
/// others may have had it.
EpochClock::Seen EpochClock::look_at(
    const Slot& slot, Watched& watched, std::chrono::nanoseconds enough
) noexcept {
  const std::uint32_t now = slot.sequence.load(std::memory_order_seq_cst);
  const bool is_running = (now & 1U) != 0;
  const bool is_same = now == std::exchange(watched.sequence, now);
  if (!is_running) {
    return is_same ? Seen::Nothing : Seen::Activity;
  }
  const auto cpu = read_clock(slot.cpu_clock.load(std::memory_order_relaxed));
  if (!cpu) {
    return is_same ? Seen::PastSlice : Seen::Running;
  }
  if (!is_same) {
    watched.cpu = *cpu;
    return Seen::Running;
  }
  return *cpu - watched.cpu >= enough ? Seen::PastSlice : Seen::Running;
}

EpochClock::Seen EpochClock::look(std::chrono::nanoseconds enough) noexcept {
  Seen seen = shared_running_.load() > 0 ? Seen::PastSlice : Seen::Nothing;
  // One that was taken just now and is not listed yet is seen by the next look.
  const std::size_t count = taken_count_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < count; ++i) {
    if (const std::size_t place = taken_[i].load(std::memory_order_acquire); place != 0) {
      seen = std::max(seen, look_at(slots_[place - 1], watched_[place - 1], enough));
    }
  }
  if (past_slice_.exchange(false, std::memory_order_relaxed)) {
    seen = Seen::PastSlice;
  }
  return seen;
}

void EpochClock::rouse() noexcept {
  futex_wake(state_);
}

std::chrono::microseconds EpochClock::pause_after(Seen seen) noexcept {
  if (wary_ > 0) {
    --wary_;
    return kLook;
  }
  return seen == Seen::Running ? kLook : kCalmLook;
}

void EpochClock::wake() noexcept {
  std::uint32_t asleep = kAsleep;
  if (state_.compare_exchange_strong(asleep, kAwake)) {
    futex_wake(state_);
  }
}

void EpochClock::pause(std::chrono::microseconds time) noexcept {
  const timespec timeout = to_timespec(time);
  const bool is_tick = time == kEpochTick;
  is_ticking_.store(is_tick);
  is_calm_.store(time == kCalmLook);
  // One that was noted before it could be seen that we look away does not wait for the next look,
  // either.
  if (is_tick || !long_run_.load()) {
    futex_wait(state_, kAwake, &timeout);
  }
  is_calm_.store(false, std::memory_order_relaxed);
}

void EpochClock::run() {
  ::prctl(PR_SET_NAME, "whorl-epoch", 0, 0, 0);
  // The default slack of 50 us is a fifth of a tick.
  ::prctl(PR_SET_TIMERSLACK, 10'000UL, 0, 0, 0);
  come_first();
  unsigned hold = 0;
  auto enough = kLook / 2;
  while (state_.load() != kStopped) {
    const Seen seen = look(enough);
    if (seen == Seen::PastSlice) {
      hold = kHoldTicks;
      wary_ = kWaryLooks;
    }
    if (long_run_.exchange(false)) {
      hold = kHoldTicks;
      wary_ = std::max(wary_, kHoldTicks);
    }
    enough = (hold > 0 ? kEpochTick : kLook) / 2;
    if (hold > 0) {
      --hold;
      tick_(env_);
      ticks_.fetch_add(1, std::memory_order_relaxed);
      pause(kEpochTick);
    } else if (seen != Seen::Nothing) {
      pause(pause_after(seen));
    } else {
      std::uint32_t awake = kAwake;
      if (!state_.compare_exchange_strong(awake, kAsleep)) {
        continue;
      }
      // A guest may have started before it could see that we sleep.
      const Seen now = look(enough);
      if (now == Seen::Nothing) {
        futex_wait(state_, kAsleep, nullptr);
      }
      std::uint32_t asleep = kAsleep;
      state_.compare_exchange_strong(asleep, kAwake);
      if (now != Seen::Nothing) {
        pause(pause_after(now));
      }
    }
    wakeups_.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace whorl::engine
