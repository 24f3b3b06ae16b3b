#include "component/async_host.hpp"

#include "component/async_state.hpp"
#include "component/fiber_run.hpp"
#include "component/pieces.hpp"

#include <utility>

namespace whorl::component::detail {

FiberRun* run_of(ComponentInstance& instance) noexcept {
  FiberRun* run = instance.async() == nullptr ? nullptr : instance.async()->run();
  return run == nullptr || run->running() == nullptr ? nullptr : run;
}

const char* refuse_waiting(ComponentInstance& instance) {
  const FiberRun* run = run_of(instance);
  return run == nullptr ? nullptr : run->refuse_block();
}

bool keep_arguments(
    KeptBytes& kept, ComponentInstance& instance, const LiftContext& lift
) noexcept {
  const std::uint64_t bytes = lift.charged();
  return bytes <= kPieceBytes || instance.async() == nullptr || kept.take(*instance.async(), bytes);
}

HostWait::HostWait(ComponentInstance& instance, engine::Store& store) noexcept
    : run_(run_of(instance)), fiber_(store.current_fiber()) {}

Result<> HostWait::park(async::Cancellable* operation) {
  if (fiber_ == nullptr) {
    return Error(ErrorKind::Unsupported, "nothing can be waited for before the guest has started");
  }
  auto parked = run_ == nullptr ? fiber_->park(operation) : run_->park_in_host(operation);
  was_cancelled_ = was_cancelled_ || (!parked && fiber_->is_interrupted());
  return parked;
}

void HostWait::unpark() noexcept {
  if (fiber_ != nullptr) {
    fiber_->unpark();
  }
}

bool HostWait::cancelled() const noexcept {
  return fiber_ == nullptr || fiber_->cancelled();
}

HostCall::HostCall(ComponentInstance& instance, engine::Store& store, FiberRun& in) noexcept
    : Thread(in, nullptr, kHostThread), instance_(instance), store_(store) {}

HostCall::~HostCall() {
  unlink();
}

Failure HostCall::run() {
  FiberRun& run = run_of;
  HostWait wait(instance_, store_);
  Call call{instance_, store_, &wait};
  auto failed = invoke(call, wait);
  store_.current_fiber()->clear_interrupt();
  if (failed) [[unlikely]] {
    return failed;
  }
  if (subtask() != nullptr) {
    subtask()->resolve(
        wait.was_cancelled() ? Subtask::State::CancelledBeforeReturned : Subtask::State::Returned
    );
  }
  run.pop(*this);
  run.end_host_call(*this);
  return std::nullopt;
}

Failure HostCall::on_cancel(std::uint16_t /*from*/) {
  if (worker != nullptr) {
    worker->fiber.interrupt();
  }
  return std::nullopt;
}

engine::HostStatus start_host_call(
    ComponentInstance& instance,
    engine::Store& store,
    const CallSite& site,
    std::unique_ptr<Subtask> subtask,
    std::unique_ptr<HostCall> call,
    engine::RawVal* slots
) {
  FiberRun& run = *run_of(instance);
  HostCall& thread = *call;
  thread.begin(*subtask);
  run.add_host_call(std::move(call));
  if (auto failed = run.resume(thread, false)) [[unlikely]] {
    return end_guest(store, *std::move(failed));
  }
  if (subtask->is_resolved()) {
    slots[0].u64 = static_cast<std::uint32_t>(subtask->state());
    subtask->deliver_resolve();
    return engine::HostStatus::Return;
  }
  auto given = give_subtask(instance.handles(site.component_index), std::move(subtask));
  if (!given) [[unlikely]] {
    return end_guest(store, std::move(given.error()));
  }
  slots[0].u64 = *given;
  return engine::HostStatus::Return;
}

HostResult<std::uint32_t> give_subtask(HandleTable& handles, std::unique_ptr<Subtask> subtask) {
  if (subtask->is_resolved()) {
    subtask->deliver_resolve();
    return static_cast<std::uint32_t>(subtask->state());
  }
  Subtask& given = *subtask;
  auto index = handles.add(kSubtaskTag, std::move(subtask));
  if (!index) [[unlikely]] {
    return index;
  }
  given.index = *index;
  given.notifies();
  return static_cast<std::uint32_t>(given.state()) | *index << 4;
}

}  // namespace whorl::component::detail
