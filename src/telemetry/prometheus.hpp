/// The text form of metrics that Prometheus scrapes.
/// @spec Prometheus text exposition format 0.0.4; names and labels: docs/telemetry.md
#pragma once

#include "telemetry/metrics.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace whorl::telemetry {

inline constexpr std::string_view kPrometheusType = "text/plain; version=0.0.4; charset=utf-8";

/// A counter or gauge of the process, beside those of components.
struct ProcessValue {
  enum class Kind : std::uint8_t { Counter, Gauge };
  std::string_view name;
  std::string_view help;
  Kind kind = Kind::Counter;
  std::string_view labels;  ///< `a="b"`, escaped already; may be empty
  double value = 0;
};

/// The whole answer. Values of one name stand together in `process`. @thread any
[[nodiscard]] std::string to_prometheus(
    const Totals& totals, std::span<const ProcessValue> process
);

}  // namespace whorl::telemetry
