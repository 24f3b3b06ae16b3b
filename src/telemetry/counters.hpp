/// Counters that one shard writes and anybody may read: no lock, no shared cache line that two
/// threads write, no atomic read-modify-write.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace whorl::telemetry {

/// Only goes up. @thread add(): one; value(): any
class Counter {
 public:
  void add(std::uint64_t amount = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Goes up and down. @thread add(): one; value(): any
class Gauge {
 public:
  void add(std::int64_t amount) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  [[nodiscard]] std::int64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// How many values fell between which bounds. `kBounds` are upper bounds, inclusive, rising, in the
/// unit of the values. @thread add(): one; reading: any
template <const auto& kBounds>
class Histogram {
 public:
  static constexpr std::size_t kBuckets = kBounds.size() + 1;

  void add(std::uint64_t value) noexcept {
    const auto bound = std::ranges::lower_bound(kBounds, value);
    buckets_[static_cast<std::size_t>(bound - kBounds.begin())].add();
    sum_.add(value);
  }
  [[nodiscard]] static std::span<const std::uint64_t> bounds() noexcept { return kBounds; }
  /// The last bucket has no bound.
  [[nodiscard]] std::uint64_t bucket(std::size_t index) const noexcept {
    return buckets_[index].value();
  }
  [[nodiscard]] std::uint64_t sum() const noexcept { return sum_.value(); }

 private:
  std::array<Counter, kBuckets> buckets_;
  Counter sum_;
};

}  // namespace whorl::telemetry
