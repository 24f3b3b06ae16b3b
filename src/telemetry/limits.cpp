#include "telemetry/limits.hpp"

#include "log/rate_limit.hpp"

#include <array>
#include <atomic>
#include <chrono>

namespace whorl::telemetry {
namespace {

/// By Limit.
constexpr std::array<std::string_view, kLimits> kNames{
    "--max-request-cpu",
    "--max-response-delay",
    "--max-instance-memory",
    "--max-component-instances",
    "--max-queued-requests",
    "SPIN_MAX_INSTANCE_COUNT",
    "--http1-max-buf-size",
    "--max-request-body",
    "--header-timeout",
    "--idle-timeout",
    "--body-timeout",
    "--write-timeout",
    "--max-connections",
    "--max-client-connections",
    "--min-body-rate",
    "--min-write-rate",
};
static_assert(static_cast<std::size_t>(Limit::WriteRate) + 1 == kLimits);

constinit std::array<std::atomic<std::uint64_t>, kLimits> counts{};

/// Clients can cause as many as they like.
constinit log::RateLimit reports{10, std::chrono::seconds(1)};

}  // namespace

std::string_view name_of(Limit limit) noexcept {
  return kNames[static_cast<std::size_t>(limit)];
}

void count_limit(Limit limit) noexcept {
  counts[static_cast<std::size_t>(limit)].fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t limit_count(Limit limit) noexcept {
  return counts[static_cast<std::size_t>(limit)].load(std::memory_order_relaxed);
}

void report_limit(Limit limit, std::string_view target, std::string_view what) {
  count_limit(limit);
  log::log_limited(reports, log::Level::Warn, target, "{} ({})", what, name_of(limit));
}

}  // namespace whorl::telemetry
