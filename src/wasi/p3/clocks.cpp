#include "wasi/p3/clocks.hpp"

#include "wasi/readiness.hpp"

#include <algorithm>
#include <limits>

namespace whorl::wasi::p3 {
namespace {

using std::chrono::nanoseconds;

std::uint64_t since_epoch(wasi::Instant instant) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<nanoseconds>(instant.time_since_epoch()).count()
  );
}

}  // namespace

component::HostResult<std::uint64_t> MonotonicClockHost::now(component::Call&) {
  return since_epoch(timers_.now());
}

component::HostResult<std::uint64_t> MonotonicClockHost::get_resolution(component::Call&) {
  return 1;
}

component::HostResult<> MonotonicClockHost::wait_until(component::Call& call, std::uint64_t when) {
  // What the clock cannot reach in 292 years never comes.
  std::optional<wasi::Instant> instant;
  if (when <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    instant = wasi::Instant(nanoseconds(static_cast<std::int64_t>(when)));
  }
  Alarm alarm(timers_, instant);
  return wasi::wait_for(call.fiber, timers_, alarm);
}

component::HostResult<> MonotonicClockHost::wait_for(
    component::Call& call, std::uint64_t how_long
) {
  const std::uint64_t now = since_epoch(timers_.now());
  const std::uint64_t longest = std::numeric_limits<std::uint64_t>::max() - now;
  return wait_until(call, now + std::min(how_long, longest));
}

component::HostResult<SystemClockHost::Instant> SystemClockHost::now(component::Call&) {
  const auto since_1970 =
      std::chrono::duration_cast<nanoseconds>(timers_.wall_now().time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_1970);
  return Instant{
      .seconds = seconds.count(),
      .nanoseconds = static_cast<std::uint32_t>((since_1970 - seconds).count()),
  };
}

component::HostResult<std::uint64_t> SystemClockHost::get_resolution(component::Call&) {
  return 1;
}

}  // namespace whorl::wasi::p3
