/// How often, and how much at once, an instance of WASI 0.3 is used. @thread any
#pragma once

#include <chrono>
#include <cstdint>

namespace whorl::runtime {

/// Both ends belong to it.
template <class T>
struct Between {
  T least{};
  T most{};
};

/// For each instance values are drawn anew. By default every event has an instance of its own.
struct ReuseLimits {
  /// Events in all. `--max-instance-reuse-count`
  Between<std::uint32_t> events{1, 1};
  /// Events at the same time. `--max-instance-concurrent-reuse-count`
  Between<std::uint32_t> at_once{1, 1};
  /// How long one is kept that has no event. `--idle-instance-timeout`
  Between<std::chrono::milliseconds> idle{std::chrono::seconds(1), std::chrono::seconds(1)};
  /// How long an event of WASI 0.3 may take, with what the guest does after its answer; zero: as
  /// long as other limits let it. `--request-timeout`
  Between<std::chrono::milliseconds> timeout{};

  /// Whether any instance serves more than one event.
  [[nodiscard]] bool is_on() const noexcept { return events.most > 1; }
};

}  // namespace whorl::runtime
