#include "telemetry/trace_budget.hpp"

#include "log/rate_limit.hpp"

#include <algorithm>

namespace whorl::telemetry {
namespace {

constexpr std::string_view kLogTarget = "whorl::telemetry";

constinit log::RateLimit reports{1, std::chrono::minutes(1)};

constexpr std::uint32_t times(std::uint32_t rate, std::uint32_t factor) noexcept {
  return rate > RateBucket::kMostPerSecond / factor ? RateBucket::kMostPerSecond : rate * factor;
}

}  // namespace

RateBucket::RateBucket(std::uint32_t per_second) noexcept
    : interval_ns_(per_second == 0 ? 0 : kSecond / std::min(per_second, kMostPerSecond)) {}

bool RateBucket::take(std::uint64_t now_ns) noexcept {
  if (interval_ns_ == 0) {
    return false;
  }
  std::uint64_t seen = full_at_ns_.load(std::memory_order_relaxed);
  while (true) {
    const std::uint64_t next = std::max(seen, now_ns) + interval_ns_;
    if (next > now_ns + kSecond) {
      return false;
    }
    if (full_at_ns_.compare_exchange_weak(seen, next, std::memory_order_relaxed)) {
      return true;
    }
  }
}

TraceBudget::TraceBudget(std::uint32_t per_second) noexcept
    : buckets_{RateBucket(per_second), RateBucket(times(per_second, kCallersShare)), RateBucket(per_second)},
      per_second_(per_second) {}

void TraceBudget::note_left_out(Kind kind, std::uint64_t count) noexcept {
  left_out_[static_cast<std::size_t>(kind)].fetch_add(count, std::memory_order_relaxed);
  if (!reports.admit()) {
    return;
  }
  const std::uint64_t all = left_out(Kind::New) + left_out(Kind::Caller);
  log::warn(
      kLogTarget,
      "{} traces were left out: {} new ones a second are recorded, {} that callers record "
      "(OTEL_TRACES_SAMPLER=parentbased_always_on records all; parentbased_rate_limited with "
      "OTEL_TRACES_SAMPLER_ARG sets another bound)",
      all - std::min(all, told_.exchange(all, std::memory_order_relaxed)),
      per_second_,
      times(per_second_, kCallersShare)
  );
}

}  // namespace whorl::telemetry
