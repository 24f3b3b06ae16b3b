#include "component/async_state.hpp"

#include "component/component.hpp"
#include "component/fiber_run.hpp"
#include "component/task.hpp"

#include <algorithm>
#include <utility>

namespace whorl::component {

bool ThreadTable::add(Thread& thread) {
  if (!free_.empty()) {
    thread.index = free_.back();
    free_.pop_back();
    threads_[thread.index - 1] = &thread;
    return true;
  }
  if (threads_.size() >= kMaxThreads) {
    return false;
  }
  threads_.push_back(&thread);
  thread.index = static_cast<std::uint32_t>(threads_.size());
  return true;
}

void ThreadTable::remove(Thread& thread) noexcept {
  threads_[thread.index - 1] = nullptr;
  free_.push_back(std::exchange(thread.index, 0));
}

AsyncState::AsyncState(
    ComponentInstance& instance, const PayloadTable& payloads, std::size_t components
)
    : instance_(instance), payloads_(payloads) {
  for (std::size_t i = 0; i < components; ++i) {
    per_instance_.emplace_back();
  }
}

AsyncState::~AsyncState() {
  end_run();
}

bool AsyncState::has_backpressure(const Task& task) noexcept {
  return instance_.backpressure(task.inst()) != 0 ||
         (task.needs_exclusive() && of(task.inst()).exclusive_thread != nullptr);
}

void AsyncState::set_exclusive(std::uint16_t component_index, Thread* thread) noexcept {
  of(component_index).exclusive_thread = thread;
  if (thread == nullptr && run_ != nullptr) {
    run_->gate_opened(component_index);
  }
}

Task* AsyncState::add_task(std::unique_ptr<Task> task) {
  if (tasks_.size() >= kMaxTasks) {
    return nullptr;
  }
  Task* added = task.get();
  tasks_.emplace(added, std::move(task));
  return added;
}

void AsyncState::remove_task(Task& task) noexcept {
  const auto removed = tasks_.extract(&task);
}

void AsyncState::remove(SharedStream& stream) noexcept {
  streams_.erase(&stream);
}

const PayloadType* AsyncState::payload_of(const HostElement& element) {
  const auto found = std::ranges::find(known_, &element, &Known::element);
  if (found != known_.end()) {
    return found->type;
  }
  const TypeRef type = element.describe();
  const PayloadType* payload = payloads_.find(type);
  if (payload == nullptr) {
    payload = &foreign_.emplace_back();
    foreign_.back().type = type;
  }
  known_.push_back({&element, payload});
  return payload;
}

void AsyncState::pump_later(SharedStream& stream) noexcept {
  if (!std::exchange(stream.is_queued, true)) {
    pumps_.push_back(stream.weak_from_this());
  }
  if (run_ != nullptr) {
    run_->wake();
  }
}

LocalPtr<SharedStream> AsyncState::run_pumps() {
  // Those that are added meanwhile have their turn in the next round.
  for (std::size_t left = pumps_.size(); left != 0; --left) {
    LocalPtr<SharedStream> stream = pumps_.front().lock();
    pumps_.pop_front();
    if (stream == nullptr) {
      continue;
    }
    stream->is_queued = false;
    if (stream->wants_fiber()) {
      return stream;
    }
    stream->pump_now();
  }
  return nullptr;
}

void AsyncState::count_host_ends(std::uint8_t before, std::uint8_t now) noexcept {
  num_with_host_ends_ -= before != 0 ? 1 : 0;
  num_with_host_ends_ += now != 0 ? 1 : 0;
  num_host_pairs_ -= before == 2 ? 1 : 0;
  num_host_pairs_ += now == 2 ? 1 : 0;
}

bool KeptBytes::take(AsyncState& of, std::uint64_t bytes) noexcept {
  give_back();
  if (bytes > kMost || of.kept_bytes_ > kMost - bytes) {
    return false;
  }
  of_ = &of;
  bytes_ = bytes;
  of.kept_bytes_ += bytes;
  return true;
}

void KeptBytes::give_back() noexcept {
  if (bytes_ != 0) {
    of_->kept_bytes_ -= std::exchange(bytes_, 0);
  }
}

ErrorContextRef AsyncState::make_error_context(std::string_view message) {
  struct Kept {
    Kept(std::string_view from, std::shared_ptr<std::size_t> of)
        : text(from), total(std::move(of)) {
      *total += text.size();
    }
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;
    ~Kept() { *total -= text.size(); }

    std::string text;
    std::shared_ptr<std::size_t> total;
  };
  if (message_bytes_ == nullptr) {
    message_bytes_ = std::make_shared<std::size_t>(0);
  }
  const bool fits =
      message.size() <= kMaxMessage && *message_bytes_ + message.size() <= kMaxMessages;
  const auto kept =
      std::make_shared<const Kept>(fits ? message : std::string_view(), message_bytes_);
  return {kept, &kept->text};
}

void AsyncState::fail(HostTrap trap) {
  if (run_ != nullptr) {
    run_->cancel(trap.kind, std::move(trap.message));
  }
}

void AsyncState::end_run() noexcept {
  was_busy_ = was_busy_ || !tasks_.empty();
  while (!streams_.empty()) {
    SharedStream* stream = *streams_.begin();
    streams_.erase(streams_.begin());
    stream->abandon();
  }
  pumps_.clear();
  if (!tasks_.empty()) {
    // Each task would walk the table for its own.
    for (std::size_t i = 0; i < per_instance_.size(); ++i) {
      instance_.handles(static_cast<std::uint16_t>(i)).abandon_all();
    }
  }
  tasks_.clear();
  for (PerInstance& inst : per_instance_) {
    inst.exclusive_thread = nullptr;
    inst.num_waiting_to_enter = 0;
    inst.threads = {};
  }
  run_ = nullptr;
}

bool AsyncState::end_event() noexcept {
  end_run();
  return !std::exchange(was_busy_, false);
}

}  // namespace whorl::component
