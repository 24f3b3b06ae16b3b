#include "http/connection_stats.hpp"

#include "telemetry/recorder.hpp"
#include "telemetry/recorder_table.hpp"

#include <cstdint>

namespace whorl::http {
namespace {

using Limits = std::span<const std::shared_ptr<ConnectionLimit>>;

/// Limits above this are none.
constexpr std::uint64_t kMostCounted = std::uint64_t{1} << 32;

/// Null where nothing is to be counted.
telemetry::OutboundStats* stats_of(std::string_view kind) {
  telemetry::Recorder* recorder = telemetry::recorder_here();
  return recorder == nullptr || kind.empty() ? nullptr : &recorder->metrics()->outbound(kind);
}

template <class Histogram>
void count_use(const ConnectionLimit& limit, Histogram& shares) {
  if (limit.most() != 0 && limit.most() <= kMostCounted) {
    shares.add(limit.used() * 1000 / limit.most());
  }
}

}  // namespace

void count_place(std::string_view kind, Limits limits, std::chrono::nanoseconds waited) {
  telemetry::OutboundStats* stats = stats_of(kind);
  if (stats == nullptr) {
    return;
  }
  if (waited.count() > 0) {
    stats->acquired_late.add();
    stats->wait.add(static_cast<std::uint64_t>(waited.count()) / 1000);
  } else {
    stats->acquired.add();
  }
  if (!limits.empty()) {
    count_use(*limits.front(), stats->used);
  }
  if (limits.size() > 1) {
    count_use(*limits.back(), stats->used_all);
  }
}

void count_no_place(std::string_view kind, Limits limits) {
  telemetry::OutboundStats* stats = stats_of(kind);
  if (stats == nullptr) {
    return;
  }
  const bool is_own = !limits.empty() && limits.front()->used() >= limits.front()->most();
  (is_own ? stats->rejected : stats->rejected_by_all).add();
}

}  // namespace whorl::http
