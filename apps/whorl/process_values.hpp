/// What the system says of this process, for its metrics. @thread any
#pragma once

#include "telemetry/prometheus.hpp"

#include <vector>

namespace whorl {

/// CPU, memory, descriptors, start, build: names as Prometheus clients have them. What cannot be
/// found out is left out. Reads files of /proc.
[[nodiscard]] std::vector<telemetry::ProcessValue> process_values();

}  // namespace whorl
