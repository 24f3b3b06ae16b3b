#include "wasi/readiness.hpp"

#include <algorithm>
#include <deque>
#include <utility>

namespace whorl::wasi {
namespace {

component::HostResult<> park(
    async::Parkable* fiber, Timers& timers, std::optional<Instant> deadline
) {
  if (fiber == nullptr) {
    return component::trap(
        "the guest waited in its start function; waiting is possible only once a request is served"
    );
  }
  const Result<> resumed = deadline ? timers.park_until(*fiber, *deadline) : fiber->park();
  if (!resumed) {
    // The store has its reason already (engine.md K2); this text is for the case that it has none.
    return component::trap("the guest was ended while it waited: " + resumed.error().message());
  }
  return {};
}

std::vector<std::uint32_t> ready_ones(std::span<Readiness* const> items) {
  std::vector<std::uint32_t> ready;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i]->is_ready()) {
      ready.push_back(static_cast<std::uint32_t>(i));
    }
  }
  return ready;
}

component::HostResult<> wait_once(
    async::Parkable* fiber, Timers& timers, std::span<Readiness* const> items
) {
  std::deque<async::FiberWaiter> waiters;
  std::optional<Instant> earliest;
  for (Readiness* item : items) {
    if (async::Event* event = item->event(); event != nullptr && fiber != nullptr) {
      waiters.emplace_back(*fiber, *event);
    }
    if (const auto when = item->deadline()) {
      earliest = earliest ? std::min(*earliest, *when) : *when;
    }
  }
  return park(fiber, timers, earliest);
}

}  // namespace

component::HostResult<std::vector<std::uint32_t>> wait_for_any(
    async::Parkable* fiber, Timers& timers, std::span<Readiness* const> items
) {
  for (;;) {
    std::vector<std::uint32_t> ready = ready_ones(items);
    if (!ready.empty()) {
      return ready;
    }
    if (auto waited = wait_once(fiber, timers, items); !waited) {
      return std::unexpected(std::move(waited.error()));
    }
  }
}

component::HostResult<> wait_for(async::Parkable* fiber, Timers& timers, Readiness& item) {
  while (!item.is_ready()) {
    std::optional<async::FiberWaiter> waiter;
    if (async::Event* event = item.event(); event != nullptr && fiber != nullptr) {
      waiter.emplace(*fiber, *event);
    }
    if (auto waited = park(fiber, timers, item.deadline()); !waited) {
      return waited;
    }
  }
  return {};
}

}  // namespace whorl::wasi
