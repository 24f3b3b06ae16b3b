#include "runtime/service_slot.hpp"

#include <utility>

namespace whorl::runtime {

void ServiceSlot::when_settled(async::Shard& shard, Then then) {
  {
    const std::scoped_lock lock(mutex_);
    if (state_.load(std::memory_order_relaxed) == State::Pending) {
      wanted_.store(true, std::memory_order_relaxed);
      waiters_.push_back({&shard, std::move(then)});
      return;
    }
  }
  shard.post(std::move(then));
}

void ServiceSlot::settle(std::shared_ptr<const Service> service) {
  std::vector<Waiter> waiters;
  {
    const std::scoped_lock lock(mutex_);
    if (state_.load(std::memory_order_relaxed) != State::Pending) {
      return;
    }
    service_ = std::move(service);
    state_.store(service_ ? State::Ready : State::Failed, std::memory_order_release);
    waiters.swap(waiters_);
  }
  for (Waiter& waiter : waiters) {
    waiter.shard->post(std::move(waiter.then));
  }
}

}  // namespace whorl::runtime
