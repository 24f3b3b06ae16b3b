/// Sampler: which traces are recorded.
/// @spec OpenTelemetry SDK configuration, OTEL_TRACES_SAMPLER. @thread any (a value)
#pragma once

#include "telemetry/identity.hpp"

#include <cstdint>
#include <optional>

namespace whorl::telemetry {

struct Sampler {
  /// Follow what a caller decided, if one did.
  bool is_parent_based = true;
  /// Traces whose identity's last 63 bits are below this are recorded.
  std::uint64_t threshold = std::uint64_t{1} << 63;
  /// Of these at most so many new ones a second, see TraceBudget; nothing: no bound.
  std::optional<std::uint32_t> per_second{};

  /// One that records a share of the traces. @param ratio  0 to 1; what is outside is cut
  [[nodiscard]] static Sampler with_ratio(double ratio, bool is_parent_based) noexcept {
    constexpr double kAll = 9223372036854775808.0;
    Sampler sampler{.is_parent_based = is_parent_based, .threshold = 0};
    if (ratio >= 1) {
      sampler.threshold = std::uint64_t{1} << 63;
    } else if (ratio > 0) {
      sampler.threshold = static_cast<std::uint64_t>(ratio * kAll);
    }
    return sampler;
  }
  /// One that records every trace while they are few.
  [[nodiscard]] static Sampler with_limit(std::uint32_t per_second, bool is_parent_based) noexcept {
    return {.is_parent_based = is_parent_based, .per_second = per_second};
  }
  /// But for the bound.
  [[nodiscard]] bool is_sampled(TraceId trace, const std::optional<SpanContext>& parent)
      const noexcept {
    if (parent && is_parent_based) {
      return parent->is_sampled;
    }
    return (trace.low >> 1) < threshold;
  }
};

}  // namespace whorl::telemetry
