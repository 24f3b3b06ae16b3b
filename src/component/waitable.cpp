#include "component/waitable.hpp"

#include "component/fiber_run.hpp"
#include "component/thread.hpp"

namespace whorl::component {

Waitable::~Waitable() {
  join(nullptr);
}

void Waitable::set_pending_event() {
  const bool is_new = !std::exchange(has_pending_event_, true);
  if (sync_waiter_ != nullptr) {
    sync_waiter_->run_of.may_be_ready(*sync_waiter_);
  }
  if (set_ != nullptr && is_new) {
    set_->add_pending(*this);
  }
}

EventTuple Waitable::get_pending_event() {
  has_pending_event_ = false;
  if (set_ != nullptr) {
    set_->pending_.remove(*this);
  }
  return make_event();
}

void Waitable::join(WaitableSet* set) {
  if (set_ != nullptr) {
    Waitable* last = set_->elements_.back();
    set_->elements_[place_] = last;
    last->place_ = place_;
    set_->elements_.pop_back();
    if (has_pending_event_) {
      set_->pending_.remove(*this);
    }
  }
  set_ = set;
  if (set != nullptr) {
    place_ = static_cast<std::uint32_t>(set->elements_.size());
    set->elements_.push_back(this);
    if (has_pending_event_) {
      set->add_pending(*this);
    }
  }
}

WaitableSet::~WaitableSet() {
  for (Waitable* element : elements_) {
    element->set_ = nullptr;
  }
}

EventTuple WaitableSet::get_pending_event() {
  Waitable* element = pending_.first();
  return element == nullptr ? EventTuple() : element->get_pending_event();
}

void WaitableSet::add_pending(Waitable& element) noexcept {
  pending_.push(element);
  wake_waiting();
}

WaitableSet::Waiting& WaitableSet::waiting_with(const Thread& thread) noexcept {
  return thread.wait.kind == Wait::Kind::TurnAndSet ? callbacks_ : stacks_;
}

void WaitableSet::add_waiting(Thread& thread) noexcept {
  waiting_with(thread).push(thread);
  ++num_waiting_;
}

void WaitableSet::remove_waiting(Thread& thread) noexcept {
  waiting_with(thread).remove(thread);
  --num_waiting_;
  if (has_pending_event()) {
    wake_waiting();
  }
}

void WaitableSet::wake_waiting() noexcept {
  for (Thread* thread : {stacks_.first(), callbacks_.first()}) {
    if (thread != nullptr) {
      thread->run_of.may_be_ready(*thread);
    }
  }
}

}  // namespace whorl::component
