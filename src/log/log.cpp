#include "log/log.hpp"

#include "log/line_writer.hpp"
#include "log/terminal.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

namespace whorl::log {
namespace {

/// Read before the filter itself, so that a line nobody wants costs one load.
constinit std::atomic<std::uint8_t> max_level{0};

struct Settings {
  Filter filter;
  bool colour = false;
};

Settings& settings() {
  static Settings instance;
  return instance;
}

struct LevelLook {
  std::string_view name;
  std::string_view colour;
};

LevelLook look_of(Level level) {
  switch (level) {
    case Level::Error:
      return {"ERROR", "\x1b[31m"};
    case Level::Warn:
      return {" WARN", "\x1b[33m"};
    case Level::Info:
      return {" INFO", "\x1b[32m"};
    case Level::Debug:
      return {"DEBUG", "\x1b[34m"};
    case Level::Trace:
      return {"TRACE", "\x1b[35m"};
  }
  return {"ERROR", ""};
}

/// A line of the log, with its line feed.
std::string format_line(Level level, std::string_view target, std::string_view message) {
  const std::string time = format_time(std::chrono::system_clock::now());
  const std::string text = escape_controls(message, LineBreaks::Keep);
  const LevelLook look = look_of(level);
  if (!settings().colour) {
    return fmt::format("{} {} {}: {}\n", time, look.name, target, text);
  }
  constexpr std::string_view kDim = "\x1b[2m";
  constexpr std::string_view kEnd = "\x1b[0m";
  return fmt::format(
      "{0}{2}{1} {3}{4}{1} {0}{5}{1}{0}:{1} {6}\n",
      kDim,
      kEnd,
      time,
      look.colour,
      look.name,
      target,
      text
  );
}

std::string loss_notice(std::uint64_t dropped) {
  return format_line(
      Level::Warn,
      "whorl::log",
      fmt::format("{} lines dropped: nobody read the standard error fast enough", dropped)
  );
}

LineWriter& writer() {
  static LineWriter instance(loss_notice);
  return instance;
}

/// For the reader at the end of the program.
constexpr std::chrono::seconds kPatience{1};

}  // namespace

std::string format_time(std::chrono::system_clock::time_point time) {
  using std::chrono::microseconds;
  const auto since_epoch = std::chrono::duration_cast<microseconds>(time.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const auto fraction = (since_epoch - seconds).count();
  const std::time_t stamp = seconds.count();
  std::tm parts{};
  ::gmtime_r(&stamp, &parts);
  return fmt::format(
      "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
      parts.tm_year + 1900,
      parts.tm_mon + 1,
      parts.tm_mday,
      parts.tm_hour,
      parts.tm_min,
      parts.tm_sec,
      fraction
  );
}

void configure(Filter filter, int fd) {
  max_level.store(filter.max_level(), std::memory_order_relaxed);
  settings() = {.filter = std::move(filter), .colour = wants_colour(fd)};
  writer().open(fd);
}

void configure_from_environment() {
  const char* text = std::getenv("RUST_LOG");
  if (text == nullptr || *text == '\0') {
    configure(Filter::defaults());
    return;
  }
  std::vector<std::string> rejected;
  configure(Filter::parse(text, &rejected));
  for (const std::string& directive : rejected) {
    write_all(2, fmt::format("ignoring {}\n", escape_controls(directive, LineBreaks::Escape)));
  }
}

bool is_enabled(Level level, std::string_view target) noexcept {
  return static_cast<std::uint8_t>(level) <= max_level.load(std::memory_order_relaxed) &&
         settings().filter.allows(level, target);
}

void write_line(Level level, std::string_view target, std::string_view message) {
  writer().write(format_line(level, target, message));
}

void put_out(std::string_view text) {
  writer().write(text);
}

bool flush_lines() noexcept {
  return writer().flush();
}

void finish_lines() noexcept {
  writer().finish(kPatience);
}

std::uint64_t dropped_lines() noexcept {
  return writer().dropped_lines();
}

}  // namespace whorl::log
