#include "runtime/service_slot.hpp"

#include <utility>

namespace whorl::runtime {

std::shared_ptr<const Service> ServiceSlot::hold() const {
  const std::scoped_lock lock(mutex_);
  const auto* service = get();
  return service == nullptr ? nullptr : *service;
}

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
    const bool is_there = service != nullptr;
    services_.front() = std::move(service);
    current_.store(is_there ? &services_.front() : nullptr, std::memory_order_release);
    state_.store(is_there ? State::Ready : State::Failed, std::memory_order_release);
    waiters.swap(waiters_);
  }
  for (Waiter& waiter : waiters) {
    waiter.shard->post(std::move(waiter.then));
  }
}

std::shared_ptr<const Service> ServiceSlot::replace(std::shared_ptr<const Service> better) {
  const std::scoped_lock lock(mutex_);
  if (better == nullptr || get() != &services_.front()) {
    return nullptr;
  }
  services_.back() = std::move(better);
  current_.store(&services_.back(), std::memory_order_release);
  return services_.front();
}

void ServiceSlot::release_replaced() {
  std::shared_ptr<const Service> released;
  const std::scoped_lock lock(mutex_);
  if (get() == &services_.back()) {
    released.swap(services_.front());
  }
}

}  // namespace whorl::runtime
