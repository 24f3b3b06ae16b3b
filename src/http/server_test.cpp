// What goes in and what comes out, byte by byte, over real sockets.
#include "http/server.hpp"

#include "http/server_test_support.hpp"

namespace whorl::http {
namespace {

using test::Client;
using test::Site;
using test::whole_body;

void give_answers(Site& site) {
  site.answer("/hello", [](const auto& exchange) {
    Response response{.status = 200, .fields = {}, .body = whole_body("hi")};
    response.fields.append("Content-Type", "text/plain");
    exchange->respond(std::move(response));
  });
  site.answer("/empty", [](const auto& exchange) { exchange->respond({}); });
  site.answer("/stream", [&site](const auto& exchange) {
    auto body = make_local<BodyPipe>();
    body->write(as_bytes("first"));
    exchange->respond({.status = 200, .fields = {}, .body = body});
    site.shard.post([&site, body] {
      body->write(as_bytes("second part"));
      site.shard.post([body] { body->finish(); });
    });
  });
  site.answer("/late", [&site](const auto& exchange) {
    site.shard.post([exchange] {
      exchange->respond({.status = 202, .fields = {}, .body = whole_body("late")});
    });
  });
  const auto with_length = [&site](const char* path, const char* length, std::string_view text) {
    site.answer(path, [length, text](const auto& exchange) {
      Response response{.status = 200, .fields = {}, .body = whole_body(text)};
      response.fields.append("content-length", length);
      exchange->respond(std::move(response));
    });
  };
  with_length("/exact", "4", "abcd");
  with_length("/too-long", "2", "abcd");
  with_length("/too-short", "6", "abcd");
  with_length("/bad-length", "4x", "abcd");
  const auto with_status = [&site](const char* path, std::uint16_t status) {
    site.answer(path, [status](const auto& exchange) {
      Response response{.status = status, .fields = {}, .body = whole_body("body")};
      response.fields.append("content-length", "4");
      exchange->respond(std::move(response));
    });
  };
  with_status("/204", 204);
  with_status("/304", 304);
  with_status("/100", 100);
  with_status("/1000", 1000);
  with_status("/299", 299);
  site.answer("/fields", [](const auto& exchange) {
    Response response{.status = 200, .fields = {}, .body = nullptr};
    for (const auto& [name, value] : std::initializer_list<std::pair<const char*, const char*>>{
             {"X-A", "1"},
             {"Connection", "x-a"},
             {"Keep-Alive", "timeout=5"},
             {"Proxy-Connection", "close"},
             {"Transfer-Encoding", "gzip"},
             {"Upgrade", "h2c"},
             {"TE", "trailers"},
             {"x-a", "2"},
             {"bad name", "x"},
             {"x-split", "a\r\nset-cookie: b"},
             {"Date", "Sun, 06 Nov 1994 08:49:37 GMT"},
         }) {
      response.fields.append(name, value);
    }
    exchange->respond(std::move(response));
  });
  site.answer("/trailers", [](const auto& exchange) {
    auto body = make_local<BodyPipe>();
    body->write(as_bytes("abc"));
    auto trailers = std::make_unique<Fields>();
    trailers->append("X-Sum", "6");
    trailers->append("Content-Length", "6");
    body->finish(std::move(trailers));
    exchange->respond({.status = 200, .fields = {}, .body = body});
  });
  site.answer("/cut", [](const auto& exchange) {
    auto body = make_local<BodyPipe>();
    body->write(as_bytes("abc"));
    body->fail(ErrorKind::GuestTrap);
    exchange->respond({.status = 200, .fields = {}, .body = body});
  });
  site.answer("/body", [](const auto& exchange) {
    // The body is short enough to have arrived with the head.
    BodyPipe& in = *exchange->request().body;
    auto out = make_local<BodyPipe>();
    out->write(in.readable());
    in.consume(in.readable().size());
    if (const auto trailers = in.take_trailers()) {
      out->write(as_bytes(trailers->lines()[0].name + "=" + trailers->lines()[0].value));
    }
    out->finish();
    exchange->respond({.status = 200, .fields = {}, .body = out});
  });
  site.answer("/ignore", [](const auto& exchange) { exchange->respond({}); });
}

struct Case {
  const char* what;
  std::string in;
  std::string out;
};

std::string get(const std::string& path, const std::string& fields = "") {
  return "GET " + path + " HTTP/1.1\r\nhost: a\r\nconnection: close\r\n" + fields + "\r\n";
}
std::string head(const std::string& path) {
  return "HEAD " + path + " HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
}
std::string post(const std::string& path, const std::string& rest) {
  return "POST " + path + " HTTP/1.1\r\nhost: a\r\nconnection: close\r\n" + rest;
}
std::string old(const std::string& path, const std::string& fields = "") {
  return "GET " + path + " HTTP/1.0\r\n" + fields + "\r\n";
}

const std::string kOk = "HTTP/1.1 200 OK\r\n";
const std::string kClose = "connection: close\r\n";
const std::string kDate = "date: D\r\n";
const std::string kChunked = "transfer-encoding: chunked\r\n";

std::string refused(const std::string& line) {
  return "HTTP/1.1 " + line + "\r\n" + kClose + "content-length: 0\r\n" + kDate + "\r\n";
}

TEST_CASE("requests and their answers, byte by byte") {
  Site site;
  give_answers(site);
  for (const Case& c : std::vector<Case>{
           {"whole body",
            get("/hello"),
            kOk + "content-type: text/plain\r\n" + kClose + "content-length: 2\r\n" + kDate +
                "\r\nhi"},
           {"no body", get("/empty"), kOk + kClose + "content-length: 0\r\n" + kDate + "\r\n"},
           {"streamed",
            get("/stream"),
            kOk + kClose + kChunked + kDate + "\r\n5\r\nfirst\r\nb\r\nsecond part\r\n0\r\n\r\n"},
           {"answered later",
            get("/late"),
            "HTTP/1.1 202 Accepted\r\n" + kClose + "content-length: 4\r\n" + kDate + "\r\nlate"},
           {"guest's length",
            get("/exact"),
            kOk + kClose + "content-length: 4\r\n" + kDate + "\r\nabcd"},
           {"more than the guest's length",
            get("/too-long"),
            kOk + kClose + "content-length: 2\r\n" + kDate + "\r\nab"},
           {"less than the guest's length",
            get("/too-short"),
            kOk + kClose + "content-length: 6\r\n" + kDate + "\r\nabcd"},
           {"impossible length",
            get("/bad-length"),
            kOk + kClose + "content-length: 4\r\n" + kDate + "\r\nabcd"},
           {"204", get("/204"), "HTTP/1.1 204 No Content\r\n" + kClose + kDate + "\r\n"},
           {"304",
            get("/304"),
            "HTTP/1.1 304 Not Modified\r\n" + kClose + "content-length: 4\r\n" + kDate + "\r\n"},
           {"informational status", get("/100"), refused("500 Internal Server Error")},
           {"four digits", get("/1000"), refused("500 Internal Server Error")},
           {"unregistered status",
            get("/299"),
            "HTTP/1.1 299 \r\n" + kClose + "content-length: 4\r\n" + kDate + "\r\nbody"},
           {"unknown path", get("/nowhere"), refused("404 Not Found")},
           {"HEAD",
            head("/hello"),
            kOk + "content-type: text/plain\r\n" + kClose + "content-length: 2\r\n" + kDate + "\r\n"
           },
           {"HEAD without body", head("/empty"), kOk + kClose + kDate + "\r\n"},
           {"HEAD, streamed", head("/stream"), kOk + kClose + kDate + "\r\n"},
           {"HEAD with guest's length",
            head("/too-short"),
            kOk + kClose + "content-length: 6\r\n" + kDate + "\r\n"},
           {"fields",
            get("/fields"),
            kOk + "x-a: 1\r\nx-a: 2\r\ndate: D\r\n" + kClose + "content-length: 0\r\n\r\n"},
           {"trailers",
            get("/trailers"),
            kOk + kClose + kChunked + kDate + "\r\n3\r\nabc\r\n0\r\nx-sum: 6\r\n\r\n"},
           {"cut", get("/cut"), kOk + kClose + kChunked + kDate + "\r\n3\r\nabc\r\n"},
           {"1.0",
            old("/hello"),
            "HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n" + kDate +
                "\r\nhi"},
           {"1.0 streamed",
            old("/stream", "connection: keep-alive\r\n"),
            "HTTP/1.0 200 OK\r\n" + kClose + kDate + "\r\nfirstsecond part"},
           {"1.0 with trailers",
            old("/trailers"),
            "HTTP/1.0 200 OK\r\ncontent-length: 3\r\n" + kDate + "\r\nabc"},
           {"1.0 keep-alive, then close",
            old("/empty", "connection: keep-alive\r\n") + old("/empty"),
            "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n" + kDate +
                "\r\nHTTP/1.0 200 OK\r\ncontent-length: 0\r\n" + kDate + "\r\n"},
           {"body by length",
            post("/body", "content-length: 5\r\n\r\nhello"),
            kOk + kClose + "content-length: 5\r\n" + kDate + "\r\nhello"},
           {"body in chunks",
            post(
                "/body",
                "transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nA: b\r\n\r\n"
            ),
            kOk + kClose + "content-length: 8\r\n" + kDate + "\r\nhelloA=b"},
           {"expectation without body",
            get("/empty", "expect: 100-continue\r\n"),
            kOk + kClose + "content-length: 0\r\n" + kDate + "\r\n"},
           {"expectation not needed",
            post("/ignore", "content-length: 5\r\nexpect: 100-continue\r\n\r\n"),
            kOk + kClose + "content-length: 0\r\n" + kDate + "\r\n"},
           {"other expectation",
            get("/empty", "expect: miracles\r\n"),
            refused("417 Expectation Failed")},
           {"garbage", "what\r\n\r\n", refused("400 Bad Request")},
           {"two lengths",
            post("/body", "content-length: 5\r\ncontent-length: 6\r\n\r\nhello"),
            refused("400 Bad Request")},
           {"length and chunks",
            post("/body", "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
            refused("400 Bad Request")},
           {"unknown coding",
            post("/body", "transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
            refused("501 Not Implemented")},
           {"an HTTP/2 line that is not the preface",
            "PRI * HTTP/2.0\r\nSM\r\n\r\n",
            refused("505 HTTP Version Not Supported")},
       }) {
    CAPTURE(c.what);
    CHECK(site.ask(c.in) == c.out);
  }
  CHECK(site.run_until([&] { return site.server.connection_count() == 0; }));
}

TEST_CASE("heads that are too large") {
  Site site;
  give_answers(site);
  const auto with = [](const std::string& field) { return get("/empty", field); };
  CHECK(
      site.ask(with("a: " + std::string(64 * 1024, 'x') + "\r\n")) ==
      refused("431 Request Header Fields Too Large")
  );
  CHECK(
      site.ask("GET /" + std::string(65'534, 'x') + " HTTP/1.1\r\nhost: a\r\n\r\n") ==
      refused("414 URI Too Long")
  );
  std::string many;
  for (int i = 0; i < 99; ++i) {
    many += "a: b\r\n";
  }
  CHECK(site.ask(with(many)) == refused("431 Request Header Fields Too Large"));
  // As large as allowed: host, connection and 98 more.
  many.resize(98 * 6);
  CHECK(site.ask(with(many)).starts_with(kOk));
  CHECK(site.ask(with("a: " + std::string(65'000, 'x') + "\r\n")).starts_with(kOk));
  CHECK(
      site.ask("GET /" + std::string(65'533, 'x') + " HTTP/1.0\r\n\r\n").starts_with("HTTP/1.0 404")
  );
}

TEST_CASE("a body over the limit is refused, or cut while it comes") {
  ServerOptions options;
  options.max_body_bytes = 10;
  Site site(options);
  give_answers(site);
  site.answer_with_echo("/echo");
  CHECK(
      site.ask(post("/body", "content-length: 11\r\n\r\nhello world")) ==
      refused("413 Payload Too Large")
  );
  CHECK(site.ask(post("/body", "content-length: 5\r\n\r\nhello")).ends_with("hello"));
  const std::string chunks = "transfer-encoding: chunked\r\n\r\n6\r\nhello \r\n6\r\nworld!\r\n";
  CHECK(site.ask(post("/echo", chunks)) == refused("413 Payload Too Large"));
  // An answer that has begun is cut.
  Client client(site.address);
  client.send(post("/echo", chunks.substr(0, chunks.size() - 11)));
  site.settle();
  client.send(chunks.substr(chunks.size() - 11));
  site.receive_all(client);
  CHECK(client.received.ends_with("\r\n6\r\nhello \r\n"));
}

/// Answers with the whole body once it is there.
class Collector final : public async::Waiter, public std::enable_shared_from_this<Collector> {
 public:
  Collector(async::Shard& shard, LocalPtr<Exchange> exchange)
      : shard_(shard), exchange_(std::move(exchange)) {}
  void step() {
    const auto body = exchange_->request().body;
    if (!body->is_ended()) {
      keep_ = shared_from_this();
      body->readable_event().add(*this);
      return;
    }
    exchange_->respond({.status = 200, .fields = {}, .body = body});
    keep_.reset();
  }
  void on_event() noexcept override {
    shard_.post([self = shared_from_this()] { self->step(); });
  }

 private:
  async::Shard& shard_;
  LocalPtr<Exchange> exchange_;
  std::shared_ptr<Collector> keep_;
};

TEST_CASE("every split of the input gives the same answers") {
  const std::string in =
      "POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello"
      "\r\nGET /hello HTTP/1.1\r\nhost: a\r\n\r\n" +
      post("/body", "transfer-encoding: chunked\r\n\r\n5\r\nworld\r\n0\r\n\r\n");
  Site site;
  give_answers(site);
  site.answer("/body", [&](auto exchange) {
    std::make_shared<Collector>(site.shard, std::move(exchange))->step();
  });
  const std::string out = kOk + "content-length: 5\r\n" + kDate + "\r\nhello" + kOk +
                          "content-type: text/plain\r\ncontent-length: 2\r\n" + kDate + "\r\nhi" +
                          kOk + kClose + "content-length: 5\r\n" + kDate + "\r\nworld";
  for (std::size_t split = 1; split < in.size(); ++split) {
    CAPTURE(split);
    Client client(site.address);
    client.send(std::string_view(in).substr(0, split));
    site.settle();
    client.send(std::string_view(in).substr(split));
    site.receive_all(client);
    CHECK(test::mask_dates(client.received) == out);
  }
}

TEST_CASE("pipelined requests are answered in order, one after the other") {
  Site site;
  give_answers(site);
  std::vector<LocalPtr<Exchange>> open;
  site.answer("/wait", [&](auto exchange) { open.push_back(std::move(exchange)); });
  Client client(site.address);
  client.send(
      "GET /wait HTTP/1.1\r\nhost: a\r\n\r\nGET /wait HTTP/1.1\r\nhost: a\r\n\r\n" + get("/hello")
  );
  REQUIRE(site.run_until([&] { return open.size() == 1; }));
  site.settle();
  CHECK(open.size() == 1);
  open[0]->respond({.status = 200, .fields = {}, .body = whole_body("one")});
  REQUIRE(site.run_until([&] { return open.size() == 2; }));
  open[1]->respond({.status = 200, .fields = {}, .body = whole_body("two")});
  site.receive_all(client);
  CHECK(
      test::mask_dates(client.received) == kOk + "content-length: 3\r\n" + kDate + "\r\none" + kOk +
                                               "content-length: 3\r\n" + kDate + "\r\ntwo" + kOk +
                                               "content-type: text/plain\r\n" + kClose +
                                               "content-length: 2\r\n" + kDate + "\r\nhi"
  );
}

TEST_CASE("many pipelined requests") {
  Site site;
  give_answers(site);
  std::string in;
  for (int i = 0; i < 1000; ++i) {
    in += "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n";
  }
  Client client(site.address);
  client.send(in);
  site.receive(client, 1000 * 103);
  CHECK(site.handler.handled == 1000);
  client.send(get("/empty"));
  site.receive_all(client);
  CHECK(site.handler.handled == 1001);
}

TEST_CASE("what a handler sees of a request") {
  Site site;
  Request seen;
  site.answer("/a?b", [&](const auto& exchange) {
    seen = std::move(exchange->request());
    exchange->respond({});
  });
  Client client(site.address);
  client.send(
      "PuT http://x.y:1/a?b HTTP/1.1\r\nHost: x.y:1\r\nX-Y:  z \r\nConnection: close\r\n\r\n"
  );
  site.receive_all(client);
  CHECK(seen.method == "PuT");
  CHECK(seen.scheme == Scheme::Http);
  CHECK(seen.authority == "x.y:1");
  CHECK(seen.path_and_query == "/a?b");
  CHECK(
      seen.fields.lines() ==
      std::vector<Field>{{"Host", "x.y:1"}, {"X-Y", "z"}, {"Connection", "close"}}
  );
  CHECK(seen.body->at_end());
  CHECK(seen.client_address == net::SocketAddress::of_socket(client.fd())->to_string());
}

}  // namespace
}  // namespace whorl::http
