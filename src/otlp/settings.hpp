/// Settings of the exporter: the environment variables of OpenTelemetry that Spin knows, and more.
///
/// Values may be secrets (headers): they are not shown in messages. @thread any (a value)
/// @spec OpenTelemetry, environment variable specification; OTLP exporter configuration
#pragma once

#include "base/result.hpp"
#include "http/download.hpp"
#include "telemetry/sampler.hpp"
#include "telemetry/signals.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace whorl::otlp {

/// How requests of OTLP travel: their Protocol Buffers in a POST, or as calls of gRPC over HTTP/2.
enum class Transport : std::uint8_t { HttpProtobuf, Grpc };

/// Where one kind of signal is sent.
struct Endpoint {
  Transport transport = Transport::HttpProtobuf;
  http::DownloadUrl url{};
  std::vector<std::pair<std::string, std::string>> headers{};
  std::chrono::milliseconds timeout{10'000};  ///< for a batch, retries included
};

struct Settings {
  std::optional<Endpoint> traces{};
  std::optional<Endpoint> metrics{};
  std::optional<Endpoint> logs{};
  telemetry::Attributes resource{};  ///< service.name first
  telemetry::Sampler sampler{};
  /// Guests' output is added to the span of its request as events, beside being sent as logs.
  bool has_output_events = true;
  std::chrono::milliseconds span_delay{5'000};
  std::chrono::milliseconds log_delay{1'000};
  std::chrono::milliseconds metric_interval{60'000};
  std::size_t max_queue = 2048;  ///< spans, and log records, that wait
  std::size_t max_batch = 512;
  std::vector<std::string> warnings{};  ///< what was not understood

  [[nodiscard]] bool is_on() const noexcept { return traces || metrics || logs; }
};

/// Names and values; a name that is absent is not set.
using Environment = std::map<std::string, std::string, std::less<>>;
/// Those variables of the process that settings are read from.
[[nodiscard]] Environment environment_of_process();

/// @return errors: Unsupported (http/json) and InvalidInput (an endpoint that is no URL),
///         which name the variable. Other values that make no sense are warnings.
[[nodiscard]] Result<Settings> read_settings(const Environment& environment);

}  // namespace whorl::otlp
