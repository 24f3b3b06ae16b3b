#include "component/thread.hpp"

#include "component/fiber_run.hpp"

namespace whorl::component {

Thread::Thread(FiberRun& in, Task* of, std::uint16_t at) noexcept
    : run_of(in), task(of), component_index(at) {
  if (const Thread* by = in.current_thread()) {
    event = by->event;
  }
}

Thread::~Thread() {
  run_of.forget(*this);
}

void ThreadQueue::push(Thread& thread) noexcept {
  if (thread.queue != nullptr) {
    thread.queue->remove(thread);
  }
  thread.queue = this;
  thread.previous = last_;
  thread.next = nullptr;
  (last_ == nullptr ? first_ : last_->next) = &thread;
  last_ = &thread;
}

Thread* ThreadQueue::pop() noexcept {
  Thread* thread = first_;
  if (thread != nullptr) {
    remove(*thread);
  }
  return thread;
}

void ThreadQueue::remove(Thread& thread) noexcept {
  if (thread.queue != this) {
    return;
  }
  (thread.previous == nullptr ? first_ : thread.previous->next) = thread.next;
  (thread.next == nullptr ? last_ : thread.next->previous) = thread.previous;
  thread.queue = nullptr;
  thread.next = thread.previous = nullptr;
}

}  // namespace whorl::component
