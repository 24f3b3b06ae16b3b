/// wasi:clocks.
#pragma once

#include "wasi/timers.hpp"
#include "wit/wasi_clocks_monotonic_clock.hpp"
#include "wit/wasi_clocks_wall_clock.hpp"

namespace whorl::wasi::p2 {

/// Nanoseconds since an instant that is the same for every guest of this machine.
class MonotonicClockHost final : public wit::wasi_clocks_monotonic_clock::Host {
 public:
  using Pollable = wit::wasi_io_poll::Pollable;
  explicit MonotonicClockHost(Timers& timers) noexcept : timers_(timers) {}
  [[nodiscard]] component::HostResult<std::uint64_t> now(component::Call& call) override;
  [[nodiscard]] component::HostResult<std::uint64_t> resolution(component::Call& call) override;
  [[nodiscard]] component::HostResult<component::Own<Pollable>> subscribe_instant(
      component::Call& call, std::uint64_t when
  ) override;
  [[nodiscard]] component::HostResult<component::Own<Pollable>> subscribe_duration(
      component::Call& call, std::uint64_t when
  ) override;

 private:
  Timers& timers_;
};

class WallClockHost final : public wit::wasi_clocks_wall_clock::Host {
 public:
  using Datetime = wit::wasi_clocks_wall_clock::Datetime;
  explicit WallClockHost(Timers& timers) noexcept : timers_(timers) {}
  [[nodiscard]] component::HostResult<Datetime> now(component::Call& call) override;
  [[nodiscard]] component::HostResult<Datetime> resolution(component::Call& call) override;

 private:
  Timers& timers_;
};

}  // namespace whorl::wasi::p2
