/// The limits of the host that a guest or client can run into: what they are called, and how often
/// that happened.
///
/// Counted for the process, not per shard: it is no part of a request that goes well.
/// @thread any
#pragma once

#include "log/log.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace whorl::telemetry {

enum class Limit : std::uint8_t {
  RequestCpu,
  ResponseDelay,
  InstanceMemory,
  ComponentInstances,
  QueuedRequests,
  HostInstances,
  RequestHead,
  RequestBody,
  HeaderTimeout,
  IdleTimeout,
  BodyTimeout,
  WriteTimeout,
  Connections,
  ClientConnections,
  BodyRate,
  WriteRate,
};
inline constexpr std::size_t kLimits = 16;

/// The flag that sets it: "--max-request-cpu"; of the one that has none, the variable.
[[nodiscard]] std::string_view name_of(Limit limit) noexcept;

/// Somebody was stopped by it. Only counts: for who says so in a line of its own.
void count_limit(Limit limit) noexcept;
/// Times since the start.
[[nodiscard]] std::uint64_t limit_count(Limit limit) noexcept;

/// Counts, and logs a line that ends with the flag's name, unless there were many just now.
void report_limit(Limit limit, std::string_view target, std::string_view what);

}  // namespace whorl::telemetry
