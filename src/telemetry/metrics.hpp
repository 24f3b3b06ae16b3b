/// What is counted about requests and components: per shard, and summed when somebody asks.
///
/// Each shard counts in a ShardMetrics of its own; collect() adds them up from any thread. What is
/// read while a shard counts may be a moment old, but never goes back.
#pragma once

#include "telemetry/counters.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::telemetry {

/// Nanoseconds: 100 µs to 10 s.
inline constexpr std::array<std::uint64_t, 16> kDurationBounds{
    100'000,
    250'000,
    500'000,
    1'000'000,
    2'500'000,
    5'000'000,
    10'000'000,
    25'000'000,
    50'000'000,
    100'000'000,
    250'000'000,
    500'000'000,
    1'000'000'000,
    2'500'000'000,
    5'000'000'000,
    10'000'000'000,
};
/// Nanoseconds: 1 µs to 10 s.
inline constexpr std::array<std::uint64_t, 16> kCpuBounds{
    1'000,
    2'500,
    5'000,
    10'000,
    25'000,
    50'000,
    100'000,
    250'000,
    1'000'000,
    5'000'000,
    25'000'000,
    100'000'000,
    500'000'000,
    1'000'000'000,
    5'000'000'000,
    10'000'000'000,
};
/// Bytes: 64 KiB to 1 GiB.
inline constexpr std::array<std::uint64_t, 15> kMemoryBounds{
    std::uint64_t{1} << 16,
    std::uint64_t{1} << 17,
    std::uint64_t{1} << 18,
    std::uint64_t{1} << 19,
    std::uint64_t{1} << 20,
    std::uint64_t{1} << 21,
    std::uint64_t{1} << 22,
    std::uint64_t{1} << 23,
    std::uint64_t{1} << 24,
    std::uint64_t{1} << 25,
    std::uint64_t{1} << 26,
    std::uint64_t{1} << 27,
    std::uint64_t{1} << 28,
    std::uint64_t{1} << 29,
    std::uint64_t{1} << 30,
};

/// Milliseconds as microseconds: what a connection waits for its place.
inline constexpr std::array<std::uint64_t, 14> kWaitBounds{
    5'000,
    10'000,
    25'000,
    50'000,
    75'000,
    100'000,
    250'000,
    500'000,
    750'000,
    1'000'000,
    2'500'000,
    5'000'000,
    7'500'000,
    10'000'000,
};
/// Thousandths of a limit that are used.
inline constexpr std::array<std::uint64_t, 6> kShareBounds{250, 500, 750, 900, 950, 990};

/// Classes of answers: index 1 to 5 is the first digit of the status; 0 is a request that ended
/// without an answer, since its client had gone.
inline constexpr std::size_t kStatusClasses = 6;
[[nodiscard]] constexpr std::size_t status_class(std::uint16_t status) noexcept {
  return status >= 100 && status < 600 ? status / 100U : 0;
}

/// What one shard counts about one component; the one without a name is for requests that no
/// component answered. @thread shard; reading: any
struct ComponentStats {
  explicit ComponentStats(std::string id) : component(std::move(id)) {}

  const std::string component;
  std::array<Counter, kStatusClasses> requests;
  Histogram<kDurationBounds> duration;    ///< to the end of the answer, nanoseconds
  Histogram<kCpuBounds> cpu;              ///< of the guest and its host functions, nanoseconds
  Histogram<kMemoryBounds> memory_begin;  ///< linear memory before the event, bytes
  Histogram<kMemoryBounds> memory_end;    ///< and after it
  Counter events;                         ///< given to an instance
  Counter messages;                       ///< of these, messages and not requests
  Counter instances_started;              ///< made anew
  Counter instances_reset;                ///< put back exactly after an event
  Counter instances_dropped;
  Counter traps;
  Counter refused;   ///< there was no room for an instance
  Counter deferred;  ///< began behind others: the component had had more than its share
  Gauge active;      ///< events that have begun and not ended
  Gauge waiting;     ///< events that wait for others of their component to end
};

/// What one shard counts about connections that guests have to servers outside, of one kind.
/// @thread shard; reading: any
struct OutboundStats {
  Counter acquired;                  ///< places taken at once
  Counter acquired_late;             ///< places that were waited for
  Counter rejected;                  ///< no place: the kind's own limit
  Counter rejected_by_all;           ///< no place: the limit for all kinds together
  Histogram<kWaitBounds> wait;       ///< microseconds, of those that waited
  Histogram<kShareBounds> used;      ///< of the own limit, when a place was taken
  Histogram<kShareBounds> used_all;  ///< of the limit for all kinds
};

/// What one shard counts. @thread shard, but where it says otherwise
class ShardMetrics {
 public:
  ShardMetrics() = default;
  ShardMetrics(const ShardMetrics&) = delete;
  ShardMetrics& operator=(const ShardMetrics&) = delete;

  /// The counters of a component; always the same object for one id, valid as long as this. Takes
  /// a lock: not for every request.
  [[nodiscard]] ComponentStats& of(std::string_view component);
  /// Calls `each` with every component seen so far. @thread any
  template <class F>
  void for_each(F&& each) const {
    const std::lock_guard guard(mutex_);
    for (const auto& [id, stats] : components_) {
      each(*stats);
    }
  }

  /// Counters of connections. @param kind  one of few: "redis"
  [[nodiscard]] OutboundStats& outbound(std::string_view kind);
  /// A model was asked to go on with a text. @param model  one that the application names
  void count_inference(std::string_view model);
  /// Calls `connections` with each kind and its counters, `models` with each model and how often.
  /// @thread any
  template <class F, class G>
  void for_each_outside(F&& connections, G&& models) const {
    const std::lock_guard guard(mutex_);
    for (const auto& [kind, stats] : outbound_) {
      connections(kind, *stats);
    }
    for (const auto& [model, count] : inferences_) {
      models(model, count);
    }
  }

  Gauge requests_active;   ///< being answered
  Gauge guests_computing;  ///< past their slice and waiting for another one

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<OutboundStats>, std::less<>> outbound_;
  std::map<std::string, std::uint64_t, std::less<>> inferences_;
  std::map<std::string, std::unique_ptr<ComponentStats>, std::less<>> components_;
};

struct HistogramTotals {
  std::span<const std::uint64_t> bounds{};
  std::vector<std::uint64_t> buckets{};  ///< one more than bounds
  std::uint64_t sum = 0;

  [[nodiscard]] std::uint64_t count() const noexcept;
};

struct ComponentTotals {
  std::array<std::uint64_t, kStatusClasses> requests{};
  HistogramTotals duration{};
  HistogramTotals cpu{};
  HistogramTotals memory_begin{};
  HistogramTotals memory_end{};
  std::uint64_t events = 0;
  std::uint64_t messages = 0;
  std::uint64_t instances_started = 0;
  std::uint64_t instances_reset = 0;
  std::uint64_t instances_dropped = 0;
  std::uint64_t traps = 0;
  std::uint64_t refused = 0;
  std::uint64_t deferred = 0;
  std::int64_t active = 0;
  std::int64_t waiting = 0;

  [[nodiscard]] std::uint64_t all_requests() const noexcept;
};

/// @see OutboundStats
struct OutboundTotals {
  std::uint64_t acquired = 0;
  std::uint64_t acquired_late = 0;
  std::uint64_t rejected = 0;
  std::uint64_t rejected_by_all = 0;
  HistogramTotals wait{};
  HistogramTotals used{};
  HistogramTotals used_all{};
};

struct Totals {
  std::map<std::string, ComponentTotals> components{};  ///< by id
  std::map<std::string, OutboundTotals> outbound{};     ///< by kind
  std::map<std::string, std::uint64_t> inferences{};    ///< by model
  std::int64_t requests_active = 0;
  std::int64_t guests_computing = 0;
};

/// Sums over all shards. @thread any
[[nodiscard]] Totals collect(std::span<const std::shared_ptr<ShardMetrics>> shards);

}  // namespace whorl::telemetry
