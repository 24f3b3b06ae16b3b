/// wasi:clocks of 0.3.
#pragma once

#include "wasi/timers.hpp"
#include "wit/wasi_clocks_monotonic_clock_p3.hpp"
#include "wit/wasi_clocks_system_clock_p3.hpp"

namespace whorl::wasi::p3 {

/// Nanoseconds since an instant that is the same for every guest of this machine.
class MonotonicClockHost final : public wit::wasi_clocks_monotonic_clock_p3::Host {
 public:
  explicit MonotonicClockHost(Timers& timers) noexcept : timers_(timers) {}
  [[nodiscard]] component::HostResult<std::uint64_t> now(component::Call& call) override;
  [[nodiscard]] component::HostResult<std::uint64_t> get_resolution(component::Call& call) override;
  [[nodiscard]] component::HostResult<> wait_until(component::Call& call, std::uint64_t when)
      override;
  [[nodiscard]] component::HostResult<> wait_for(component::Call& call, std::uint64_t how_long)
      override;

 private:
  Timers& timers_;
};

class SystemClockHost final : public wit::wasi_clocks_system_clock_p3::Host {
 public:
  using Instant = wit::wasi_clocks_system_clock_p3::Instant;
  explicit SystemClockHost(Timers& timers) noexcept : timers_(timers) {}
  [[nodiscard]] component::HostResult<Instant> now(component::Call& call) override;
  [[nodiscard]] component::HostResult<std::uint64_t> get_resolution(component::Call& call) override;

 private:
  Timers& timers_;
};

}  // namespace whorl::wasi::p3
