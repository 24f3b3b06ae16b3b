/// Internal to engine/: the thread that moves the engine's epoch, so that guests which run on and
/// on give way or are ended.
///
/// It costs next to nothing: while no guest runs it sleeps without waking; while guests come and go
/// it looks at them every kCalmLook, and after kLook at one that was running; only when that one
/// has run on does it tick every kEpochTick (engine.md K8), and it falls back soon after the last
/// such guest. For a while after one it looks every kLook: a first one that does not end may hold
/// its shard up for kCalmLook, those that follow may not. One that ends late makes it tick at once.
/// @thread begin/end: the thread whose slot it is; everything else any
#pragma once

#include "engine/engine.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <thread>

namespace whorl::engine {

class EpochClock {
 public:
  using Tick = void (*)(void* env);

  /// How long after it was seen running a guest is looked at again.
  static constexpr std::chrono::microseconds kLook{1000};
  /// How often guests are looked at where all have been short for a while. A wake-up is 20 us of a
  /// core that has requests to serve.
  static constexpr std::chrono::microseconds kCalmLook{10'000};
  /// Looks every kLook after the last guest that ran on and on: 10 s.
  static constexpr unsigned kWaryLooks = 10'000;
  /// How long ticks go on after the last guest that needed them.
  static constexpr unsigned kHoldTicks = 16;

  /// One thread's mark: odd while guest code runs on that thread.
  struct alignas(64) Slot {
    std::atomic<std::uintptr_t> owner{0};
    std::atomic<std::uint32_t> sequence{0};
    std::atomic<clockid_t> cpu_clock{};  ///< of the owner's CPU; 0 is the time of day
  };

  /// @param tick  moves the epoch; called on the clock's thread
  EpochClock(Tick tick, void* env);
  EpochClock(const EpochClock&) = delete;
  EpochClock& operator=(const EpochClock&) = delete;
  ~EpochClock();

  /// The calling thread's slot; cheap, but better kept.
  [[nodiscard]] Slot& slot_of_this_thread() noexcept;

  /// Guest code starts running on the slot's thread. @return false if it already was: then the
  /// caller does not call end().
  [[nodiscard]] bool begin(Slot& slot) noexcept {
    const std::uint32_t now = slot.sequence.load(std::memory_order_relaxed);
    if (&slot == &slots_.back()) [[unlikely]] {
      shared_running_.fetch_add(1);
    } else if ((now & 1U) != 0) {
      return false;
    } else {
      // Ordered before the look at state_, as the clock writes state_ before it looks at us: one of
      // both sees the other.
      slot.sequence.exchange(now + 1, std::memory_order_seq_cst);
    }
    if (state_.load(std::memory_order_seq_cst) == kAsleep) [[unlikely]] {
      wake();
    }
    return true;
  }
  void end(Slot& slot) noexcept {
    if (&slot == &slots_.back()) [[unlikely]] {
      shared_running_.fetch_sub(1);
    } else {
      slot.sequence.store(
          slot.sequence.load(std::memory_order_relaxed) + 1, std::memory_order_release
      );
    }
  }
  /// A guest was found past its slice: ticks are needed for a while.
  void note_past_slice() noexcept { past_slice_.store(true, std::memory_order_relaxed); }
  /// A guest ran past its slice before anybody looked: others like it may follow at once, so the
  /// clock does not wait for its next look.
  void note_long_run() noexcept {
    long_run_.store(true);
    if (is_calm_.load(std::memory_order_relaxed) && is_calm_.exchange(false)) {
      rouse();
    }
  }

  /// A guest begins that is likely to run on: ticks from now on, for a while.
  void expect_long_run() noexcept {
    long_run_.store(true);
    if (!is_ticking_.load() && !is_ticking_.exchange(true)) {
      rouse();
    }
  }

  /// Wake-ups of the clock's thread so far, for tests and measurements.
  [[nodiscard]] std::uint64_t wakeups() const noexcept {
    return wakeups_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t ticks() const noexcept {
    return ticks_.load(std::memory_order_relaxed);
  }

 private:
  enum State : std::uint32_t { kAwake, kAsleep, kStopped };
  enum class Seen : std::uint8_t { Nothing, Activity, Running, PastSlice };
  /// What was last seen of a slot.
  struct Watched {
    std::uint32_t sequence = 0;
    std::chrono::nanoseconds cpu{0};  ///< the thread's, when a guest was first seen running
  };

  void run();
  /// @param enough  CPU time after which a guest that still runs has run on
  [[nodiscard]] Seen look(std::chrono::nanoseconds enough) noexcept;
  [[nodiscard]] Seen look_at(
      const Slot& slot, Watched& watched, std::chrono::nanoseconds enough
  ) noexcept;
  /// How long to wait after a look without a tick.
  [[nodiscard]] std::chrono::microseconds pause_after(Seen seen) noexcept;
  void pause(std::chrono::microseconds time) noexcept;
  void wake() noexcept;
  void rouse() noexcept;

  // The last slot is shared by all threads beyond the table; it only counts.
  static constexpr std::size_t kSlots = 257;
  std::array<Slot, kSlots> slots_;
  // Which slots have an owner, in the order they were taken; 0: the last one, which is not looked
  // at.
  std::array<std::atomic<std::uint16_t>, kSlots> taken_{};
  std::atomic<std::uint16_t> taken_count_{0};
  std::array<Watched, kSlots> watched_{};  // clock thread only
  unsigned wary_ = 0;                      // clock thread only
  std::atomic<std::uint32_t> shared_running_{0};
  std::atomic<std::uint32_t> state_{kAwake};
  std::atomic<bool> past_slice_{false};
  std::atomic<bool> long_run_{false};
  std::atomic<bool> is_calm_{false};     ///< the clock pauses longer than for a look
  std::atomic<bool> is_ticking_{false};  ///< or no longer than for a tick; or was roused
  std::atomic<std::uint64_t> wakeups_{0};
  std::atomic<std::uint64_t> ticks_{0};
  Tick tick_;
  void* env_;
  std::thread thread_;
};

}  // namespace whorl::engine
