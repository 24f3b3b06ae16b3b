#include "runtime/ending.hpp"

#include "log/log.hpp"
#include "log/rate_limit.hpp"
#include "telemetry/limits.hpp"

#include <chrono>
#include <optional>

namespace whorl::runtime {
namespace {

constexpr std::string_view kLogTarget = "whorl::guest";

/// A guest can trap on every request: its report must not become a flood.
constinit log::RateLimit trap_reports{100, std::chrono::seconds(1)};

/// The limit that a guest ran into, if it did.
std::optional<telemetry::Limit> limit_behind(
    engine::TrapKind kind, std::uint64_t memory, std::uint64_t most
) noexcept {
  switch (kind) {
    case engine::TrapKind::CpuBudget:
      return telemetry::Limit::RequestCpu;
    case engine::TrapKind::WallDeadline:
      return telemetry::Limit::ResponseDelay;
    case engine::TrapKind::Cancelled:
      return std::nullopt;
    default:
      // A guest that gets no more memory traps by itself, sooner or later.
      return memory >= most / 4 * 3 ? std::optional(telemetry::Limit::InstanceMemory)
                                    : std::nullopt;
  }
}

/// What the operator can do about it, for limits that are not named in the message already.
std::string_view advice_for(std::optional<telemetry::Limit> limit) noexcept {
  if (limit == telemetry::Limit::RequestCpu) {
    return " (--max-request-cpu sets the limit)";
  }
  return limit == telemetry::Limit::InstanceMemory
             ? " (its memory has nearly reached --max-instance-memory)"
             : "";
}

}  // namespace

std::uint16_t status_for(engine::TrapKind kind) noexcept {
  switch (kind) {
    case engine::TrapKind::CpuBudget:
    case engine::TrapKind::WallDeadline:
      return 504;
    case engine::TrapKind::Cancelled:
    case engine::TrapKind::ResourceLimit:
      return 503;
    default:
      return 500;
  }
}

void report_trap(
    const Service& service,
    std::uint64_t memory_bytes,
    std::string_view who,
    const engine::Trap& trap
) {
  const auto limit = limit_behind(trap.kind, memory_bytes, service.limits.memory_bytes);
  if (limit) {
    telemetry::count_limit(*limit);
  }
  log::log_limited(
      trap_reports,
      log::Level::Error,
      kLogTarget,
      "component `{}`, {}{}: {}",
      service.id,
      who,
      advice_for(limit),
      trap.to_text()
  );
}

}  // namespace whorl::runtime
