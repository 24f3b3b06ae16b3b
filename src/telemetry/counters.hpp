/// Counters that one shard writes and anybody may read: no lock, no shared cache line that two
/// threads write, no atomic read-modify-write.
#pragma once

#include <array>
#include <atomic>
#include <bit>
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
    buckets_[bucket_of(value)].add();
    sum_.add(value);
  }
  [[nodiscard]] static std::span<const std::uint64_t> bounds() noexcept { return kBounds; }
  /// The last bucket has no bound.
  [[nodiscard]] std::uint64_t bucket(std::size_t index) const noexcept {
    return buckets_[index].value();
  }
  [[nodiscard]] std::uint64_t sum() const noexcept { return sum_.value(); }

 private:
  /// The low bounds, which most values are below, are compared with as constants; tables would have
  /// to be fetched, since much else happens between two values.
  [[nodiscard]] static std::size_t bucket_of(std::uint64_t value) noexcept {
    static_assert(kBounds.size() > 3);
    if (value <= kBounds[1]) {
      return value <= kBounds[0] ? 0 : 1;
    }
    if (value <= kBounds[3]) {
      return value <= kBounds[2] ? 2 : 3;
    }
    std::size_t index = kFirst[static_cast<std::size_t>(std::bit_width(value))];
    while (index < kBounds.size() && kBounds[index] < value) {
      ++index;
    }
    return index;
  }

  /// By the width of a value in bits, the first bucket that it may belong to: from there it is a
  /// step or two, which a search through all of them is not.
  static constexpr auto kFirst = [] {
    std::array<std::uint8_t, 65> first{};
    for (std::size_t width = 0; width < first.size(); ++width) {
      const std::uint64_t least = width == 0 ? 0 : std::uint64_t{1} << (width - 1);
      while (first[width] < kBounds.size() && kBounds[first[width]] < least) {
        ++first[width];
      }
    }
    return first;
  }();

  Counter sum_;  ///< beside the low buckets, which are counted most often
  std::array<Counter, kBuckets> buckets_;
};

}  // namespace whorl::telemetry
