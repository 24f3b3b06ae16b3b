// The client against servers that are scripts of bytes, over real sockets.
#include "http/client_test_support.hpp"

#include <algorithm>
#include <atomic>
#include <optional>

namespace whorl::http {
namespace {

using namespace std::chrono_literals;

using test::get;
using test::Peer;
using test::Scene;
using test::Server;

TEST_CASE("destinations") {
  const auto parse = [](std::string_view authority, Scheme scheme = Scheme::Http) {
    const auto to = parse_destination(scheme, authority);
    return to ? fmt::format("{}|{}|{}", to->is_tls, to->host, to->port) : "none";
  };
  CHECK(parse("Example.com") == "false|example.com|80");
  CHECK(parse("a", Scheme::Https) == "true|a|443");
  CHECK(parse("a:8080") == "false|a|8080");
  CHECK(parse("a:") == "false|a|80");
  CHECK(parse("[::1]") == "false|::1|80");
  CHECK(parse("[::1]:81") == "false|::1|81");
  for (const char* bad : {"", ":80", "a:65536", "a:x", "u@a", "a b", "a/b", "[::1", "%41", "[]"}) {
    CAPTURE(bad);
    CHECK(parse(bad) == "none");
  }
}

TEST_CASE("a request and its response, on the wire") {
  std::string received;
  Server server({[&](Peer& peer) {
    received = peer.read_head();
    peer.send(
        "HTTP/1.1 103 Early\r\na: b\r\n\r\nHTTP/1.1 201 Made\r\nX-A: 1\r\nx-a: 2\r\n"
        "content-length: 5\r\n\r\nhello"
    );
  }});
  Scene scene;
  Request request = get(server, "/p?q");
  request.fields.append("X-Test", "v");
  request.fields.append("connection", "close");
  request.fields.append("host", "spoofed");
  request.fields.append("bad", "a\r\nb: c");
  const auto exchange = scene.send(std::move(request));
  auto outcome = scene.outcome(*exchange);
  REQUIRE(outcome);
  CHECK(outcome->status == 201);
  CHECK(
      outcome->fields.lines() ==
      std::vector<Field>{{"X-A", "1"}, {"x-a", "2"}, {"content-length", "5"}}
  );
  CHECK(scene.drain(*outcome->body) == "hello");
  server.join();
  CHECK(received == "GET /p?q HTTP/1.1\r\nhost: " + server.authority() + "\r\nx-test: v\r\n\r\n");
}

struct Framed {
  const char* what;
  const char* method;
  std::string response;
  std::string body;
  std::optional<ErrorKind> failure;
};

TEST_CASE("bodies by length, by chunks, until the end, cut") {
  const std::string start = "HTTP/1.1 200 OK\r\n";
  const std::vector<Framed> cases = {
      {"length", "GET", start + "content-length: 3\r\n\r\nabc", "abc", {}},
      {"empty", "GET", start + "content-length: 0\r\n\r\n", "", {}},
      {"chunked",
       "GET",
       start + "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
       "abc",
       {}},
      {"until close", "GET", start + "\r\nabc", "abc", {}},
      {"204", "GET", "HTTP/1.1 204 No\r\n\r\n", "", {}},
      {"HEAD", "HEAD", start + "content-length: 3\r\n\r\n", "", {}},
      {"cut length", "GET", start + "content-length: 4\r\n\r\nabc", "abc", ErrorKind::Disconnected},
      {"cut chunks",
       "GET",
       start + "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
       "abc",
       ErrorKind::Disconnected},
      {"bad chunks",
       "GET",
       start + "transfer-encoding: chunked\r\n\r\n3\r\nabcd",
       "abc",
       ErrorKind::InvalidInput},
  };
  for (const Framed& c : cases) {
    CAPTURE(c.what);
    Server server({[&](Peer& peer) {
      peer.read_head();
      peer.send(c.response);
    }});
    Scene scene;
    Request request = get(server);
    request.method = c.method;
    const auto exchange = scene.send(std::move(request));
    auto outcome = scene.outcome(*exchange);
    REQUIRE(outcome);
    CHECK(scene.drain(*outcome->body) == c.body);
    CHECK(outcome->body->failure() == c.failure);
  }
}

struct Bodiless {
  const char* method;
  const char* announced;  ///< null: nothing
  const char* fields;     ///< behind the host
};

TEST_CASE("a body that has ended without bytes is none") {
  for (const Bodiless& c : {
           Bodiless{"GET", nullptr, ""},
           Bodiless{"POST", nullptr, "content-length: 0\r\n"},
           Bodiless{"GET", "0", "content-length: 0\r\n"},
       }) {
    CAPTURE(c.method);
    std::string received;
    Server server({[&](Peer& peer) {
      received = peer.read_head();
      peer.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
      peer.close();
    }});
    Scene scene;
    Request request = get(server);
    request.method = c.method;
    if (c.announced != nullptr) {
      request.fields.append("content-length", c.announced);
    }
    request.body = make_local<BodyPipe>();
    request.body->finish();
    const auto exchange = scene.send(std::move(request));
    REQUIRE(scene.outcome(*exchange));
    server.join();
    CHECK(
        received == std::string(c.method) + " / HTTP/1.1\r\nhost: " + server.authority() + "\r\n" +
                        c.fields + "\r\n"
    );
  }
}

TEST_CASE("a request with nothing in its body is made again where an idle connection was closed") {
  std::vector<std::string> received;
  Server server({
      [&](Peer& peer) {
        received.push_back(peer.read_head());
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        received.push_back(peer.read_head());
      },
      [&](Peer& peer) {
        received.push_back(peer.read_head());
        peer.send("HTTP/1.1 204 No\r\n\r\n");
      },
  });
  Scene scene;
  const auto first = scene.send(get(server, "/1"));
  REQUIRE(scene.outcome(*first));
  REQUIRE(scene.run_until([&] { return scene.client.idle_connections() == 1; }));
  Request request = get(server, "/2");
  request.body = BodyPipe::empty();
  const auto second = scene.send(std::move(request));
  const auto outcome = scene.outcome(*second);
  REQUIRE(outcome);
  CHECK(outcome->status == 204);
  server.join();
  REQUIRE(received.size() == 3);
  CHECK(received[1].starts_with("GET /2 "));
  CHECK(received[2] == received[1]);
}

TEST_CASE("a body of a known length is asked for, like any other") {
  std::string received;
  Server server({[&](Peer& peer) {
    peer.read_head();
    received = peer.read_bytes(5);
    peer.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  }});
  Scene scene;
  Request request = get(server);
  request.method = "PUT";
  request.fields.append("content-length", "5");
  // Whoever writes it may wait for that: a client that expects 100 Continue does.
  const auto body = request.body = make_local<BodyPipe>();
  const auto exchange = scene.send(std::move(request));
  REQUIRE(scene.run_until([&] { return body->is_demanded(); }));
  body->write(as_bytes("hello"));
  body->finish();
  REQUIRE(scene.outcome(*exchange));
  server.join();
  CHECK(received == "hello");
}

TEST_CASE("trailers, both ways") {
  std::string received;
  Server server({[&](Peer& peer) {
    peer.read_head();
    received = peer.read_until("0\r\n") + peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nsum: 7\r\n\r\n");
  }});
  Scene scene;
  Request request = get(server);
  request.method = "POST";
  request.body = make_local<BodyPipe>();
  request.body->write(as_bytes("abc"));
  auto trailers = std::make_unique<Fields>();
  trailers->append("check", "1");
  trailers->append("content-length", "9");
  request.body->finish(std::move(trailers));
  const auto exchange = scene.send(std::move(request));
  auto outcome = scene.outcome(*exchange);
  REQUIRE(outcome);
  CHECK(scene.drain(*outcome->body).empty());
  const auto got = outcome->body->take_trailers();
  REQUIRE(got != nullptr);
  CHECK(got->lines() == std::vector<Field>{{"sum", "7"}});
  server.join();
  CHECK(received == "3\r\nabc\r\n0\r\ncheck: 1\r\n\r\n");
}

TEST_CASE("a body streams both ways at once, with backpressure") {
  constexpr std::size_t kTotal = std::size_t{4} << 20;
  Server server({[](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    // Every chunk goes back before the next one is read.
    for (;;) {
      const std::string size = peer.read_until("\r\n");
      const auto bytes = std::stoul(size, nullptr, 16);
      if (bytes == 0) {
        peer.send("0\r\n\r\n");
        return;
      }
      std::string chunk;
      while (chunk.size() < bytes + 2) {
        chunk += peer.read_until("\r\n");
      }
      peer.send(size + chunk);
    }
  }});
  Scene scene;
  Request request = get(server);
  request.method = "POST";
  const auto up = request.body = make_local<BodyPipe>();
  const auto exchange = scene.send(std::move(request));
  auto outcome = scene.outcome(*exchange);
  REQUIRE(outcome);
  std::size_t sent = 0;
  std::size_t received = 0;
  std::size_t most = 0;
  const Bytes part(10'000, 'x');
  REQUIRE(scene.run_until([&] {
    if (sent < kTotal) {
      sent += up->write(ByteView(part).first(std::min(part.size(), kTotal - sent)));
      if (sent == kTotal) {
        up->finish();
      }
    }
    most = std::max(most, outcome->body->readable().size());
    received += outcome->body->readable().size();
    outcome->body->consume(outcome->body->readable().size());
    return outcome->body->is_ended() && outcome->body->readable().empty();
  }));
  CHECK(received == kTotal);
  CHECK(most <= BodyPipe::kDefaultCapacity);
  CHECK_FALSE(outcome->body->failure());
}

TEST_CASE("requests that fail") {
  const auto failure_of = [](Scene& scene, ClientExchange& exchange) {
    auto outcome = scene.outcome(exchange);
    REQUIRE_FALSE(outcome);
    return outcome.error().failure;
  };
  SUBCASE("refused") {
    auto listeners = net::listen_on(*net::SocketAddress::from_ip("127.0.0.1", 0), 1);
    REQUIRE(listeners);
    Request request;
    request.authority = listeners->address.to_string();
    listeners->sockets.clear();
    Scene scene;
    CHECK(failure_of(scene, *scene.send(std::move(request))) == ClientFailure::ConnectionRefused);
  }
  SUBCASE("no such name") {
    Request request;
    request.authority = "no-such-host.invalid";
    Scene scene;
    CHECK(failure_of(scene, *scene.send(std::move(request))) == ClientFailure::NameNotFound);
  }
  SUBCASE("blocked network") {
    ClientOptions options;
    options.blocked.block_private();
    Scene scene(std::move(options));
    Request request;
    request.authority = "127.0.0.1:1";
    CHECK(failure_of(scene, *scene.send(std::move(request))) == ClientFailure::AddressProhibited);
  }
  SUBCASE("no connection allowed") {
    ClientOptions options;
    options.limits = {std::make_shared<ConnectionLimit>(0)};
    Scene scene(std::move(options));
    Request request;
    request.authority = "127.0.0.1:1";
    CHECK(failure_of(scene, *scene.send(std::move(request))) == ClientFailure::ConnectionLimit);
  }
  SUBCASE("targets") {
    Scene scene;
    for (const auto& [authority, path] : std::vector<std::pair<const char*, const char*>>{
             {"", "/"}, {"a b", "/"}, {"a", "x"}, {"a", "/x y"}, {"a", "/\r\nx: y"}, {"a", ""}
         }) {
      Request request;
      request.authority = authority;
      request.path_and_query = path;
      CHECK(failure_of(scene, *scene.send(std::move(request))) == ClientFailure::InvalidUri);
    }
  }
  SUBCASE("garbage, nothing, too long") {
    for (const auto& [answer, expected] : std::vector<std::pair<std::string, ClientFailure>>{
             {"SSH-2.0-x\r\n", ClientFailure::Protocol},
             {"", ClientFailure::Protocol},
             {"HTTP/1.1 200", ClientFailure::Protocol},
             {"HTTP/1.1 101 Switch\r\n\r\n", ClientFailure::Protocol},
             {"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", ClientFailure::Protocol},
             {"HTTP/1.1 200 OK\r\na: " + std::string(200'000, 'x'), ClientFailure::HeadTooLong}
         }) {
      Server server({[&](Peer& peer) {
        peer.read_head();
        peer.send(answer);
      }});
      Scene scene;
      CHECK(failure_of(scene, *scene.send(get(server))) == expected);
    }
  }
  SUBCASE("a plain server asked for TLS") {
    Server server({[](Peer& peer) { peer.send("HTTP/1.1 400 Bad\r\n\r\n"); }});
    Scene scene;
    Request request = get(server);
    request.scheme = Scheme::Https;
    CHECK(failure_of(scene, *scene.send(std::move(request))) == ClientFailure::Tls);
  }
  SUBCASE("a body that is cut") {
    Server server({[](Peer& peer) { peer.wait_closed(); }});
    Scene scene;
    Request request = get(server);
    request.method = "POST";
    request.body = make_local<BodyPipe>();
    request.body->write(as_bytes("abc"));
    request.body->fail(ErrorKind::Disconnected);
    CHECK(failure_of(scene, *scene.send(std::move(request))) == ClientFailure::Protocol);
  }
}

TEST_CASE("timeouts") {
  Server server(
      {[](Peer& peer) {
         peer.read_head();
         peer.wait_closed();
       },
       [](Peer& peer) {
         peer.read_head();
         peer.send("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\na");
         peer.wait_closed();
       },
       [](Peer& peer) { peer.wait_closed(); }}
  );
  Scene scene;
  ClientTimeouts timeouts;
  timeouts.first_byte = 5ms;
  auto silent = scene.outcome(*scene.send(get(server), timeouts));
  REQUIRE_FALSE(silent);
  CHECK(silent.error().failure == ClientFailure::ReadTimeout);
  timeouts.first_byte = 20s;
  timeouts.between_bytes = 5ms;
  auto slow = scene.outcome(*scene.send(get(server), timeouts));
  REQUIRE(slow);
  CHECK(scene.drain(*slow->body) == "a");
  CHECK(slow->body->failure() == ErrorKind::DeadlineExceeded);
  timeouts.connect = 5ms;
  Request secure = get(server);
  secure.scheme = Scheme::Https;
  auto late = scene.outcome(*scene.send(std::move(secure), timeouts));
  REQUIRE_FALSE(late);
  CHECK(late.error().failure == ClientFailure::ConnectionTimeout);
}

TEST_CASE("an abandoned request closes its connection") {
  bool closed = false;
  Server server({[&](Peer& peer) {
    peer.read_head();
    closed = peer.wait_closed();
  }});
  Scene scene;
  Request request = get(server);
  request.method = "POST";
  request.body = make_local<BodyPipe>();
  const auto body = request.body;
  const auto exchange = scene.send(std::move(request));
  REQUIRE(scene.run_until([&] { return body->is_demanded(); }));
  exchange->abandon();
  REQUIRE(scene.run_until([&] { return body->reader_gone(); }));
  server.join();
  CHECK(closed);
}

TEST_CASE("a response that nobody reads closes its connection") {
  std::atomic<bool> closed = false;
  Server server({[&](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\nabc");
    closed = peer.wait_closed();
  }});
  Scene scene;
  auto outcome = scene.outcome(*scene.send(get(server)));
  REQUIRE(outcome);
  outcome->body->stop_reading();
  CHECK(scene.run_until([&] { return closed.load(); }));
}

TEST_CASE("connections are used again, and made anew when the server has closed them") {
  const auto answer = [](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  };
  Server server(
      {[&](Peer& peer) {
         answer(peer);
         answer(peer);
         peer.read_head();
         peer.close();  // in the middle of the third request
       },
       answer}
  );
  Scene scene;
  for (int i = 0; i < 3; ++i) {
    CAPTURE(i);
    auto outcome = scene.outcome(*scene.send(get(server)));
    REQUIRE(outcome);
    CHECK(scene.drain(*outcome->body) == "ok");
    REQUIRE(scene.run_until([&] { return scene.client.idle_connections() == 1; }));
  }
}

TEST_CASE("limits count connections, idle ones too, and make requests wait") {
  const auto answer = [](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    peer.wait_closed();
  };
  Server one({answer});
  Server two({[](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no");
    peer.wait_closed();
  }});
  Server three({answer});
  const auto limit = std::make_shared<ConnectionLimit>(1);
  ClientOptions options;
  options.limits.push_back(limit);
  Scene scene(std::move(options));
  auto first = scene.outcome(*scene.send(get(one)));
  REQUIRE(first);
  CHECK(scene.drain(*first->body) == "ok");
  REQUIRE(scene.run_until([&] { return scene.client.idle_connections() == 1; }));
  CHECK(limit->used() == 1);
  // The idle one gives way; while the second is under way, a third waits.
  auto second = scene.outcome(*scene.send(get(two)));
  REQUIRE(second);
  CHECK(scene.client.idle_connections() == 0);
  ClientTimeouts timeouts;
  timeouts.connect = 15ms;
  auto late = scene.outcome(*scene.send(get(three), timeouts));
  REQUIRE_FALSE(late);
  CHECK(late.error().failure == ClientFailure::ConnectionTimeout);
  const auto waiting = scene.send(get(three));
  second->body->stop_reading();
  auto third = scene.outcome(*waiting);
  REQUIRE(third);
  CHECK(scene.drain(*third->body) == "ok");
  CHECK(limit->used() == 1);
}

}  // namespace
}  // namespace whorl::http
