#include "wasi/shard_timers.hpp"

#include "async/timer.hpp"

#include <sys/random.h>

#include <cstdint>

namespace whorl::wasi {
namespace {

/// Between nothing and 19 hours.
std::chrono::nanoseconds random_lead() noexcept {
  constexpr std::uint64_t kMask = (std::uint64_t{1} << 46U) - 1;
  std::uint64_t bits = 0;
  if (::getrandom(&bits, sizeof bits, 0) != sizeof bits) {
    bits = 0;
  }
  return std::chrono::nanoseconds(bits & kMask);
}

}  // namespace

ShardTimers::ShardTimers(async::Shard& shard) noexcept
    : shard_(shard), origin_(std::chrono::steady_clock::now() - random_lead()) {}

Instant ShardTimers::now() const noexcept {
  return Instant(std::chrono::steady_clock::now() - origin_);
}

std::chrono::system_clock::time_point ShardTimers::wall_now() const noexcept {
  return std::chrono::system_clock::now();
}

Result<> ShardTimers::park_until(async::Parkable& fiber, Instant deadline) {
  const auto distance = origin_.time_since_epoch();
  // The origin may lie before the machine's own.
  const bool is_reachable =
      distance <= Instant::duration::zero() || deadline < Instant::max() - distance;
  async::Timer timer(shard_);
  timer.start(is_reachable ? async::Deadline(deadline + distance) : async::Deadline::never());
  return async::wait_on(fiber, timer.event());
}

}  // namespace whorl::wasi
