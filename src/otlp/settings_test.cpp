#include "otlp/settings.hpp"

#include <doctest/doctest.h>

#include <optional>

namespace whorl::otlp {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

TEST_CASE("nothing is exported without an endpoint, or when it is switched off") {
  CHECK_FALSE(read_settings({})->is_on());
  CHECK_FALSE(read_settings({{std::string(kEndpoint), ""}})->is_on());
  CHECK_FALSE(read_settings({{"OTEL_SERVICE_NAME", "x"}})->is_on());
  CHECK_FALSE(read_settings({{std::string(kEndpoint), "http://h:4318"},
                             {"OTEL_SDK_DISABLED", "true"}})
                  ->is_on());
}

TEST_CASE("the common endpoint is the front of a URL, that of a signal all of it") {
  const auto all = read_settings({{std::string(kEndpoint), "http://collector:4318/"}});
  REQUIRE(all);
  CHECK(all->traces->url.to_text() == "http://collector:4318/v1/traces");
  CHECK(all->metrics->url.to_text() == "http://collector:4318/v1/metrics");
  CHECK(all->logs->url.to_text() == "http://collector:4318/v1/logs");
  CHECK(all->traces->timeout == 10s);
  CHECK(all->resource == telemetry::Attributes{{"service.name", "spin"}});
  const auto one = read_settings({{"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "https://h/own"}});
  REQUIRE(one);
  CHECK_FALSE(one->traces);
  CHECK_FALSE(one->metrics);
  CHECK(one->logs->url.to_text() == "https://h/own");
}

TEST_CASE("values and their defaults") {
  const auto settings = read_settings({
      {std::string(kEndpoint), "http://h"},
      {"OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, x=y=z ,"},
      {"OTEL_EXPORTER_OTLP_LOGS_HEADERS", "only=logs"},
      {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "250"},
      {"OTEL_RESOURCE_ATTRIBUTES", "service.name=from-resource,deployment=a%2Cb"},
      {"OTEL_BSP_SCHEDULE_DELAY", "20"},
      {"OTEL_BSP_MAX_QUEUE_SIZE", "100"},
      {"OTEL_BLRP_SCHEDULE_DELAY", "30"},
      {"OTEL_METRIC_EXPORT_INTERVAL", "40"},
      {"OTEL_TRACES_SAMPLER", "traceidratio"},
      {"OTEL_TRACES_SAMPLER_ARG", "0.5"},
      {"SPIN_DISABLE_LOG_TO_TRACING", "1"},
  });
  REQUIRE(settings);
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  CHECK(settings->traces->headers == Pairs{{"api-key", "a b"}, {"x", "y=z"}});
  CHECK(settings->logs->headers == Pairs{{"only", "logs"}});
  CHECK(settings->traces->timeout == 250ms);
  CHECK(settings->logs->timeout == 10s);
  CHECK(
      settings->resource ==
      telemetry::Attributes{{"service.name", "from-resource"}, {"deployment", "a,b"}}
  );
  CHECK(settings->span_delay == 20ms);
  CHECK(settings->log_delay == 30ms);
  CHECK(settings->metric_interval == 40ms);
  CHECK(settings->max_queue == 100);
  CHECK(settings->max_batch == 100);
  CHECK(settings->sampler.threshold == std::uint64_t{1} << 62);
  CHECK_FALSE(settings->sampler.is_parent_based);
  CHECK_FALSE(settings->has_output_events);
  CHECK(settings->warnings.empty());
  const auto named = read_settings(
      {{std::string(kEndpoint), "http://h"},
       {"OTEL_SERVICE_NAME", "mine"},
       {"OTEL_RESOURCE_ATTRIBUTES", "service.name=other"}}
  );
  CHECK(named->resource == telemetry::Attributes{{"service.name", "mine"}});
}

TEST_CASE("gRPC, for all signals or for one") {
  const auto settings = read_settings({
      {std::string(kEndpoint), "http://h:4317/ignored"},
      {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"},
      {"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/protobuf"},
      {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://m"},
  });
  REQUIRE(settings);
  CHECK(settings->warnings.empty());
  CHECK(settings->traces->transport == Transport::Grpc);
  CHECK(
      settings->traces->url.to_text() ==
      "http://h:4317/opentelemetry.proto.collector.trace.v1.TraceService/Export"
  );
  CHECK(settings->metrics->transport == Transport::Grpc);
  CHECK(
      settings->metrics->url.to_text() ==
      "https://m/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
  );
  CHECK(settings->logs->transport == Transport::HttpProtobuf);
  CHECK(settings->logs->url.to_text() == "http://h:4317/ignored/v1/logs");
}

TEST_CASE("what cannot be is refused, without showing what may be secret") {
  struct Case {
    std::string name;
    std::string value;
    ErrorKind kind;
    std::string message;
  };
  for (const Case& c : {
           Case{
               "OTEL_EXPORTER_OTLP_PROTOCOL",
               "http/json",
               ErrorKind::Unsupported,
               "http/json OTLP protocol is not supported"
           },
           Case{
               "OTEL_EXPORTER_OTLP_ENDPOINT",
               "secret@host",
               ErrorKind::InvalidInput,
               "OTEL_EXPORTER_OTLP_ENDPOINT is no http or https URL without user information"
           },
       }) {
    CAPTURE(c.value);
    Environment environment{{std::string(kEndpoint), "http://h"}};
    environment[c.name] = c.value;
    const auto settings = read_settings(environment);
    REQUIRE_FALSE(settings);
    CHECK(settings.error().kind() == c.kind);
    CHECK(settings.error().message() == c.message);
  }
}

TEST_CASE("which traces are recorded, and how many") {
  struct Case {
    std::string sampler;
    std::string argument;
    bool is_parent_based;
    std::optional<std::uint32_t> per_second;
    std::uint64_t threshold;
    std::size_t warnings;
  };
  constexpr std::uint64_t kAll = std::uint64_t{1} << 63;
  for (const Case& c : {
           Case{"", "", true, 1000, kAll, 0},
           Case{"", "7", true, 1000, kAll, 0},
           Case{"parentbased_rate_limited", "7", true, 7, kAll, 0},
           Case{"rate_limited", "1000000", false, 1'000'000, kAll, 0},
           Case{"rate_limited", "", false, 1000, kAll, 0},
           Case{"rate_limited", "0", false, 1000, kAll, 1},
           Case{"rate_limited", "1000001", false, 1000, kAll, 1},
           Case{"rate_limited", "0.5", false, 1000, kAll, 1},
           Case{"always_on", "", false, {}, kAll, 0},
           Case{"parentbased_always_on", "", true, {}, kAll, 0},
           Case{"parentbased_always_off", "", true, {}, 0, 0},
           Case{"parentbased_traceidratio", "0.5", true, {}, kAll / 2, 0},
           Case{"parentbased_", "", true, 1000, kAll, 1},
           Case{"sometimes", "", true, 1000, kAll, 1},
       }) {
    CAPTURE(c.sampler);
    CAPTURE(c.argument);
    const auto settings = read_settings(
        {{std::string(kEndpoint), "http://h"},
         {"OTEL_TRACES_SAMPLER", c.sampler},
         {"OTEL_TRACES_SAMPLER_ARG", c.argument}}
    );
    REQUIRE(settings);
    CHECK(settings->sampler.is_parent_based == c.is_parent_based);
    CHECK(settings->sampler.per_second == c.per_second);
    CHECK(settings->sampler.threshold == c.threshold);
    CHECK(settings->warnings.size() == c.warnings);
  }
}

TEST_CASE("what makes no sense is warned of") {
  const auto settings = read_settings({
      {std::string(kEndpoint), "http://h"},
      {"OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon"},
      {"OTEL_EXPORTER_OTLP_HEADERS", "no-value,=x"},
      {"OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"},
      {"OTEL_TRACES_SAMPLER", "parentbased_traceidratio"},
      {"OTEL_TRACES_SAMPLER_ARG", "2"},
      {"OTEL_BSP_SCHEDULE_DELAY", "soon"},
  });
  REQUIRE(settings);
  CHECK(settings->warnings.size() == 5);
  CHECK(settings->span_delay == 5s);
  CHECK(settings->sampler.is_parent_based);
  CHECK(settings->sampler.threshold == std::uint64_t{1} << 63);
}

}  // namespace
}  // namespace whorl::otlp
