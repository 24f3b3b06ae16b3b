#include "process_values.hpp"

#include "cli/version.hpp"
#include "fs/file.hpp"
#include "telemetry/limits.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

namespace whorl {
namespace {

using Kind = telemetry::ProcessValue::Kind;

constexpr std::uint64_t kMaxProcFile = 64 * 1024;

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

/// Pages in memory: the second number of statm.
std::optional<double> resident_bytes() {
  const auto text = fs::read_file("/proc/self/statm", kMaxProcFile);
  unsigned long long all = 0;
  unsigned long long resident = 0;
  if (!text ||
      std::sscanf(std::string(as_text(*text)).c_str(), "%llu %llu", &all, &resident) != 2) {
    return std::nullopt;
  }
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

std::optional<double> open_descriptors() {
  std::error_code error;
  double count = 0;
  for (auto entry = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && entry != std::filesystem::directory_iterator();
       entry.increment(error)) {
    ++count;
  }
  return error ? std::optional<double>() : count;
}

/// When the program began, as far as this file knows: near enough to notice a restart.
double start_time() {
  static const double at =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return at;
}

}  // namespace

namespace {

/// By Limit: the labels of its counter.
const std::array<std::string, telemetry::kLimits>& limit_labels() {
  static const auto labels = [] {
    std::array<std::string, telemetry::kLimits> made;
    for (std::size_t i = 0; i < made.size(); ++i) {
      made[i] = fmt::format("limit=\"{}\"", name_of(static_cast<telemetry::Limit>(i)));
    }
    return made;
  }();
  return labels;
}

void add_limits(std::vector<telemetry::ProcessValue>& values) {
  for (std::size_t i = 0; i < telemetry::kLimits; ++i) {
    values.push_back(
        {"whorl_limit_hits_total",
         "Times that a guest or client was stopped by a limit, by the flag that sets it.",
         Kind::Counter,
         limit_labels()[i],
         static_cast<double>(limit_count(static_cast<telemetry::Limit>(i)))}
    );
  }
}

}  // namespace

std::vector<telemetry::ProcessValue> process_values() {
  static const std::string build_labels = fmt::format("version=\"{}\"", cli::version_text());
  std::vector<telemetry::ProcessValue> values;
  values.push_back({"whorl_build_info", "Which build this is.", Kind::Gauge, build_labels, 1});
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    values.push_back(
        {"process_cpu_seconds_total",
         "CPU of the process.",
         Kind::Counter,
         {},
         seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime)}
    );
  }
  if (const auto bytes = resident_bytes()) {
    values.push_back(
        {"process_resident_memory_bytes", "Memory of the process.", Kind::Gauge, {}, *bytes}
    );
  }
  if (const auto count = open_descriptors()) {
    values.push_back({"process_open_fds", "Open descriptors.", Kind::Gauge, {}, *count});
  }
  values.push_back(
      {"process_start_time_seconds", "When the process began.", Kind::Gauge, {}, start_time()}
  );
  add_limits(values);
  return values;
}

}  // namespace whorl
