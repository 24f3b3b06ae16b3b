#include "otlp/settings.hpp"

#include "telemetry/trace_budget.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>

namespace whorl::otlp {
namespace {

constexpr std::string_view kDefaultService = "spin";

constexpr std::array<std::string_view, 31> kVariables{
    "OTEL_SDK_DISABLED",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
    "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
    "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT",
    "OTEL_EXPORTER_OTLP_COMPRESSION",
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BLRP_SCHEDULE_DELAY",
    "OTEL_METRIC_EXPORT_INTERVAL",
    "SPIN_OTEL_TRACING_LEVEL",
    "SPIN_DISABLE_LOG_TO_TRACING",
    "OTEL_TRACES_EXPORTER",
    "OTEL_PROPAGATORS",
};

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Values in lists are percent-encoded (W3C Baggage). What is no escape stays as it is.
std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size()) {
      const auto read = std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
      if (read.ec == std::errc() && read.ptr == text.data() + i + 3) {
        out += static_cast<char>(value);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

class Settler {
  using Sampler = telemetry::Sampler;
  static constexpr std::uint32_t kUsual = telemetry::TraceBudget::kNewPerSecond;

 public:
  explicit Settler(const Environment& environment) : environment_(environment) {}

  Result<Settings> read() {
    if (!value("OTEL_SDK_DISABLED").empty()) {
      return std::move(out_);
    }
    WHORL_TRY(out_.traces, endpoint("TRACES", "/v1/traces", grpc_path("trace", "Trace")));
    WHORL_TRY(out_.metrics, endpoint("METRICS", "/v1/metrics", grpc_path("metrics", "Metrics")));
    WHORL_TRY(out_.logs, endpoint("LOGS", "/v1/logs", grpc_path("logs", "Logs")));
    if (!out_.is_on()) {
      return std::move(out_);
    }
    read_resource();
    read_sampler();
    milliseconds("OTEL_BSP_SCHEDULE_DELAY", out_.span_delay);
    milliseconds("OTEL_BLRP_SCHEDULE_DELAY", out_.log_delay);
    milliseconds("OTEL_METRIC_EXPORT_INTERVAL", out_.metric_interval);
    count("OTEL_BSP_MAX_QUEUE_SIZE", out_.max_queue);
    count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", out_.max_batch);
    out_.max_batch = std::min(out_.max_batch, out_.max_queue);
    out_.has_output_events = value("SPIN_DISABLE_LOG_TO_TRACING").empty();
    return std::move(out_);
  }

 private:
  /// An empty variable counts as one that is not set.
  [[nodiscard]] std::string_view value(std::string_view name) const {
    const auto found = environment_.find(name);
    return found == environment_.end() ? std::string_view() : trim(found->second);
  }
  /// The variable of one signal, else that of all. @return its name, too
  [[nodiscard]] std::pair<std::string, std::string_view> value_for(
      std::string_view signal, std::string_view what
  ) const {
    std::string own = fmt::format("OTEL_EXPORTER_OTLP_{}_{}", signal, what);
    if (const auto text = value(own); !text.empty()) {
      return {std::move(own), text};
    }
    std::string common = fmt::format("OTEL_EXPORTER_OTLP_{}", what);
    const auto text = value(common);
    return {std::move(common), text};
  }
  void warn(std::string text) {
    if (std::ranges::find(out_.warnings, text) == out_.warnings.end()) {
      out_.warnings.push_back(std::move(text));
    }
  }

  /// The path of a call (gRPC over HTTP/2: "/" service "/" method).
  static std::string grpc_path(std::string_view package, std::string_view service) {
    return fmt::format("/opentelemetry.proto.collector.{}.v1.{}Service/Export", package, service);
  }

  Result<std::optional<Endpoint>> endpoint(
      std::string_view signal, std::string_view path, std::string grpc_path
  ) {
    const auto [name, text] = value_for(signal, "ENDPOINT");
    if (text.empty()) {
      return std::optional<Endpoint>();
    }
    WHORL_TRY(const Transport transport, transport_for(signal));
    // The variable of one signal is the whole URL, that of all the front part of it.
    std::string url(text);
    if (name == "OTEL_EXPORTER_OTLP_ENDPOINT" && transport == Transport::HttpProtobuf) {
      if (url.ends_with('/')) {
        url.pop_back();
      }
      url += path;
    }
    auto parsed = http::parse_download_url(url);
    if (!parsed) {
      // The text itself may hold a password.
      return fail(
          ErrorKind::InvalidInput, "{} is no http or https URL without user information", name
      );
    }
    Endpoint endpoint{.transport = transport, .url = *std::move(parsed)};
    if (transport == Transport::Grpc) {
      // Whatever path the variable has: a call has its own.
      endpoint.url.path_and_query = std::move(grpc_path);
    }
    const auto [headers_name, headers] = value_for(signal, "HEADERS");
    endpoint.headers = pairs(headers_name, headers);
    const auto [timeout_name, timeout] = value_for(signal, "TIMEOUT");
    if (!timeout.empty()) {
      milliseconds(timeout_name, endpoint.timeout);
    }
    const auto [compression_name, compression] = value_for(signal, "COMPRESSION");
    if (!compression.empty() && compression != "none") {
      warn(fmt::format("{} has no effect: nothing is compressed", compression_name));
    }
    return std::optional(std::move(endpoint));
  }

  Result<Transport> transport_for(std::string_view signal) {
    const auto [name, text] = value_for(signal, "PROTOCOL");
    if (text == "grpc") {
      return Transport::Grpc;
    }
    if (text == "http/json") {
      return fail(ErrorKind::Unsupported, "http/json OTLP protocol is not supported");
    }
    if (!text.empty() && text != "http/protobuf") {
      warn(fmt::format("{} is neither http/protobuf nor grpc; it is http/protobuf", name));
    }
    return Transport::HttpProtobuf;
  }

  std::vector<std::pair<std::string, std::string>> pairs(
      std::string_view name, std::string_view text
  ) {
    std::vector<std::pair<std::string, std::string>> out;
    while (!text.empty()) {
      const std::size_t comma = std::min(text.find(','), text.size());
      const std::string_view member = trim(text.substr(0, comma));
      text.remove_prefix(std::min(comma + 1, text.size()));
      const std::size_t equals = member.find('=');
      if (equals == 0 || (equals == std::string_view::npos && !member.empty())) {
        warn(fmt::format("{} has a member that is not of the form key=value", name));
      } else if (equals != std::string_view::npos) {
        out.emplace_back(trim(member.substr(0, equals)), decoded(trim(member.substr(equals + 1))));
      }
    }
    return out;
  }

  void read_resource() {
    auto attributes = pairs("OTEL_RESOURCE_ATTRIBUTES", value("OTEL_RESOURCE_ATTRIBUTES"));
    std::string service(value("OTEL_SERVICE_NAME"));
    for (auto& [key, text] : attributes) {
      if (key == "service.name") {
        service = service.empty() ? text : service;
      } else {
        out_.resource.push_back({std::move(key), std::move(text)});
      }
    }
    out_.resource.insert(
        out_.resource.begin(),
        {"service.name", service.empty() ? std::string(kDefaultService) : std::move(service)}
    );
  }

  void read_sampler() {
    constexpr std::string_view kParent = "parentbased_";
    const std::string_view name = value("OTEL_TRACES_SAMPLER");
    const bool is_parent_based = name.empty() || name.starts_with(kParent);
    const std::string_view kind = name.starts_with(kParent) ? name.substr(kParent.size()) : name;
    if (name.empty() || kind == "rate_limited") {
      out_.sampler = Sampler::with_limit(name.empty() ? kUsual : rate(), is_parent_based);
    } else if (kind == "always_on") {
      out_.sampler = Sampler::with_ratio(1, is_parent_based);
    } else if (kind == "always_off") {
      out_.sampler = Sampler::with_ratio(0, is_parent_based);
    } else if (kind == "traceidratio") {
      out_.sampler = Sampler::with_ratio(ratio(), is_parent_based);
    } else {
      warn(fmt::format(
          "OTEL_TRACES_SAMPLER is not known; {} new traces a second are recorded", kUsual
      ));
      out_.sampler = Sampler::with_limit(kUsual, true);
    }
  }
  /// Of all traces, from 0 to 1.
  [[nodiscard]] double ratio() {
    const std::string_view argument = value("OTEL_TRACES_SAMPLER_ARG");
    const char* end = argument.data() + argument.size();
    double ratio = 1;
    const auto read = std::from_chars(argument.data(), end, ratio);
    if (argument.empty() || read.ec != std::errc() || read.ptr != end || ratio < 0 || ratio > 1) {
      warn("OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1; every trace is recorded");
      return 1;
    }
    return ratio;
  }
  /// New traces a second.
  [[nodiscard]] std::uint32_t rate() {
    constexpr std::uint32_t kMost = telemetry::RateBucket::kMostPerSecond;
    const std::string_view argument = value("OTEL_TRACES_SAMPLER_ARG");
    const char* end = argument.data() + argument.size();
    std::uint32_t rate = 0;
    const auto read = std::from_chars(argument.data(), end, rate);
    if (read.ec != std::errc() || read.ptr != end || rate == 0 || rate > kMost) {
      if (!argument.empty()) {
        warn(fmt::format(
            "OTEL_TRACES_SAMPLER_ARG is no whole number from 1 to {}; it is {}", kMost, kUsual
        ));
      }
      return kUsual;
    }
    return rate;
  }

  [[nodiscard]] std::optional<std::uint64_t> positive(std::string_view name) {
    constexpr std::uint64_t kMost = 1'000'000'000;
    const std::string_view text = value(name);
    if (text.empty()) {
      return std::nullopt;
    }
    std::uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec != std::errc() || read.ptr != end || number == 0 || number > kMost) {
      warn(fmt::format("{} is no number from 1 to {}", name, kMost));
      return std::nullopt;
    }
    return number;
  }
  void milliseconds(std::string_view name, std::chrono::milliseconds& to) {
    if (const auto number = positive(name)) {
      to = std::chrono::milliseconds(*number);
    }
  }
  void count(std::string_view name, std::size_t& to) {
    // More than a million waiting spans are no queue any more.
    constexpr std::uint64_t kMost = 1'000'000;
    if (const auto number = positive(name)) {
      to = static_cast<std::size_t>(std::min(*number, kMost));
    }
  }

  const Environment& environment_;
  Settings out_;
};

}  // namespace

Environment environment_of_process() {
  Environment environment;
  for (const std::string_view name : kVariables) {
    if (const char* text = std::getenv(std::string(name).c_str())) {
      environment.emplace(name, text);
    }
  }
  return environment;
}

Result<Settings> read_settings(const Environment& environment) {
  return Settler(environment).read();
}

}  // namespace whorl::otlp
