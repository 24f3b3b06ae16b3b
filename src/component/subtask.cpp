#include "component/subtask.hpp"

namespace whorl::component {

void SubtaskWork::link(Subtask& subtask) noexcept {
  subtask_ = &subtask;
  subtask.work_ = this;
}

void SubtaskWork::unlink() noexcept {
  if (subtask_ != nullptr) {
    subtask_->work_ = nullptr;
    subtask_ = nullptr;
  }
}

Subtask::~Subtask() {
  if (work_ != nullptr) {
    work_->subtask_ = nullptr;
  }
}

void Subtask::start() {
  state_ = State::Started;
  if (notifies_) {
    set_pending_event();
  }
}

void Subtask::resolve(State state) {
  state_ = state;
  if (notifies_) {
    set_pending_event();
  }
}

void Subtask::deliver_resolve() noexcept {
  lent_.reset();
  is_delivered_ = true;
}

LiftContext& Subtask::lend(
    ByteView memory, HandleTable& handles, StringEncoding encoding, engine::Store& store
) {
  return lent_.emplace(memory, handles, Lending::Lend, encoding, &store);
}

EventTuple Subtask::make_event() {
  if (is_resolved()) {
    deliver_resolve();
  }
  return {EventCode::Subtask, index, static_cast<std::uint32_t>(state_)};
}

}  // namespace whorl::component
