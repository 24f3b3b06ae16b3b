// Requests and answers over HTTP/2: what goes through, and how far ahead.
#include "http/test_http2_client.hpp"

#include <doctest/doctest.h>

namespace whorl::http::test {
namespace {

std::shared_ptr<std::string> upload(std::string_view text) {
  return std::make_shared<std::string>(std::string(text) + H2Client::kEnd);
}

std::shared_ptr<Fields> keep(Fields fields) {
  return std::make_shared<Fields>(std::move(fields));
}

void answer_hello(Site& site) {
  site.answer("/", [](const LocalPtr<Exchange>& exchange) {
    exchange->respond({.status = 200, .fields = {}, .body = whole_body("hello")});
  });
}

TEST_CASE("a request with prior knowledge is answered") {
  Site site;
  std::shared_ptr<Fields> fields;
  std::string authority;
  site.answer("/a?b=c", [&](const LocalPtr<Exchange>& exchange) {
    fields = keep(exchange->request().fields);
    authority = exchange->request().authority;
    CHECK(exchange->request().method == "PATCH");
    CHECK(exchange->request().body->at_end());
    Fields answer;
    answer.append("X-Mixed", "1");
    answer.append("connection", "close");
    answer.append("bad name", "x");
    exchange->respond({.status = 201, .fields = answer, .body = whole_body("hello")});
  });
  H2Client client(site);
  const Lines sent{{"x-one", "1"}, {"cookie", "a=1"}, {"cookie", "b=2"}, {"te", "trailers"}};
  const H2Answer& got = client.finish(client.request("PATCH", "/a?b=c", sent, nullptr));
  CHECK(got.status == "201");
  CHECK(got.fields == Lines{{"x-mixed", "1"}, {"content-length", "5"}});
  CHECK(got.body == "hello");
  CHECK(got.ended);
  CHECK(got.error_code == 0);
  CHECK(authority == "a.test");
  CHECK(
      fields->lines() ==
      std::vector<Field>{
          {"host", "a.test"}, {"x-one", "1"}, {"cookie", "a=1; b=2"}, {"te", "trailers"}
      }
  );
}

TEST_CASE("many requests of one connection are answered side by side") {
  Site site;
  std::vector<LocalPtr<Exchange>> open;
  site.answer("/wait", [&](auto exchange) { open.push_back(std::move(exchange)); });
  answer_hello(site);
  H2Client client(site);
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 50; ++i) {
    ids.push_back(client.get("/wait"));
  }
  CHECK(client.finish(client.get("/")).body == "hello");
  REQUIRE(open.size() == 50);
  for (std::size_t i = open.size(); i-- > 0;) {
    open[i]->respond({.status = 200, .fields = {}, .body = whole_body(std::to_string(i))});
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    CHECK(client.finish(ids[i]).body == std::to_string(i));
  }
}

TEST_CASE("bodies and trailers go both ways, as for gRPC") {
  Site site;
  site.answer_with_echo("/echo");
  H2Client client(site);
  const std::string text(300'000, 'x');
  const Lines trailers{{"grpc-status", "0"}, {"grpc-message", "ok"}};
  const H2Answer& got = client.finish(client.request("POST", "/echo", {}, upload(text), trailers));
  CHECK(got.status == "200");
  CHECK(got.body == text);
  CHECK(got.trailers == trailers);
  CHECK(got.ended);
}

TEST_CASE("messages are passed on as they come, both ways at once") {
  Site site;
  site.answer_with_echo("/echo");
  H2Client client(site);
  const auto body = std::make_shared<std::string>();
  const std::int32_t id = client.request("POST", "/echo", {}, body);
  for (int i = 1; i <= 5; ++i) {
    body->append("message;");
    client.resume(id);
    REQUIRE(site.run_until([&] {
      client.step();
      return client.answers[id].body.size() == static_cast<std::size_t>(i) * 8;
    }));
    CHECK_FALSE(client.answers[id].ended);
  }
  body->push_back(H2Client::kEnd);
  client.resume(id);
  CHECK(client.finish(id).ended);
}

TEST_CASE("a response with trailers only, and without content") {
  Site site;
  site.answer("/trailers", [](const LocalPtr<Exchange>& exchange) {
    auto body = make_local<BodyPipe>();
    auto trailers = std::make_unique<Fields>();
    trailers->append("grpc-status", "12");
    body->finish(std::move(trailers));
    exchange->respond({.status = 200, .fields = {}, .body = body});
  });
  site.answer("/204", [](const LocalPtr<Exchange>& exchange) {
    exchange->respond({.status = 204, .fields = {}, .body = BodyPipe::empty()});
  });
  answer_hello(site);
  H2Client client(site);
  const H2Answer& only = client.finish(client.get("/trailers"));
  CHECK(only.trailers == Lines{{"grpc-status", "12"}});
  CHECK(only.ended);
  const H2Answer& none = client.finish(client.get("/204"));
  CHECK(none.status == "204");
  CHECK(none.fields.empty());
  const H2Answer& head = client.finish(client.request("HEAD", "/", {}, nullptr));
  CHECK(head.body.empty());
  CHECK(head.fields == Lines{{"content-length", "5"}});
  CHECK(client.finish(client.get("/unknown")).status == "404");
}

TEST_CASE("a body is received as far as the handler reads") {
  Site site;
  LocalPtr<Exchange> open;
  site.answer("/slow", [&](auto exchange) { open = std::move(exchange); });
  H2Client client(site);
  const std::size_t size = 1'000'000;
  const std::int32_t id = client.request("POST", "/slow", {}, upload(std::string(size, 'x')));
  REQUIRE(site.run_until([&] {
    client.step();
    return open != nullptr && open->request().body->readable().size() >= 65'000;
  }));
  for (int i = 0; i < 200; ++i) {
    client.step();
    site.settle();
  }
  BodyPipe& body = *open->request().body;
  CHECK(body.total_written() <= BodyPipe::kServedCapacity);
  std::size_t read = 0;
  REQUIRE(site.run_until([&] {
    read += body.readable().size();
    body.consume(body.readable().size());
    client.step();
    return body.at_end();
  }));
  CHECK(read == size);
  open->respond({.status = 200, .fields = {}, .body = BodyPipe::empty()});
  open.reset();
  CHECK(client.finish(id).status == "200");
}

TEST_CASE("a body is produced as far as the client takes it") {
  Site site;
  auto body = make_local<BodyPipe>();
  site.answer("/big", [&](const LocalPtr<Exchange>& exchange) {
    exchange->respond({.status = 200, .fields = {}, .body = body});
  });
  answer_hello(site);
  H2Client client(site, {.takes_bodies = false});
  const std::int32_t id = client.get("/big");
  const std::string piece(4096, 'x');
  for (int i = 0; i < 500; ++i) {
    body->write(as_bytes(piece));
    client.step();
    site.settle();
  }
  // The client's window, and what the pipe holds behind it.
  CHECK(body->total_written() <= 65'535 + BodyPipe::kServedCapacity);
  CHECK(client.received == 65'535);
  client.give_window(id, 10'000);
  REQUIRE(site.run_until([&] {
    client.step();
    return client.received == 75'535;
  }));
  // Others are not held up by it, as long as the connection's window lasts.
  client.give_window(id, 5);
  client.reset(id);
  REQUIRE(site.run_until([&] { return body->reader_gone(); }));
  client.give_window(0, 1000);
}

TEST_CASE("a body that fails, or is shorter than it said, resets its stream") {
  Site site;
  auto failing = make_local<BodyPipe>();
  site.answer("/fails", [&](const LocalPtr<Exchange>& exchange) {
    exchange->respond({.status = 200, .fields = {}, .body = failing});
  });
  site.answer("/short", [&](const LocalPtr<Exchange>& exchange) {
    Fields fields;
    fields.append("content-length", "10");
    exchange->respond({.status = 200, .fields = fields, .body = whole_body("short")});
  });
  site.answer("/long", [&](const LocalPtr<Exchange>& exchange) {
    Fields fields;
    fields.append("content-length", "3");
    exchange->respond({.status = 200, .fields = fields, .body = whole_body("longer")});
  });
  answer_hello(site);
  H2Client client(site);
  const std::int32_t id = client.get("/fails");
  failing->write(as_bytes("part"));
  REQUIRE(site.run_until([&] {
    client.step();
    return client.answers[id].body == "part";
  }));
  failing->fail(ErrorKind::GuestTrap);
  CHECK(client.finish(id).error_code == 2);
  CHECK_FALSE(client.answers[id].ended);
  CHECK(client.finish(client.get("/short")).error_code == 2);
  const H2Answer& cut = client.finish(client.get("/long"));
  CHECK(cut.body == "lon");
  CHECK(cut.ended);
  CHECK(client.finish(client.get("/")).body == "hello");
}

TEST_CASE("an answer before the end of the request ends both") {
  Site site;
  answer_hello(site);
  H2Client client(site);
  const std::int32_t id = client.request("POST", "/", {}, std::make_shared<std::string>("begin"));
  const H2Answer& got = client.finish(id);
  CHECK(got.body == "hello");
  CHECK(got.ended);
  CHECK(got.error_code == 0);
  CHECK(client.finish(client.get("/")).body == "hello");
}

TEST_CASE("a client that gives a request up is noticed") {
  Site site;
  LocalPtr<Exchange> open;
  site.answer("/wait", [&](auto exchange) { open = std::move(exchange); });
  H2Client client(site);
  const std::int32_t id = client.request("POST", "/wait", {}, std::make_shared<std::string>("x"));
  REQUIRE(site.run_until([&] {
    client.step();
    return open != nullptr;
  }));
  client.reset(id);
  REQUIRE(site.run_until([&] {
    client.step();
    return open->client_gone();
  }));
  CHECK(open->request().body->failure() == ErrorKind::Disconnected);
  open->respond({.status = 200, .fields = {}, .body = whole_body("late")});
  site.settle();
}

TEST_CASE("a client that leaves is noticed in all its requests") {
  Site site;
  std::vector<LocalPtr<Exchange>> open;
  site.answer("/wait", [&](auto exchange) { open.push_back(std::move(exchange)); });
  {
    H2Client client(site);
    client.get("/wait");
    client.get("/wait");
    REQUIRE(site.run_until([&] {
      client.step();
      return open.size() == 2;
    }));
  }
  REQUIRE(site.run_until([&] { return open[0]->client_gone() && open[1]->client_gone(); }));
  REQUIRE(site.run_until([&] { return site.server.connection_count() == 0; }));
}

TEST_CASE("100-continue is said when the body is asked for") {
  Site site;
  LocalPtr<Exchange> open;
  site.answer("/wait", [&](auto exchange) { open = std::move(exchange); });
  H2Client client(site);
  const std::int32_t id = client.request(
      "POST", "/wait", {{"expect", "100-continue"}}, std::make_shared<std::string>()
  );
  REQUIRE(site.run_until([&] {
    client.step();
    return open != nullptr;
  }));
  CHECK(client.answers[id].status.empty());
  open->request().body->demand();
  REQUIRE(site.run_until([&] {
    client.step();
    return client.answers[id].status == "100";
  }));
  open->respond({.status = 200, .fields = {}, .body = whole_body("x")});
  open.reset();
  CHECK(client.finish(id).status == "200");
}

TEST_CASE("requests that are not certain are refused") {
  ServerOptions options;
  options.head = {.target_bytes = 2000, .fields_bytes = 4000, .fields = 10};
  options.max_body_bytes = 100;
  Site site(options);
  answer_hello(site);
  Lines many;
  for (int i = 0; i < 20; ++i) {
    many.emplace_back("x-" + std::to_string(i), "1");
  }
  struct Row {
    std::string method;
    std::string path;
    Lines fields;
    std::string_view status;  ///< empty: the codec itself refuses it
  };
  const std::vector<Row> rows{
      {"GET", "/a#b", {}, "400"},
      {"GET", "*", {}, ""},
      {"GET", "/", {{":authority", "a b"}}, ""},
      {"GET", "/", {{":authority", "user@a.test"}}, "400"},
      {"GET", "/", {{"host", "other.test"}}, "400"},
      {"GET", "/", {{"host", "A.test"}}, "200"},
      {"GET", "/", {{"expect", "more"}}, "417"},
      {"GET", "/", many, "431"},
      {"GET", "/", {{"x-long", std::string(8'000, 'x')}}, "431"},
      {"GET", "/" + std::string(3'000, 'x'), {}, "414"},
      {"POST", "/", {{"content-length", "101"}}, "413"},
  };
  for (const Row& row : rows) {
    H2Client client(site);
    const bool has_body = row.method == "POST";
    CHECK(
        client
            .finish(client.request(
                row.method, row.path, row.fields, has_body ? upload(std::string(101, 'x')) : nullptr
            ))
            .status == row.status
    );
  }
}

TEST_CASE("a drain lets requests end, takes those on their way, and says goodbye") {
  ServerOptions options;
  options.linger_timeout = 40ms;
  Site site(options);
  std::vector<LocalPtr<Exchange>> open;
  site.answer("/wait", [&](auto exchange) { open.push_back(std::move(exchange)); });
  H2Client client(site);
  const std::int32_t first = client.get("/wait");
  REQUIRE(site.run_until([&] {
    client.step();
    return open.size() == 1;
  }));
  H2Client idle(site);
  idle.step();
  REQUIRE(site.run_until([&] {
    idle.step();
    return site.server.connection_count() == 2;
  }));
  site.server.drain(async::Deadline::after(60s));
  // It was sent before the client could know.
  const std::int32_t second = client.get("/wait");
  REQUIRE(site.run_until([&] {
    client.step();
    return open.size() == 2;
  }));
  REQUIRE(site.run_until([&] {
    client.step();
    return client.goaways == 2;
  }));
  CHECK(client.goaway_code == 0);
  for (auto& exchange : open) {
    exchange->respond({.status = 200, .fields = {}, .body = whole_body("done")});
  }
  open.clear();
  CHECK(client.finish(first).body == "done");
  CHECK(client.finish(second).body == "done");
  client.wait_for_end();
  idle.wait_for_end();
  CHECK_FALSE(client.socket.reset);
  client.socket.close();
  idle.socket.close();
  CHECK(site.run_until([&] { return site.server.is_empty(); }));
}

}  // namespace
}  // namespace whorl::http::test
