#include "log/rate_limit.hpp"

namespace whorl::log {

std::optional<std::uint64_t> RateLimit::admit(std::chrono::steady_clock::time_point now) noexcept {
  const std::int64_t now_ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
  const std::int64_t window_ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(window_).count();
  std::int64_t start = window_start_ns_.load(std::memory_order_relaxed);
  // Whoever moves the start opens the new window; a race lets a line more or less through.
  if ((start == kNever || now_ns - start >= window_ns) &&
      window_start_ns_.compare_exchange_strong(start, now_ns, std::memory_order_relaxed)) {
    used_.store(0, std::memory_order_relaxed);
  }
  if (used_.load(std::memory_order_relaxed) >= burst_) {
    left_out_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  used_.fetch_add(1, std::memory_order_relaxed);
  return left_out_.exchange(0, std::memory_order_relaxed);
}

}  // namespace whorl::log
