/// Pace: whether a client moves the bytes of a body as fast as it must, so that nobody holds a
/// place with a byte now and then. Does no I/O and reads no clock. Private to the room.
///
/// A client has some time to spare. Time in which it is waited for is taken off it, each byte puts
/// its share back; when nothing is left it is too slow. What it saves by being fast is bounded, so
/// that it cannot live on it for ever. @thread shard
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace whorl::http {

/// What is asked of clients.
struct LeastRate {
  std::uint64_t bytes_per_second = 0;  ///< 0: nothing
  std::chrono::milliseconds grace{0};  ///< to spare at the beginning
  /// What can be saved beyond that.
  std::chrono::milliseconds most_saved{0};
};

class Pace {
 public:
  /// A body begins.
  void start() noexcept {
    spent_ = 0;
    seen_ = 0;
  }
  /// Some time has passed.
  ///
  /// @param moved   bytes of the body so far
  /// @param waited  of that time, how long the client was waited for
  /// @return        false when it is too slow
  [[nodiscard]] bool pass(
      const LeastRate& rate, std::uint64_t moved, std::chrono::milliseconds waited
  ) noexcept {
    if (rate.bytes_per_second == 0) {
      return true;
    }
    // In thousandths of bytes; beyond 2^53 bytes, or bytes a second, precision does not matter.
    constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
    const auto per_ms = static_cast<std::int64_t>(std::min(rate.bytes_per_second, kMost));
    const std::uint64_t more = std::min(moved - seen_, kMost);
    seen_ = moved;
    spent_ -= static_cast<std::int64_t>(more) * 1000;
    spent_ = std::max(spent_, -per_ms * clamp(rate.most_saved));
    spent_ += per_ms * clamp(waited);
    return spent_ <= per_ms * clamp(rate.grace);
  }

 private:
  static std::int64_t clamp(std::chrono::milliseconds time) noexcept {
    // Half an hour and a little: the product with the rate fits.
    return std::clamp<std::int64_t>(time.count(), 0, std::int64_t{1} << 21);
  }

  std::int64_t spent_ = 0;  ///< of the time to spare, in thousandths of bytes that were due
  std::uint64_t seen_ = 0;  ///< bytes
};

}  // namespace whorl::http
