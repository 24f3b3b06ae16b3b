/// Deadline: an absolute point of the monotonic clock after which nobody wants a result any more.
///
/// Passed along instead of durations, so that several steps share one limit. @thread any (a value)
#pragma once

#include <algorithm>
#include <chrono>

namespace whorl::async {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

class Deadline {
 public:
  /// One that never comes.
  Deadline() noexcept : at_(Clock::time_point::max()) {}
  explicit Deadline(Clock::time_point at) noexcept : at_(at) {}
  [[nodiscard]] static Deadline never() noexcept { return {}; }
  /// `delay` from now; delays too long for the clock never end.
  [[nodiscard]] static Deadline after(Clock::duration delay) noexcept {
    const auto now = Clock::now();
    return delay > Clock::time_point::max() - now ? never() : Deadline(now + delay);
  }

  [[nodiscard]] bool is_never() const noexcept { return at_ == Clock::time_point::max(); }
  [[nodiscard]] bool is_expired() const noexcept { return !is_never() && at_ <= Clock::now(); }
  /// What is left, never negative.
  [[nodiscard]] Clock::duration remaining() const noexcept {
    return is_never() ? Clock::duration::max()
                      : std::max(at_ - Clock::now(), Clock::duration::zero());
  }
  [[nodiscard]] Clock::time_point time_point() const noexcept { return at_; }
  /// The earlier of two.
  [[nodiscard]] Deadline earlier(Deadline other) const noexcept {
    return Deadline(std::min(at_, other.at_));
  }
  auto operator<=>(const Deadline&) const = default;

 private:
  Clock::time_point at_;
};

}  // namespace whorl::async
