/// TraceBudget: how many traces a process records in a second, where nobody says that it is all.
///
/// A trace costs a fifth of what the smallest request does, so recording every one is not what is
/// done unasked. Up to the bound each is recorded whole; what is left out is counted and said.
/// One for all shards. Where there is room it costs a compare-and-swap; where there is none, one
/// load of a line that is hardly ever written. @thread any
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace whorl::telemetry {

/// Lets so many through in a second, and a second's worth at once: a token bucket, kept as the
/// moment at which it will be full again. @thread any
class alignas(64) RateBucket {
 public:
  static constexpr std::uint32_t kMostPerSecond = 1'000'000;

  /// @param per_second  0: none is let through; more than the most is the most
  explicit RateBucket(std::uint32_t per_second) noexcept;
  /// @param now_ns  of a clock that does not go back; somewhat earlier than another caller's is
  /// fine
  [[nodiscard]] bool take(std::uint64_t now_ns) noexcept;

 private:
  static constexpr std::uint64_t kSecond = 1'000'000'000;

  std::atomic<std::uint64_t> full_at_ns_{0};
  std::uint64_t interval_ns_;  ///< for which one token lasts; 0: there are none
};

class TraceBudget {
 public:
  /// Why a trace would be recorded; each has a bucket of its own.
  enum class Kind : std::uint8_t {
    New,     ///< it begins here
    Caller,  ///< who calls records it
    Failed,  ///< neither had room, and the request failed
  };
  static constexpr std::size_t kKinds = 3;
  /// Without a setting, a second and process.
  static constexpr std::uint32_t kNewPerSecond = 1000;
  /// What a caller decided has so many times the room: half a trace is worth little.
  static constexpr std::uint32_t kCallersShare = 5;

  /// @param per_second  of new ones, and of those that failed
  explicit TraceBudget(std::uint32_t per_second) noexcept;

  [[nodiscard]] bool take(Kind kind, std::uint64_t now_ns) noexcept {
    return buckets_[static_cast<std::size_t>(kind)].take(now_ns);
  }
  /// Traces that were left out: New or Caller. Says so in a line of the log, once a minute.
  void note_left_out(Kind kind, std::uint64_t count) noexcept;
  /// Since the start.
  [[nodiscard]] std::uint64_t left_out(Kind kind) const noexcept {
    return left_out_[static_cast<std::size_t>(kind)].load(std::memory_order_relaxed);
  }

 private:
  std::array<RateBucket, kKinds> buckets_;
  std::atomic<std::uint64_t> told_{0};  ///< of all that were left out, in lines of the log
  std::array<std::atomic<std::uint64_t>, kKinds> left_out_{};
  std::uint32_t per_second_;
};

}  // namespace whorl::telemetry
