#include "http/connection_limit.hpp"

namespace whorl::http {

void IdleHolder::ask(const std::shared_ptr<IdleHolder>& self) {
  if (async::Shard::current() == &self->shard_) {
    if (self->owner_ != nullptr) {
      self->owner_->close_idle_one();
    }
    return;
  }
  if (self->is_asked_.exchange(true)) {
    return;
  }
  self->shard_.post([weak = std::weak_ptr(self)] {
    const auto holder = weak.lock();
    if (holder == nullptr) {
      return;
    }
    holder->is_asked_ = false;
    // Whoever else holds it is on another thread and only asks: the owner goes on this one.
    if (holder->owner_ != nullptr) {
      holder->owner_->close_idle_one();
    }
  });
}

void ConnectionLimit::add_holder(std::weak_ptr<IdleHolder> holder) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(holders_, [](const auto& each) { return each.expired(); });
  holders_.push_back(std::move(holder));
}

void ConnectionLimit::reclaim() {
  const std::scoped_lock lock(mutex_);
  for (const auto& each : holders_) {
    if (const auto holder = each.lock()) {
      IdleHolder::ask(holder);
    }
  }
}

void reclaim_places(std::span<const std::shared_ptr<ConnectionLimit>> limits) {
  for (const auto& limit : limits) {
    if (limit->used() >= limit->most()) {
      limit->reclaim();
    }
  }
}

}  // namespace whorl::http
