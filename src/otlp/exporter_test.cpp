#include "otlp/exporter.hpp"

#include "http/client_test_support.hpp"
#include "http/test_http2_peer.hpp"
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

TEST_CASE("requests one after the other use one connection") {
  std::vector<std::string> requests;
  Server server({[&](Peer& peer) {
    requests.push_back(read_request(peer));
    peer.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    requests.push_back(read_request(peer));
    peer.send(kOk);
  }});
  Settings settings = settings_to(server);
  settings.max_queue = 20;
  Scene scene(std::move(settings));
  scene.exporter.take_spans(spans(10));
  scene.exporter.take_spans(spans(3));
  scene.exporter.drain(async::Deadline::after(20s));
  server.join();
  REQUIRE(requests.size() == 2);
  const auto rest = spans(3);
  CHECK(requests[1].ends_with("\r\n\r\n" + encode_spans({{"service.name", "spin"}}, rest)));
  CHECK(scene.counts(0).exported == 13);
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

// --- gRPC ------------------------------------------------------------------------------------

using http::test::H2Peer;
using http::test::Lines;

/// What a call brings; empty at the end of the connection.
struct Call {
  Lines head;
  std::string message;
};

/// Receives calls and gives these answers one after the other; `%` stands for the stream's number.
void answer_calls(Peer& peer, std::vector<std::string> answers, std::vector<Call>& calls) {
  H2Peer h2(peer);
  for (std::string& answer : answers) {
    const H2Peer::Seen seen = h2.read_head();
    if (seen.stream == 0) {
      return;
    }
    calls.push_back({seen.fields, h2.read_body()});
    // The answers are written for stream 1.
    for (std::size_t at = 0; at + 9 <= answer.size();) {
      const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(answer[at + i]); };
      answer[at + 8] = static_cast<char>(seen.stream);
      at += 9 + (byte(0) << 16U | byte(1) << 8U | byte(2));
    }
    h2.send(answer);
  }
  peer.wait_closed();
}

const Lines kGrpcHead{{":status", "200"}, {"content-type", "application/grpc"}};

std::string ended(const std::string& status, Lines more = {}) {
  more.insert(more.begin(), {"grpc-status", status});
  return http::test::head(1, more, true);
}
/// An answer that is only a head.
std::string refused(const std::string& status, const Lines& more = {}) {
  Lines fields = kGrpcHead;
  fields.emplace_back("grpc-status", status);
  fields.insert(fields.end(), more.begin(), more.end());
  return http::test::head(1, fields, true);
}
std::string answered(const std::string& message) {
  return http::test::head(1, kGrpcHead) + http::test::data(1, message) + ended("0");
}

TEST_CASE("calls of gRPC: what is delivered, tried again, given up") {
  const std::string nothing(5, '\0');
  struct Case {
    std::string what;
    std::vector<std::string> answers;
    std::uint64_t exported;
  };
  const std::vector<Case> cases = {
      {"taken", {answered(nothing)}, 10},
      {"no message", {http::test::head(1, kGrpcHead) + ended("0")}, 10},
      {"taken in part", {answered(std::string("\0\0\0\0\4\x0a\2\x08\1", 9))}, 9},
      {"away for a while", {refused("14"), refused("14"), answered(nothing)}, 10},
      {"aborted behind its head",
       {http::test::head(1, kGrpcHead) + ended("10"), answered(nothing)},
       10},
      {"a gateway's answer",
       {http::test::head(1, {{":status", "503"}}, true), answered(nothing)},
       10},
      {"cut",
       {http::test::head(1, kGrpcHead) + http::test::reset_frame(1, 2), answered(nothing)},
       10},
      {"refused for good", {refused("3", {{"grpc-message", "no%20such thing"}})}, 0},
      {"exhausted, without saying for how long", {refused("8")}, 0},
      {"none of gRPC", {http::test::whole_answer(1, "hello")}, 0},
      {"a compressed message", {answered(std::string("\1\0\0\0\0", 5))}, 0},
      {"not found", {http::test::head(1, {{":status", "404"}}, true)}, 0},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    std::vector<Call> calls;
    Server server({[&](Peer& peer) { answer_calls(peer, c.answers, calls); }});
    {
      auto settings = settings_to(server);
      settings.traces->transport = Transport::Grpc;
      Scene scene(std::move(settings));
      scene.exporter.take_spans(spans(10));
      scene.exporter.drain(async::Deadline::after(20s));
      CHECK(scene.counts(0).exported == c.exported);
      CHECK(scene.counts(0).dropped == 10 - c.exported);
    }
    server.join();
    CHECK(calls.size() == c.answers.size());
  }
}

TEST_CASE("a call of gRPC as the collector gets it") {
  std::vector<Call> calls;
  Server server({[&](Peer& peer) { answer_calls(peer, {answered(std::string(5, '\0'))}, calls); }});
  auto settings = read_settings({
      {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://" + server.authority() + "/v1/traces"},
      {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"},
      {"OTEL_EXPORTER_OTLP_HEADERS", "api-key=k"},
      {"OTEL_EXPORTER_OTLP_TIMEOUT", "20000"},
  });
  REQUIRE(settings);
  {
    Scene scene(*std::move(settings));
    scene.exporter.take_spans(spans(2));
    scene.exporter.drain(async::Deadline::after(20s));
  }
  server.join();
  REQUIRE(calls.size() == 1);
  const auto sent = spans(2);
  const std::string message = encode_spans({{"service.name", "spin"}}, sent);
  CHECK(calls[0].message.substr(5) == message);
  CHECK(calls[0].message.substr(0, 4) == std::string(4, '\0'));
  CHECK(static_cast<unsigned char>(calls[0].message[4]) == message.size());
  Lines& head = calls[0].head;
  std::erase_if(head, [](const auto& field) { return field.first == "grpc-timeout"; });
  CHECK(
      head ==
      Lines{
          {":method", "POST"},
          {":scheme", "http"},
          {":authority", server.authority()},
          {":path", "/opentelemetry.proto.collector.trace.v1.TraceService/Export"},
          {"content-type", "application/grpc"},
          {"te", "trailers"},
          {"user-agent", "whorl"},
          {"api-key", "k"},
          {"content-length", std::to_string(message.size() + 5)},
      }
  );
}

}  // namespace
}  // namespace whorl::otlp
