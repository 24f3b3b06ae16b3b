#include "otlp/exporter.hpp"

#include "http/client_test_support.hpp"
#include "otlp/encode.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <charconv>
#include <vector>

namespace whorl::otlp {
namespace {

using namespace std::chrono_literals;
using http::test::Peer;
using http::test::Server;

constexpr std::string_view kOk =
    "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Head and body of a request, which has a content-length.
std::string read_request(Peer& peer) {
  std::string head = peer.read_head();
  constexpr std::string_view kLength = "content-length: ";
  const std::size_t at = head.find(kLength);
  std::size_t length = 0;
  if (at != std::string::npos) {
    std::from_chars(head.data() + at + kLength.size(), head.data() + head.size(), length);
  }
  return head + peer.read_bytes(length);
}

/// An exporter on a thread of its own.
struct Scene {
  explicit Scene(Settings settings)
      : exporter(thread[0], std::move(settings), "app", [] {
          telemetry::Totals totals;
          totals.components["hello"].events = 1;
          return totals;
        }) {
    REQUIRE(thread.start());
    exporter.start();
  }
  ~Scene() {
    thread.stop();
    thread.join();
  }
  /// By the order of traces, metrics, logs.
  [[nodiscard]] Counts counts(std::size_t signal) const { return exporter.counts()[signal]; }

  async::ShardSet thread{1};
  Exporter exporter;
};

Settings settings_to(const Server& server, std::string_view more = "") {
  auto settings = read_settings({
      {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
       "http://" + server.authority() + "/v1/traces?key=hunter2"},
      {"OTEL_EXPORTER_OTLP_HEADERS", "api-key=k"},
      {"OTEL_BSP_SCHEDULE_DELAY", "600000"},
      {"OTEL_BSP_MAX_QUEUE_SIZE", "10"},
      {"OTEL_EXPORTER_OTLP_TIMEOUT", more.empty() ? "20000" : std::string(more)},
  });
  REQUIRE(settings);
  return *std::move(settings);
}

std::vector<telemetry::Span> spans(std::size_t count) {
  return std::vector<telemetry::Span>(count, telemetry::Span{.name = "GET"});
}

TEST_CASE("what waits is sent when the exporter is drained") {
  std::string request;
  Server server({[&](Peer& peer) {
    request = read_request(peer);
    peer.send(kOk);
  }});
  Scene scene(settings_to(server));
  scene.exporter.take_spans(spans(3));
  scene.exporter.take_logs(std::vector<telemetry::LogRecord>(2));
  scene.exporter.drain(async::Deadline::after(20s));
  server.join();
  CHECK(request.starts_with("POST /v1/traces?key=hunter2 HTTP/1.1\r\n"));
  CHECK(request.find("\r\ncontent-type: application/x-protobuf\r\n") != std::string::npos);
  CHECK(request.find("\r\napi-key: k\r\n") != std::string::npos);
  const auto sent = spans(3);
  CHECK(request.ends_with("\r\n\r\n" + encode_spans({{"service.name", "spin"}}, sent)));
  CHECK(scene.counts(0).exported == 3);
  CHECK(scene.counts(0).dropped == 0);
  CHECK(scene.counts(2).exported == 0);
}

TEST_CASE("a full batch is sent without delay, and tried again where that helps") {
  std::atomic<int> tries = 0;
  const auto refuse = [&](Peer& peer) {
    ++tries;
    (void)read_request(peer);
    peer.send("HTTP/1.1 503 Later\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  };
  std::string first;
  Server server({
      refuse,
      [&](Peer&) { ++tries; },  // closes without an answer
      [&](Peer& peer) {
        ++tries;
        first = read_request(peer);
        peer.send(
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\n\x0a\x02\x08\x01"
        );
      },
  });
  Scene scene(settings_to(server));
  scene.exporter.take_spans(spans(10));
  server.join();
  scene.exporter.drain(async::Deadline::after(20s));
  CHECK(tries == 3);
  CHECK(scene.counts(0).exported == 9);
  CHECK(scene.counts(0).dropped == 1);
}

TEST_CASE("what the receiver refuses for good is dropped") {
  Server server({[](Peer& peer) {
    (void)read_request(peer);
    peer.send("HTTP/1.1 400 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  }});
  Scene scene(settings_to(server));
  scene.exporter.take_spans(spans(4));
  scene.exporter.drain(async::Deadline::after(20s));
  CHECK(scene.counts(0).exported == 0);
  CHECK(scene.counts(0).dropped == 4);
}

TEST_CASE("what finds no room is dropped at once, and a silent receiver holds nobody up") {
  Server server({[](Peer& peer) { CHECK(peer.wait_closed()); }});
  Scene scene(settings_to(server));
  scene.exporter.take_spans(spans(8));
  scene.exporter.take_spans(spans(3));
  CHECK(scene.counts(0).dropped == 3);
  scene.exporter.drain(async::Deadline::after(100ms));
  // The batch itself is given up at the deadline, on the exporter's thread.
  server.join();
}

TEST_CASE("metrics are sent once more at the end") {
  std::string request;
  Server server({[&](Peer& peer) {
    request = read_request(peer);
    peer.send(kOk);
  }});
  auto settings = read_settings(
      {{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://" + server.authority() + "/v1/metrics"}}
  );
  REQUIRE(settings);
  Scene scene(*std::move(settings));
  scene.exporter.drain(async::Deadline::after(20s));
  server.join();
  CHECK(request.starts_with("POST /v1/metrics HTTP/1.1\r\n"));
  CHECK(request.find("spin.request_count") != std::string::npos);
  CHECK(scene.counts(1).exported == 1);
}

}  // namespace
}  // namespace whorl::otlp
