#include "engine/epoch_clock.hpp"

#include <doctest/doctest.h>
#include <sched.h>

#include <memory>
#include <thread>
#include <vector>

namespace whorl::engine {
namespace {

/// Spins (no sleep) until `done` or half a minute; true if done.
template <class Done>
bool eventually(Done done) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::yield();
  }
  return true;
}

struct Ticks {
  std::atomic<int> count{0};
  static void tick(void* env) { ++static_cast<Ticks*>(env)->count; }
};

TEST_CASE("the clock ticks while a guest runs on and on, and only then") {
  Ticks ticks;
  const auto owned = std::make_unique<EpochClock>(Ticks::tick, &ticks);  // large for a stack
  EpochClock& clock = *owned;
  EpochClock::Slot& slot = clock.slot_of_this_thread();
  CHECK(&slot == &clock.slot_of_this_thread());
  for (int round = 0; round < 3; ++round) {
    REQUIRE(clock.begin(slot));
    CHECK_FALSE(clock.begin(slot));  // nested
    const int before = ticks.count;
    CHECK(eventually([&] { return ticks.count > before + 5; }));
    clock.end(slot);
    // Quiet: it ticks to the end of its hold, then sleeps and wakes no more.
    std::uint64_t wakeups = 0;
    CHECK(eventually([&] {
      const std::uint64_t now = clock.wakeups();
      const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
      while (std::chrono::steady_clock::now() < until) {
        std::this_thread::yield();
      }
      wakeups = clock.wakeups();
      return wakeups == now;
    }));
  }
}

/// How the calling thread would be scheduled if it asked for the lowest place before all others.
int policy_if_asked() {
  int policy = -1;
  std::thread([&] {
    const sched_param lowest{.sched_priority = 1};
    static_cast<void>(::sched_setscheduler(0, SCHED_FIFO, &lowest));
    policy = ::sched_getscheduler(0);
  }).join();
  return policy;
}

TEST_CASE("the clock's thread comes first where it may") {
  struct Seen {
    std::atomic<int> policy{-1};
    static void tick(void* env) {
      static_cast<Seen*>(env)->policy = ::sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
    }
  } seen;
  const auto owned = std::make_unique<EpochClock>(Seen::tick, &seen);
  REQUIRE(eventually([&] {
    owned->note_past_slice();
    const bool is_first = owned->begin(owned->slot_of_this_thread());
    owned->end(owned->slot_of_this_thread());
    return is_first && seen.policy != -1;
  }));
  CHECK(seen.policy == policy_if_asked());
  CHECK(::sched_getscheduler(0) == SCHED_OTHER);
}

TEST_CASE("a guest whose thread does not get the core is no reason to tick") {
  Ticks ticks;
  const auto owned = std::make_unique<EpochClock>(Ticks::tick, &ticks);  // large for a stack
  EpochClock& clock = *owned;
  std::atomic<bool> stop{false};
  std::thread guest([&] {
    EpochClock::Slot& slot = clock.slot_of_this_thread();
    REQUIRE(clock.begin(slot));
    stop.wait(false);
    clock.end(slot);
  });
  // It is looked at every millisecond, all the same.
  CHECK(eventually([&] { return clock.wakeups() > 30; }));
  CHECK(ticks.count == 0);
  stop = true;
  stop.notify_all();
  guest.join();
}

TEST_CASE("a hint makes it tick") {
  Ticks ticks;
  const auto owned = std::make_unique<EpochClock>(Ticks::tick, &ticks);  // large for a stack
  EpochClock& clock = *owned;
  EpochClock::Slot& slot = clock.slot_of_this_thread();
  const bool ticked = eventually([&] {
    clock.note_past_slice();
    REQUIRE(clock.begin(slot));
    clock.end(slot);
    return ticks.count > 0;
  });
  CHECK(ticked);
}

TEST_CASE("it ticks for a guest that is expected to run on, before that one begins") {
  Ticks ticks;
  const auto owned = std::make_unique<EpochClock>(Ticks::tick, &ticks);  // large for a stack
  owned->expect_long_run();
  CHECK(eventually([&] { return ticks.count > 0; }));
}

TEST_CASE("threads have slots of their own, and threads beyond the table are served too") {
  Ticks ticks;
  const auto owned = std::make_unique<EpochClock>(Ticks::tick, &ticks);  // large for a stack
  EpochClock& clock = *owned;
  std::atomic<int> ready{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  constexpr int kThreads = 300;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      EpochClock::Slot& slot = clock.slot_of_this_thread();
      ++ready;
      while (!stop) {
        if (clock.begin(slot)) {
          clock.end(slot);
        }
        std::this_thread::yield();
      }
    });
  }
  CHECK(eventually([&] { return ready == kThreads; }));
  const int before = ticks.count;
  EpochClock::Slot& mine = clock.slot_of_this_thread();
  REQUIRE(clock.begin(mine));
  CHECK(eventually([&] { return ticks.count > before + 3; }));
  clock.end(mine);
  stop = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace whorl::engine
