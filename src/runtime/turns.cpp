#include "runtime/turns.hpp"

#include "async/shard.hpp"
#include "runtime/guest_run.hpp"
#include "telemetry/counters.hpp"

namespace whorl::runtime {

void Turns::add(std::shared_ptr<GuestRun> guest) {
  waiting_.push_back(std::move(guest));
  if (length_ != nullptr) {
    length_->add(1);
  }
  last_slice_end_ = Clock::now();
  schedule();
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
  return now - last_slice_end_ >= kPause || now - last_short_work_ >= kQuiet;
}

void Turns::take_turn() {
  if (!waiting_.empty() && may_run(Clock::now())) {
    const std::shared_ptr<GuestRun> guest = std::move(waiting_.front());
    waiting_.pop_front();
    if (length_ != nullptr) {
      length_->add(-1);
    }
    guest->step();
  }
  if (!waiting_.empty()) {
    schedule();
  }
}

}  // namespace whorl::runtime
