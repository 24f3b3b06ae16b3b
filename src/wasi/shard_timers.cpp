#include "wasi/shard_timers.hpp"

#include "async/timer.hpp"

namespace whorl::wasi {

Instant ShardTimers::now() const noexcept {
  return std::chrono::steady_clock::now();
}

std::chrono::system_clock::time_point ShardTimers::wall_now() const noexcept {
  return std::chrono::system_clock::now();
}

Result<> ShardTimers::park_until(async::Parkable& fiber, Instant deadline) {
  async::Timer timer(shard_);
  timer.start(async::Deadline(deadline));
  return async::wait_on(fiber, timer.event());
}

}  // namespace whorl::wasi
