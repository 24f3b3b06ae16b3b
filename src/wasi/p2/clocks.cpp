#include "wasi/p2/clocks.hpp"

#include "wasi/p2/poll.hpp"
#include "wasi/readiness.hpp"

#include <algorithm>
#include <limits>

namespace whorl::wasi::p2 {
namespace {

using std::chrono::nanoseconds;

std::uint64_t since_epoch(Instant instant) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<nanoseconds>(instant.time_since_epoch()).count()
  );
}

component::Own<wit::wasi_io_poll::Pollable> alarm_at(Timers& timers, std::uint64_t when) {
  // What the clock cannot reach in 292 years never comes.
  std::optional<Instant> instant;
  if (when <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    instant = Instant(nanoseconds(static_cast<std::int64_t>(when)));
  }
  return std::make_unique<Pollable>(timers, make_local<Alarm>(timers, instant));
}

}  // namespace

component::HostResult<std::uint64_t> MonotonicClockHost::now(component::Call&) {
  return since_epoch(timers_.now());
}

component::HostResult<std::uint64_t> MonotonicClockHost::resolution(component::Call&) {
  return 1;
}

component::HostResult<component::Own<MonotonicClockHost::Pollable>>
MonotonicClockHost::subscribe_instant(component::Call&, std::uint64_t when) {
  return alarm_at(timers_, when);
}

component::HostResult<component::Own<MonotonicClockHost::Pollable>>
MonotonicClockHost::subscribe_duration(component::Call&, std::uint64_t when) {
  const std::uint64_t now = since_epoch(timers_.now());
  const std::uint64_t longest = std::numeric_limits<std::uint64_t>::max() - now;
  return alarm_at(timers_, now + std::min(when, longest));
}

component::HostResult<WallClockHost::Datetime> WallClockHost::now(component::Call&) {
  const auto since_1970 = std::max(
      std::chrono::duration_cast<nanoseconds>(timers_.wall_now().time_since_epoch()), nanoseconds(0)
  );
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_1970);
  return Datetime{
      .seconds = static_cast<std::uint64_t>(seconds.count()),
      .nanoseconds = static_cast<std::uint32_t>((since_1970 - seconds).count()),
  };
}

component::HostResult<WallClockHost::Datetime> WallClockHost::resolution(component::Call&) {
  return Datetime{.seconds = 0, .nanoseconds = 1};
}

}  // namespace whorl::wasi::p2
