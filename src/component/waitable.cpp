#include "component/waitable.hpp"

#include "component/fiber_run.hpp"
#include "component/thread.hpp"

namespace whorl::component {

Waitable::~Waitable() {
  join(nullptr);
}

void Waitable::set_pending_event() {
  if (!has_pending_event_) {
    has_pending_event_ = true;
    if (set_ != nullptr) {
      ++set_->pending_;
    }
  }
  if (sync_waiter_ != nullptr) {
    sync_waiter_->run_of.may_be_ready(*sync_waiter_);
  }
  if (set_ != nullptr) {
    set_->wake_waiting();
  }
}

EventTuple Waitable::get_pending_event() {
  has_pending_event_ = false;
  if (set_ != nullptr) {
    --set_->pending_;
  }
  return make_event();
}

void Waitable::join(WaitableSet* set) {
  if (set_ != nullptr) {
    Waitable* last = set_->elements_.back();
    set_->elements_[place_] = last;
    last->place_ = place_;
    set_->elements_.pop_back();
    set_->pending_ -= has_pending_event_ ? 1 : 0;
  }
  set_ = set;
  if (set != nullptr) {
    place_ = static_cast<std::uint32_t>(set->elements_.size());
    set->elements_.push_back(this);
    if (has_pending_event_) {
      ++set->pending_;
      set->wake_waiting();
    }
  }
}

WaitableSet::~WaitableSet() {
  for (Waitable* element : elements_) {
    element->set_ = nullptr;
  }
}

EventTuple WaitableSet::get_pending_event() {
  const std::size_t count = elements_.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = (next_ + i) % count;
    if (elements_[at]->has_pending_event()) {
      next_ = static_cast<std::uint32_t>(at + 1);
      return elements_[at]->get_pending_event();
    }
  }
  return {};
}

void WaitableSet::wake_waiting() noexcept {
  for (Thread* thread : waiting_) {
    thread->run_of.may_be_ready(*thread);
  }
}

}  // namespace whorl::component
