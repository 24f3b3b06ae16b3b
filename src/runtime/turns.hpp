/// Turns: who runs next among the guests of a shard that are past their first slice.
///
/// A guest's first slice is short work and runs at once. Whoever computes longer waits here and
/// shares what the short work leaves: while others are active, long runners together get at most a
/// fifth of the shard; when nothing else happens they get all of it (engine.md K8). @thread shard
#pragma once

#include <chrono>
#include <deque>
#include <memory>

namespace whorl::async {
class Shard;
}

namespace whorl::telemetry {
class Gauge;
}

namespace whorl::runtime {

class GuestRun;

class Turns {
 public:
  using Clock = std::chrono::steady_clock;
  /// A long runner may go on this long after the last one's slice ended, whatever else happens: a
  /// slice of 250 µs in 1.25 ms is a fifth.
  static constexpr std::chrono::microseconds kPause{1000};
  /// Or sooner, when no short work was seen for this long.
  static constexpr std::chrono::microseconds kQuiet{50};

  explicit Turns(async::Shard& shard) noexcept : shard_(shard) {}
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  /// Short work began: a new event, or a guest whose wait is over.
  void note_short_work() noexcept { ++short_work_; }
  /// The guest's slice is over; it is stepped again when its turn comes.
  void add(std::shared_ptr<GuestRun> guest);
  /// Shows how many wait; null: nobody wants to know. @param length  outlives this object
  void set_length(telemetry::Gauge* length) noexcept { length_ = length; }

 private:
  void take_turn();
  void schedule();
  [[nodiscard]] bool may_run(Clock::time_point now) noexcept;

  async::Shard& shard_;
  std::deque<std::shared_ptr<GuestRun>> waiting_;
  telemetry::Gauge* length_ = nullptr;
  bool scheduled_ = false;
  std::uint64_t short_work_ = 0;
  std::uint64_t short_work_seen_ = 0;
  Clock::time_point last_short_work_{};
  Clock::time_point last_slice_end_{};
};

}  // namespace whorl::runtime
