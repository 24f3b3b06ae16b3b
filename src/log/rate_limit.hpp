/// RateLimit: keeps a message that a guest or client can cause from flooding the log.
///
/// Lets a burst of lines through per window and counts the rest; the next line that is let through
/// says how many were left out. @thread any
#pragma once

#include "log/log.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::log {

class RateLimit {
 public:
  constexpr RateLimit(std::uint32_t burst, std::chrono::milliseconds window) noexcept
      : burst_(burst), window_(window) {}

  /// Whether a line may be written now; if so, how many were left out before it.
  [[nodiscard]] std::optional<std::uint64_t> admit(
      std::chrono::steady_clock::time_point now = std::chrono::steady_clock::now()
  ) noexcept;

 private:
  static constexpr std::int64_t kNever = INT64_MIN;

  std::uint32_t burst_;
  std::chrono::milliseconds window_;
  std::atomic<std::int64_t> window_start_ns_{kNever};
  std::atomic<std::uint32_t> used_{0};
  std::atomic<std::uint64_t> left_out_{0};
};

/// As log(), unless the limit is used up. The limit usually is a constinit static of the call site.
template <class... Args>
void log_limited(
    RateLimit& limit,
    Level level,
    std::string_view target,
    fmt::format_string<Args...> text,
    Args&&... args
) {
  if (!is_enabled(level, target)) {
    return;
  }
  const auto left_out = limit.admit();
  if (!left_out) {
    return;
  }
  std::string message = fmt::format(text, std::forward<Args>(args)...);
  if (*left_out > 0) {
    message += fmt::format(" ({} similar lines were left out)", *left_out);
  }
  write_line(level, target, message);
}

}  // namespace whorl::log
