/// Times of WASI as OTLP has them. Private to this folder.
#pragma once

#include "wit/wasi_clocks_wall_clock.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace whorl::host::otel {

/// Nanoseconds since 1970; what is too late for the number is its end.
[[nodiscard]] inline std::uint64_t to_ns(const wit::wasi_clocks_wall_clock::Datetime& time) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  // Also with 2^32 - 1 nanoseconds, which a guest may say, there is room.
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max() / kSecond - 5;
  return std::min(time.seconds, kMost) * kSecond + time.nanoseconds;
}

}  // namespace whorl::host::otel
