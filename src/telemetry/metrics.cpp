#include "telemetry/metrics.hpp"

#include <numeric>

namespace whorl::telemetry {
namespace {

template <class Source>
void add_to(HistogramTotals& total, const Source& source) {
  total.bounds = Source::bounds();
  total.buckets.resize(Source::kBuckets);
  // Read before the buckets: what is added meanwhile is missing in the sum, not in the count.
  total.sum += source.sum();
  for (std::size_t i = 0; i < Source::kBuckets; ++i) {
    total.buckets[i] += source.bucket(i);
  }
}

void add_to(ComponentTotals& total, const ComponentStats& stats) {
  for (std::size_t i = 0; i < kStatusClasses; ++i) {
    total.requests[i] += stats.requests[i].value();
  }
  add_to(total.duration, stats.duration);
  add_to(total.cpu, stats.cpu);
  add_to(total.memory_begin, stats.memory_begin);
  add_to(total.memory_end, stats.memory_end);
  total.events += stats.events.value();
  total.messages += stats.messages.value();
  total.instances_started += stats.instances_started.value();
  total.instances_reset += stats.instances_reset.value();
  total.instances_dropped += stats.instances_dropped.value();
  total.traps += stats.traps.value();
  total.refused += stats.refused.value();
  total.deferred += stats.deferred.value();
  total.active += stats.active.value();
  total.waiting += stats.waiting.value();
}

void add_to(OutboundTotals& total, const OutboundStats& stats) {
  total.acquired += stats.acquired.value();
  total.acquired_late += stats.acquired_late.value();
  total.rejected += stats.rejected.value();
  total.rejected_by_all += stats.rejected_by_all.value();
  add_to(total.wait, stats.wait);
  add_to(total.used, stats.used);
  add_to(total.used_all, stats.used_all);
}

}  // namespace

OutboundStats& ShardMetrics::outbound(std::string_view kind) {
  const std::lock_guard guard(mutex_);
  const auto found = outbound_.find(kind);
  if (found != outbound_.end()) {
    return *found->second;
  }
  return *outbound_.emplace(std::string(kind), std::make_unique<OutboundStats>()).first->second;
}

void ShardMetrics::count_inference(std::string_view model) {
  const std::lock_guard guard(mutex_);
  const auto found = inferences_.find(model);
  if (found != inferences_.end()) {
    ++found->second;
  } else {
    inferences_.emplace(std::string(model), 1);
  }
}

ComponentStats& ShardMetrics::of(std::string_view component) {
  const std::lock_guard guard(mutex_);
  const auto found = components_.find(component);
  if (found != components_.end()) {
    return *found->second;
  }
  auto made = std::make_unique<ComponentStats>(std::string(component));
  return *components_.emplace(std::string(component), std::move(made)).first->second;
}

std::uint64_t HistogramTotals::count() const noexcept {
  return std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
}

std::uint64_t ComponentTotals::all_requests() const noexcept {
  return std::accumulate(requests.begin(), requests.end(), std::uint64_t{0});
}

Totals collect(std::span<const std::shared_ptr<ShardMetrics>> shards) {
  Totals totals;
  for (const auto& shard : shards) {
    shard->for_each([&](const ComponentStats& stats) {
      add_to(totals.components[stats.component], stats);
    });
    shard->for_each_outside(
        [&](const std::string& kind, const OutboundStats& stats) {
          add_to(totals.outbound[kind], stats);
        },
        [&](const std::string& model, std::uint64_t count) { totals.inferences[model] += count; }
    );
    totals.requests_active += shard->requests_active.value();
    totals.guests_computing += shard->guests_computing.value();
  }
  return totals;
}

}  // namespace whorl::telemetry
