/// The program's own log: lines on stderr, filtered by RUST_LOG.
///
/// A line is `2026-08-21T10:00:00.123456Z ERROR whorl::net: message`, the level right-aligned in
/// five columns, coloured only on a terminal, and reaches the file descriptor in one write(2), so
/// lines of several threads don't mix. Control characters in a message are escaped: what a guest or
/// client sent cannot steer the operator's terminal.
///
/// Without RUST_LOG errors of any target and warnings of targets beginning with "whorl" are shown.
/// @thread any, after configure()
#pragma once

#include "log/filter.hpp"

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace whorl::log {

/// Sets filter and colour. Called once by main, before other threads exist (tests may repeat it).
void configure(Filter filter, int fd = 2);
/// As configure(), from the RUST_LOG environment variable; directives that cannot be read are
/// reported on stderr and ignored.
void configure_from_environment();

[[nodiscard]] bool is_enabled(Level level, std::string_view target) noexcept;
/// Writes one line, whether or not its level is enabled. A message of several lines stays together.
void write_line(Level level, std::string_view target, std::string_view message);

/// A point in time as log lines begin: "2026-08-21T10:00:00.123456Z".
[[nodiscard]] std::string format_time(std::chrono::system_clock::time_point time);

/// Logs if enabled. The message is formatted only then.
template <class... Args>
void log(Level level, std::string_view target, fmt::format_string<Args...> text, Args&&... args) {
  if (is_enabled(level, target)) {
    write_line(level, target, fmt::format(text, std::forward<Args>(args)...));
  }
}
template <class... Args>
void error(std::string_view target, fmt::format_string<Args...> text, Args&&... args) {
  log(Level::Error, target, text, std::forward<Args>(args)...);
}
template <class... Args>
void warn(std::string_view target, fmt::format_string<Args...> text, Args&&... args) {
  log(Level::Warn, target, text, std::forward<Args>(args)...);
}
template <class... Args>
void info(std::string_view target, fmt::format_string<Args...> text, Args&&... args) {
  log(Level::Info, target, text, std::forward<Args>(args)...);
}
template <class... Args>
void debug(std::string_view target, fmt::format_string<Args...> text, Args&&... args) {
  log(Level::Debug, target, text, std::forward<Args>(args)...);
}

}  // namespace whorl::log
