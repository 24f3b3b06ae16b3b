/// Internal to engine/: what the calling thread has had of the machine, as the kernel counts it.
///
/// One call of the kernel says all of it. It is made for page faults where an instance is put back,
/// for one of 64 events at least (page_tracker.hpp), so that the rest is there for nothing. @thread
/// any; each its own
#pragma once

#include <chrono>
#include <cstdint>

namespace whorl::engine {

struct ThreadUse {
  std::uint64_t faults = 0;       ///< page faults, of either kind
  std::uint64_t waits = 0;        ///< how often it left the core to wait for something
  std::uint64_t preemptions = 0;  ///< how often others were given its core
  /// CPU time, at least: what it used since the kernel's last tick may not be in it.
  std::chrono::nanoseconds cpu{0};

  /// Asks the kernel.
  [[nodiscard]] static ThreadUse now() noexcept;
  /// What now() returned last on this thread; all zero if it never did.
  [[nodiscard]] static const ThreadUse& last_seen() noexcept;
};

/// How much of a stretch of time was the thread's own, at most: all of it if it never left the
/// core, else what the kernel counted.
/// @param before   of a moment before the stretch began
/// @param now      of its end
/// @param cpu_now  the thread's CPU time at its end, exactly
[[nodiscard]] constexpr std::chrono::nanoseconds own_time(
    std::chrono::nanoseconds wall,
    const ThreadUse& before,
    const ThreadUse& now,
    std::chrono::nanoseconds cpu_now
) noexcept {
  if (now.waits == before.waits && now.preemptions == before.preemptions) {
    return wall;
  }
  const std::chrono::nanoseconds used = cpu_now - before.cpu;
  return used < wall ? used : wall;
}

/// How far ThreadUse::cpu may lag behind: a tick of the kernel, of which there are 100 a second or
/// more.
inline constexpr std::chrono::milliseconds kCpuLag{10};

}  // namespace whorl::engine
