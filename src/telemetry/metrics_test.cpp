#include "telemetry/metrics.hpp"

#include "telemetry/prometheus.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace whorl::telemetry {
namespace {

TEST_CASE("a histogram counts inclusively, and what is too large in the last bucket") {
  Histogram<kDurationBounds> histogram;
  histogram.add(0);
  histogram.add(100'000);
  histogram.add(100'001);
  histogram.add(10'000'000'000);
  histogram.add(10'000'000'001);
  CHECK(histogram.bucket(0) == 2);
  CHECK(histogram.bucket(1) == 1);
  CHECK(histogram.bucket(15) == 1);
  CHECK(histogram.bucket(16) == 1);
  CHECK(histogram.sum() == 20'000'200'002);
}

/// Each bound, and what is next to it, and numbers of any size, as a search would have it.
template <const auto& kBounds>
void check_buckets() {
  for (std::size_t i = 0; i < kBounds.size(); ++i) {
    for (const std::uint64_t value : {kBounds[i] - 1, kBounds[i], kBounds[i] + 1}) {
      Histogram<kBounds> histogram;
      histogram.add(value);
      const auto* bound = std::ranges::lower_bound(kBounds, value);
      CHECK(histogram.bucket(static_cast<std::size_t>(bound - kBounds.begin())) == 1);
    }
  }
  for (int bit = 0; bit < 64; ++bit) {
    Histogram<kBounds> histogram;
    const std::uint64_t value = std::uint64_t{1} << bit;
    histogram.add(value);
    const auto* bound = std::ranges::lower_bound(kBounds, value);
    CHECK(histogram.bucket(static_cast<std::size_t>(bound - kBounds.begin())) == 1);
  }
}

TEST_CASE("a value's bucket is that of the first bound that is not less") {
  check_buckets<kDurationBounds>();
  check_buckets<kCpuBounds>();
  check_buckets<kMemoryBounds>();
  check_buckets<kWaitBounds>();
  check_buckets<kShareBounds>();
}

TEST_CASE("classes of status") {
  CHECK(status_class(200) == 2);
  CHECK(status_class(599) == 5);
  CHECK(status_class(0) == 0);
  CHECK(status_class(600) == 0);
}

TEST_CASE("shards are summed, by component") {
  const std::array shards{std::make_shared<ShardMetrics>(), std::make_shared<ShardMetrics>()};
  ComponentStats& here = shards[0]->of("hello");
  CHECK(&shards[0]->of("hello") == &here);
  here.requests[2].add(3);
  here.duration.add(200'000);
  here.active.add(2);
  here.waiting.add(3);
  ComponentStats& there = shards[1]->of("hello");
  there.requests[2].add(4);
  there.requests[5].add();
  there.duration.add(300'000'000);
  there.active.add(-1);
  shards[1]->of("other").instances_started.add(7);
  shards[1]->requests_active.add(5);
  const Totals totals = collect(shards);
  REQUIRE(totals.components.size() == 2);
  const ComponentTotals& hello = totals.components.at("hello");
  CHECK(hello.requests == std::array<std::uint64_t, 6>{0, 0, 7, 0, 0, 1});
  CHECK(hello.all_requests() == 8);
  CHECK(hello.duration.count() == 2);
  CHECK(hello.duration.sum == 300'200'000);
  CHECK(hello.active == 1);
  CHECK(hello.waiting == 3);
  CHECK(totals.components.at("other").instances_started == 7);
  CHECK(totals.requests_active == 5);
}

TEST_CASE("the text that is scraped") {
  const std::array shards{std::make_shared<ShardMetrics>()};
  ComponentStats& stats = shards[0]->of("a\"b");
  stats.requests[2].add(2);
  stats.requests[0].add();
  stats.duration.add(250'000);
  stats.duration.add(60'000'000'000);
  stats.memory_end.add(131'072);
  stats.cpu.add(1'500);
  const std::array process{ProcessValue{
      .name = "whorl_x_total",
      .help = "X.",
      .kind = ProcessValue::Kind::Counter,
      .labels = "k=\"v\"",
      .value = 3
  }};
  const std::string text = to_prometheus(collect(shards), process);
  for (const std::string_view line : {
           "# TYPE whorl_http_requests_total counter\n",
           "whorl_http_requests_total{component=\"a\\\"b\",status=\"none\"} 1\n",
           "whorl_http_requests_total{component=\"a\\\"b\",status=\"2xx\"} 2\n",
           "# TYPE whorl_http_request_duration_seconds histogram\n",
           "whorl_http_request_duration_seconds_bucket{component=\"a\\\"b\",le=\"0.0001\"} 0\n",
           "whorl_http_request_duration_seconds_bucket{component=\"a\\\"b\",le=\"0.00025\"} 1\n",
           "whorl_http_request_duration_seconds_bucket{component=\"a\\\"b\",le=\"10\"} 1\n",
           "whorl_http_request_duration_seconds_bucket{component=\"a\\\"b\",le=\"+Inf\"} 2\n",
           "whorl_http_request_duration_seconds_sum{component=\"a\\\"b\"} 60.00025\n",
           "whorl_http_request_duration_seconds_count{component=\"a\\\"b\"} 2\n",
           "whorl_component_memory_bytes_bucket{component=\"a\\\"b\",le=\"65536\"} 0\n",
           "whorl_component_memory_bytes_bucket{component=\"a\\\"b\",le=\"131072\"} 1\n",
           "whorl_component_memory_bytes_bucket{component=\"a\\\"b\",le=\"1073741824\"} 1\n",
           "whorl_component_cpu_seconds_sum{component=\"a\\\"b\"} 1.5e-06\n",
           "whorl_events_active{component=\"a\\\"b\"} 0\n",
           "whorl_events_deferred_total{component=\"a\\\"b\"} 0\n",
           "whorl_events_waiting{component=\"a\\\"b\"} 0\n",
           "whorl_http_requests_active 0\n",
           "# HELP whorl_x_total X.\n# TYPE whorl_x_total counter\nwhorl_x_total{k=\"v\"} 3\n",
       }) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
  CHECK(text.find("1xx") == std::string::npos);
}

}  // namespace
}  // namespace whorl::telemetry
