#include "runtime/turns.hpp"

#include "async/shard.hpp"
#include "runtime/guest_run.hpp"
#include "telemetry/counters.hpp"

#include <algorithm>
#include <utility>

namespace whorl::runtime {

void Turns::add(LocalPtr<GuestRun> guest) {
  if (is_closed_) {
    return;
  }
  waiting_.push_back(std::move(guest));
  if (length_ != nullptr) {
    length_->add(1);
  }
  last_slice_end_ = Clock::now();
  has_looked_ = false;
  schedule();
}

void Turns::begin_later(Begin begin) {
  if (beginnings_.empty()) {
    has_looked_ = false;
  }
  beginnings_.push_back(std::move(begin));
  schedule();
}

void Turns::refuse_beginnings() {
  std::deque<Begin> refused;
  refused.swap(beginnings_);
  for (Begin& begin : refused) {
    begin(false);
  }
}

void Turns::close() noexcept {
  is_closed_ = true;
  waiting_.clear();
  beginnings_.clear();
}

void Turns::schedule() {
  if (scheduled_) {
    return;
  }
  scheduled_ = true;
  // Posting again and again instead of sleeping: each round lets the loop look at its sockets, so
  // short work that arrives runs first, and an otherwise idle shard goes on at once.
  shard_.post([this] {
    scheduled_ = false;
    take_turn();
  });
}

bool Turns::may_run(Clock::time_point now) noexcept {
  if (short_work_ != short_work_seen_) {
    short_work_seen_ = short_work_;
    last_short_work_ = now;
  }
  return (now - last_slice_end_ >= kPause && now >= rest_until_) ||
         now - last_short_work_ >= kQuiet;
}

bool Turns::may_begin(Clock::time_point now, std::uint64_t at_last_turn) const noexcept {
  // Behind one that was short others have waited no longer than for each other.
  const std::uint64_t seen = was_short_ ? at_last_turn : short_work_at_beginning_;
  return short_work_ == seen || now >= next_beginning_;
}

void Turns::run_slice(Clock::time_point now) {
  const LocalPtr<GuestRun> guest = std::move(waiting_.front());
  waiting_.pop_front();
  if (length_ != nullptr) {
    length_->add(-1);
  }
  guest->step();
  const Clock::time_point end = Clock::now();
  next_beginning_ = std::max(next_beginning_, end + (end - now) * kOthers);
  short_work_at_beginning_ = short_work_;
}

void Turns::run_beginning(Clock::time_point now) {
  Begin begin = std::move(beginnings_.front());
  beginnings_.pop_front();
  begin(true);
  const Clock::time_point end = Clock::now();
  was_short_ = end - now <= kLeast;
  next_beginning_ = end + std::max<Clock::duration>(end - now, kLeast) * kOthers;
  if (!was_short_) {
    rest_until_ = next_beginning_;
  }
  short_work_at_beginning_ = short_work_;
}

/// What the loop finds when it looks at its sockets runs behind the turn that is taken next, so
/// only the one after that knows of it: nobody takes the turn before.
void Turns::take_turn() {
  const std::uint64_t at_last_turn = std::exchange(short_work_at_turn_, short_work_);
  if (!std::exchange(has_looked_, true)) {
    schedule();
    return;
  }
  const Clock::time_point now = Clock::now();
  // One behind the other where both wait: neither may keep the other from ever running.
  const bool is_due = is_beginning_due_ && !beginnings_.empty();
  if (!is_due && !waiting_.empty() && may_run(now)) {
    has_looked_ = false;
    is_beginning_due_ = true;
    run_slice(now);
  } else if (!beginnings_.empty() && may_begin(now, at_last_turn)) {
    has_looked_ = false;
    is_beginning_due_ = false;
    run_beginning(now);
  }
  if (!waiting_.empty() || !beginnings_.empty()) {
    schedule();
  }
}

}  // namespace whorl::runtime
