#include "host/sqlite/backends/write_ticket.hpp"

#include "async/deadline.hpp"
#include "async/event.hpp"
#include "async/timer.hpp"

#include <algorithm>

namespace whorl::host::sqlite {
namespace {

Error locked() {
  return fail(ErrorKind::Overloaded, "database is locked");
}

}  // namespace

Result<> WriteTicket::take(Caller caller) {
  const auto waiter = std::make_shared<Waiter>(Waiter{&caller.shard, &caller.fiber});
  {
    const async::MutexLock lock(mutex_);
    if (!is_taken_) {
      is_taken_ = true;
      return {};
    }
    queue_.push_back(waiter);
  }
  const auto deadline = async::Deadline::after(kPatience);
  async::Timer timer(caller.shard);
  timer.start(deadline);
  while (!has_turn(*waiter)) {
    async::FiberWaiter on_time(caller.fiber, timer.event());
    auto parked = caller.fiber.park();
    if (!parked || deadline.is_expired()) {
      waiter->fiber = nullptr;
      withdraw(waiter);
      return parked ? locked() : parked.take_error();
    }
  }
  waiter->fiber = nullptr;
  return {};
}

Result<> WriteTicket::take_blocking() {
  const auto waiter = std::make_shared<Waiter>();
  const auto end = std::chrono::steady_clock::now() + kPatience;
  const async::MutexLock lock(mutex_);
  if (!is_taken_) {
    is_taken_ = true;
    return {};
  }
  queue_.push_back(waiter);
  while (!waiter->has_turn) {
    if (changed_.wait_until(mutex_, end) == std::cv_status::timeout && !waiter->has_turn) {
      std::erase(queue_, waiter);
      return locked();
    }
  }
  return {};
}

void WriteTicket::give_back() noexcept {
  const async::MutexLock lock(mutex_);
  pass_on();
}

bool WriteTicket::has_turn(const Waiter& waiter) {
  const async::MutexLock lock(mutex_);
  return waiter.has_turn;
}

void WriteTicket::withdraw(const std::shared_ptr<Waiter>& waiter) {
  const async::MutexLock lock(mutex_);
  if (waiter->has_turn) {
    pass_on();
  } else {
    std::erase(queue_, waiter);
  }
}

void WriteTicket::pass_on() {
  is_taken_ = !queue_.empty();
  if (!is_taken_) {
    return;
  }
  const auto next = std::move(queue_.front());
  queue_.pop_front();
  next->has_turn = true;
  if (next->shard == nullptr) {
    changed_.notify_all();
    return;
  }
  // A waiter that is still queued has its shard alive.
  next->shard->post([next] {
    if (next->fiber != nullptr) {
      next->fiber->unpark();
    }
  });
}

}  // namespace whorl::host::sqlite
