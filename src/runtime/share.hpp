/// Share: whether a component has had more than its share of a shard lately.
///
/// What it uses is charged kShare times over against the time that passes: who uses more than that
/// part of the shard is ahead of the time, and its next events give way while others are active
/// (turns.hpp). @thread shard
#pragma once

#include <algorithm>
#include <chrono>

namespace whorl::runtime {

class Share {
 public:
  using Clock = std::chrono::steady_clock;
  /// A quarter of the shard, by what is charged: the guest's own time, and the host's for one that
  /// is made anew or fails.
  static constexpr int kShare = 4;
  /// What an event is charged whose client opened a connection for it. What the kernel and the
  /// server spend on that is in no guest's time: 15 µs more than for one that was open.
  static constexpr std::chrono::microseconds kConnection{15};
  /// So far ahead nobody minds who has not been before: a millisecond of use.
  static constexpr std::chrono::milliseconds kBurst{kShare};
  /// Nobody gets further ahead: what was used while nobody else wanted it is forgotten soon.
  static constexpr std::chrono::milliseconds kMost{100};
  /// What ran on for so long without giving way is long: a slice.
  static constexpr std::chrono::microseconds kLong{250};
  /// A component's events are likely to be long until so many charges in a row were for less.
  static constexpr unsigned kForgetful = 16;

  /// Charges what an event used that ran at `now`.
  void charge(Clock::time_point now, std::chrono::nanoseconds used) noexcept {
    ahead_ = std::min(std::max(ahead_, now) + used * kShare, now + kMost);
    if (used >= kLong) [[unlikely]] {
      long_for_ = kForgetful;
    } else if (long_for_ > 0) [[unlikely]] {
      --long_for_;
    }
  }
  /// Who was over its share is so until it is no longer ahead. Else one whose long events come as
  /// its share lets them would be about as far ahead as nobody minds, and every now and then one of
  /// its events would begin at once, right behind another one.
  [[nodiscard]] bool is_over(Clock::time_point now) noexcept {
    is_over_ = ahead_ > (is_over_ ? now : now + kBurst);
    return is_over_;
  }
  /// Whether the next event is likely to run past a slice.
  [[nodiscard]] bool is_long() const noexcept { return long_for_ > 0; }

 private:
  Clock::time_point ahead_{};
  unsigned long_for_ = 0;
  bool is_over_ = false;
};

}  // namespace whorl::runtime
