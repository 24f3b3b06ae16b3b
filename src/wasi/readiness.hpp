/// Readiness: something a guest can wait for, and the one function that waits for several.
///
/// This is what stands behind wasi:io's `pollable`: a state that is asked (is_ready), an event that
/// says when asking again is worth it, and for alarms a time. Whoever waits checks everything,
/// registers with every event, parks, and checks again; nothing runs in between, so nothing is
/// missed. @thread shard
#pragma once

#include "async/event.hpp"
#include "async/parkable.hpp"
#include "component/host.hpp"
#include "wasi/timers.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace whorl::wasi {

/// Held by shared_ptr: by the thing it belongs to and by the pollables made from it, so that a
/// guest may drop them in any order.
class Readiness {
 public:
  Readiness() = default;
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;
  virtual ~Readiness() = default;

  /// True when the operation waited for would not wait. Never waits itself.
  [[nodiscard]] virtual bool is_ready() = 0;
  /// Fires when is_ready() may have become true; null when no event can change it. Lives as long as
  /// this object.
  [[nodiscard]] virtual async::Event* event() noexcept { return nullptr; }
  /// When time alone makes it ready.
  [[nodiscard]] virtual std::optional<Instant> deadline() const noexcept { return std::nullopt; }
};

/// Ready at a time; with no time, never.
class Alarm final : public Readiness {
 public:
  Alarm(const Timers& timers, std::optional<Instant> when) noexcept
      : timers_(timers), when_(when) {}
  [[nodiscard]] bool is_ready() override { return when_ && timers_.now() >= *when_; }
  [[nodiscard]] std::optional<Instant> deadline() const noexcept override { return when_; }

 private:
  const Timers& timers_;  ///< outlives every instance of the shard
  std::optional<Instant> when_;
};

/// What is always ready: a closed stream, a future that has resolved.
class AlwaysReady final : public Readiness {
 public:
  [[nodiscard]] bool is_ready() override { return true; }
};

/// Waits until at least one of `items` is ready.
///
/// @param fiber  null while a start function runs off the fibers: then waiting is a trap
/// @param items  not empty; an item may occur several times
/// @return       indices of the ready ones, ascending; a trap when the guest is being ended
[[nodiscard]] component::HostResult<std::vector<std::uint32_t>> wait_for_any(
    async::Parkable* fiber, Timers& timers, std::span<Readiness* const> items
);

/// Waits until `item` is ready.
[[nodiscard]] component::HostResult<> wait_for(
    async::Parkable* fiber, Timers& timers, Readiness& item
);

}  // namespace whorl::wasi
