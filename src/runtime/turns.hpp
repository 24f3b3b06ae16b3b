/// Turns: who runs next among the guests of a shard that are past their first slice.
///
/// A guest's first slice is short work and runs at once. Whoever computes longer waits here and
/// shares what the short work leaves: while others are active, long runners together get at most a
/// fifth of the shard; when nothing else happens they get all of it (engine.md K8).
///
/// Events of a component that has had more than its share (share.hpp) are no short work, however
/// short each is: while other components are active they begin here, one after the other. In
/// between the loop looks at its sockets, and others get three times as long as the last one took,
/// but for the time in which they want nothing.
/// Where long runners wait, too, slices and beginnings take turns, and others get that time behind
/// a slice as well: they never wait for one of each.
/// @thread shard
#pragma once

#include "base/local_ptr.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
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
  /// A component is alone when no other one's event began for so long.
  static constexpr std::chrono::milliseconds kAlone{10};
  /// How much longer than an event that begins here others are before it.
  static constexpr int kOthers = 3;
  /// And such an event is taken to be so long at least: its connection is accepted, read, answered
  /// and closed beside its beginning, which takes 15 to 25 µs more.
  static constexpr std::chrono::microseconds kLeast{50};
  /// Begins an event; with false the shard is ending, and it is to be refused.
  using Begin = std::move_only_function<void(bool is_open)>;

  explicit Turns(async::Shard& shard) noexcept : shard_(shard) {}
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  /// Short work began: a new event, or a guest whose wait is over.
  void note_short_work() noexcept { ++short_work_; }
  /// An event of the component begins, or wants to. @param component  an address that stands for it
  /// @return whether events of more than one component began lately
  [[nodiscard]] bool note_component(const void* component) noexcept {
    if (component == last_component_ && !has_several_) [[likely]] {
      return false;
    }
    const Clock::time_point now = Clock::now();
    if (component != last_component_) {
      has_several_ = last_component_ != nullptr;
      last_component_ = component;
      last_change_ = now;
    } else {
      has_several_ = now - last_change_ < kAlone;
    }
    return has_several_;
  }
  /// The event begins when its turn comes.
  void begin_later(Begin begin);
  /// Events that wait for their beginning.
  [[nodiscard]] std::size_t beginnings() const noexcept { return beginnings_.size(); }
  /// They are refused.
  void refuse_beginnings();
  /// The guest's slice is over; it is stepped again when its turn comes.
  void add(LocalPtr<GuestRun> guest);
  /// Nobody waits any more, or will; at the shard's end.
  void close() noexcept;
  /// Shows how many wait; null: nobody wants to know. @param length  outlives this object
  void set_length(telemetry::Gauge* length) noexcept { length_ = length; }

 private:
  void take_turn();
  void schedule();
  [[nodiscard]] bool may_run(Clock::time_point now) noexcept;
  [[nodiscard]] bool may_begin(Clock::time_point now, std::uint64_t short_work_at_last_turn)
      const noexcept;
  void run_slice(Clock::time_point now);
  void run_beginning(Clock::time_point now);

  async::Shard& shard_;
  std::deque<LocalPtr<GuestRun>> waiting_;
  std::deque<Begin> beginnings_;
  Clock::time_point next_beginning_{};
  Clock::time_point rest_until_{};  ///< no slice before, behind a beginning that was long
  std::uint64_t short_work_at_beginning_ = 0;
  std::uint64_t short_work_at_turn_ = 0;
  bool was_short_ = false;         ///< the last beginning
  bool has_looked_ = false;        ///< the loop has, at its sockets, since a slice or a beginning
  bool is_beginning_due_ = false;  ///< a slice ran last
  const void* last_component_ = nullptr;
  bool has_several_ = false;
  Clock::time_point last_change_{};
  telemetry::Gauge* length_ = nullptr;
  bool scheduled_ = false;
  bool is_closed_ = false;
  std::uint64_t short_work_ = 0;
  std::uint64_t short_work_seen_ = 0;
  Clock::time_point last_short_work_{};
  Clock::time_point last_slice_end_{};
};

}  // namespace whorl::runtime
