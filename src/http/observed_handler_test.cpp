#include "http/observed_handler.hpp"

#include "http/text_endpoint.hpp"
#include "telemetry/test_spans.hpp"
#include "wire/http1/syntax.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

namespace whorl::http {
namespace {

LocalPtr<Exchange> get(std::string target, std::string method = "GET") {
  Request request;
  request.method = std::move(method);
  request.path_and_query = std::move(target);
  request.body = BodyPipe::empty();
  request.fields.append("X-Request-Id", "me");
  request.fields.append("x-request-id", "second");
  return make_local<Exchange>(std::move(request));
}

TEST_CASE("a text endpoint answers its path") {
  int made = 0;
  TextEndpoint endpoint("/metrics", "text/plain", [&] { return std::to_string(++made); });
  auto exchange = get("/metrics?x");
  endpoint.handle(exchange);
  CHECK(exchange->response().status == 200);
  CHECK(as_text(exchange->response().body->readable()) == "1");
  CHECK(exchange->response().fields.find("content-type") == "text/plain");
  exchange = get("/other");
  endpoint.handle(exchange);
  CHECK(exchange->response().status == 404);
  exchange = get("/metrics", "POST");
  endpoint.handle(exchange);
  CHECK(exchange->response().status == 405);
  CHECK(made == 1);
}

/// Answers without a look at the request.
struct Incurious final : Handler {
  void handle(LocalPtr<Exchange> exchange) override { exchange->abort(204); }
};

TEST_CASE("fields are read as they came, and none is made for it") {
  telemetry::Collected sink;
  async::Shard shard(0);
  telemetry::Recorder recorder(shard, {.spans = &sink});
  Incurious handler;
  ObservedHandler observed(recorder, handler);
  auto exchange = get("/");
  using wire::http1::FieldView;
  const std::array fields{
      FieldView{"Accept", "*/*"},
      FieldView{"User-AGENT", "curl"},
      FieldView{"X-REQUEST-ID", "later"},
      FieldView{"empty", ""},
      FieldView{"User-Agens", "no"},
      FieldView{"Tracestates", "no"},
      FieldView{"Ref", "no"},
      FieldView{"User-Agent", "second"},
      FieldView{"TraceParent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
  };
  std::string lines;
  for (const FieldView& field : fields) {
    lines.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  exchange->set_field_lines(lines);
  exchange->set_fields_in_sight(fields);
  observed.handle(exchange);
  CHECK(exchange->request_so_far().fields.size() == 2);
  CHECK(exchange->record()->request_id() == "me");
  CHECK(exchange->request().fields.size() == 11);
  exchange->note_end();
  exchange.reset();
  recorder.flush();
  REQUIRE(sink.spans.size() == 1);
  CHECK(telemetry::to_text(sink.spans[0].parent) == "b7ad6b7169203331");
  const telemetry::Attribute agent{"user_agent.original", "curl"};
  CHECK(std::ranges::count(sink.spans[0].attributes, agent) == 1);
}

TEST_CASE("requests are counted when nobody works on them any more") {
  async::Shard shard(0);
  telemetry::Recorder recorder(shard, {});
  TextEndpoint endpoint("/", "text/plain", [] { return std::string("12345"); });
  ObservedHandler observed(recorder, endpoint);
  const auto totals = [&] {
    return telemetry::collect(std::array{recorder.metrics()}).components.at("");
  };
  auto exchange = get("/");
  observed.handle(exchange);
  REQUIRE(exchange->record() != nullptr);
  CHECK(recorder.metrics()->requests_active.value() == 1);
  CHECK(totals().requests[2] == 0);
  exchange->note_end();
  exchange.reset();
  CHECK(totals().requests[2] == 1);
  CHECK(recorder.metrics()->requests_active.value() == 0);
  observed.handle(get("/missing"));
  CHECK(totals().requests[4] == 1);
  // A response that was taken out.
  exchange = get("/");
  observed.handle(exchange);
  const Response taken = exchange->take_response();
  exchange.reset();
  CHECK(totals().requests[2] == 2);
  // A client that leaves before it has an answer.
  exchange = get("/");
  exchange->set_record(recorder.begin({}));
  exchange->set_client_gone();
  exchange.reset();
  CHECK(totals().requests[0] == 1);
}

}  // namespace
}  // namespace whorl::http
