#include "wasi/p2/poll.hpp"

#include "component/handle_table.hpp"

namespace whorl::wasi::p2 {

component::HostResult<bool> Pollable::ready(component::Call&) {
  return target_->is_ready();
}

component::HostResult<> Pollable::block(component::Call& call) {
  const LocalPtr<Readiness> target = target_;  // the handle may be dropped while we wait
  return wait_for(call.fiber, timers_, *target);
}

component::HostResult<std::vector<std::uint32_t>> PollHost::poll(
    component::Call& call, std::vector<wit::wasi_io_poll::Pollable*> in
) {
  if (in.empty()) {
    return component::trap("wasi:io/poll.poll was called with an empty list");
  }
  if (in.size() > component::HandleTable::kMaxEntries) {
    return component::trap("wasi:io/poll.poll was called with more pollables than there can be");
  }
  // The handles may be dropped while we wait, by another task of the same guest.
  std::vector<LocalPtr<Readiness>> kept;
  std::vector<Readiness*> targets;
  kept.reserve(in.size());
  targets.reserve(in.size());
  for (wit::wasi_io_poll::Pollable* pollable : in) {
    // Every pollable of this process is ours.
    kept.push_back(static_cast<Pollable*>(pollable)->target());
    targets.push_back(kept.back().get());
  }
  return wait_for_any(call.fiber, timers_, targets);
}

}  // namespace whorl::wasi::p2
