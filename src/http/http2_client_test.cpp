// Requests over HTTP/2 to servers that are scripts of frames.
#include "http/http2_client_session.hpp"
#include "http/test_http2_peer.hpp"

namespace whorl::http::test {
namespace {

using namespace std::chrono_literals;

/// Answers every request with its path, until the client goes.
void answer_all(Peer& peer) {
  H2Peer h2(peer);
  while (true) {
    const H2Peer::Seen seen = h2.read_head();
    if (seen.stream == 0) {
      return;
    }
    for (const auto& [name, value] : seen.fields) {
      if (name == ":path") {
        h2.send(whole_answer(seen.stream, value));
      }
    }
  }
}

TEST_CASE("a request over HTTP/2 and its answer, as frames") {
  H2Peer::Seen seen;
  std::string body;
  Lines trailers;
  Server server({[&](Peer& peer) {
    H2Peer h2(peer);
    seen = h2.read_head();
    body = h2.read_body(&trailers);
    h2.send(
        head(seen.stream, {{":status", "103"}, {"a", "b"}}) +
        head(seen.stream, {{":status", "201"}, {"x-a", "1"}, {"x-a", "2"}}) +
        data(seen.stream, "hel") + data(seen.stream, "lo") +
        head(seen.stream, {{"sum", "7"}, {"trailer", "x"}}, true)
    );
    peer.wait_closed();
  }});
  Scene scene;
  const auto pipe = make_local<BodyPipe>();
  Request request = post(server, pipe);
  request.path_and_query = "/p?q";
  for (const auto& [name, value] : Lines{
           {"X-Test", "v"},
           {"connection", "close"},
           {"transfer-encoding", "chunked"},
           {"host", "spoofed"},
           {"TE", "trailers"},
           {"te", "gzip"},
           {"bad", "a\r\nb: c"},
           {"upgrade", "h2c"},
       }) {
    request.fields.append(name, value);
  }
  const auto exchange = send_http2(scene, std::move(request));
  pipe->write(as_bytes("abc"));
  scene.shard.poll();
  pipe->write(as_bytes("def"));
  auto last = std::make_unique<Fields>();
  last->append("check", "1");
  last->append("content-length", "9");
  pipe->finish(std::move(last));
  auto outcome = scene.outcome(*exchange);
  REQUIRE(outcome);
  CHECK(outcome->status == 201);
  CHECK(outcome->fields.lines() == std::vector<Field>{{"x-a", "1"}, {"x-a", "2"}});
  CHECK(scene.drain(*outcome->body) == "hello");
  const auto got = outcome->body->take_trailers();
  REQUIRE(got != nullptr);
  CHECK(got->lines() == std::vector<Field>{{"sum", "7"}});
  CHECK(scene.client.http2_connections() == 1);
  CHECK(scene.client.idle_connections() == 1);
  CHECK(body == "abcdef");
  CHECK(trailers == Lines{{"check", "1"}});
  CHECK_FALSE(seen.ends);
  CHECK(
      seen.fields ==
      Lines{
          {":method", "POST"},
          {":scheme", "http"},
          {":authority", server.authority()},
          {":path", "/p?q"},
          {"x-test", "v"},
          {"te", "trailers"}
      }
  );
}

TEST_CASE("one connection carries many requests, and counts as one") {
  Server server({answer_all});
  const auto limit = std::make_shared<ConnectionLimit>(1);
  ClientOptions options;
  options.limits = {limit};
  Scene scene(std::move(options));
  std::vector<std::shared_ptr<ClientExchange>> exchanges;
  for (int i = 0; i < 50; ++i) {
    exchanges.push_back(send_http2(scene, get(server, fmt::format("/{}", i))));
  }
  for (int i = 0; i < 50; ++i) {
    CHECK(told(scene, exchanges[static_cast<std::size_t>(i)]) == fmt::format("200 /{}", i));
  }
  CHECK(limit->used() == 1);
  CHECK(scene.client.http2_connections() == 1);
  CHECK(scene.client.idle_connections() == 1);
  // It gives way to another place when it is idle.
  Server other({answer_all});
  CHECK(told(scene, send_http2(scene, get(other, "/x"))) == "200 /x");
  CHECK(limit->used() == 1);
  CHECK(scene.client.http2_connections() == 1);
}

TEST_CASE("without pooling each request has a connection of its own") {
  Server server({answer_all, answer_all});
  ClientOptions options;
  options.max_idle = 0;
  Scene scene(std::move(options));
  CHECK(told(scene, send_http2(scene, get(server, "/a"))) == "200 /a");
  CHECK(told(scene, send_http2(scene, get(server, "/b"))) == "200 /b");
  server.join();
  CHECK(scene.client.http2_connections() == 0);
}

TEST_CASE("a server's bound on requests at once is kept") {
  std::vector<std::uint8_t> meanwhile;  // frames until the first request goes on
  Server server({[&](Peer& peer) {
    H2Peer h2(peer, setting(3, 1));
    const auto first = h2.read_head().stream;
    h2.send(head(first, {{":status", "200"}}));
    do {
      meanwhile.push_back(h2.read().type);
    } while (meanwhile.back() != kData && meanwhile.back() != 0xff);
    h2.send(data(first, "one", true));
    h2.send(whole_answer(h2.read_head().stream, "two"));
    peer.wait_closed();
  }});
  Scene scene;
  const auto body = make_local<BodyPipe>();
  auto first = scene.outcome(*send_http2(scene, post(server, body)));
  REQUIRE(first);  // so that the settings have come
  const auto second = send_http2(scene, get(server));
  for (int i = 0; i < 100; ++i) {
    scene.shard.poll();
  }
  body->write(as_bytes("a"));
  CHECK(scene.drain(*first->body) == "one");
  CHECK(told(scene, second) == "200 two");
  CHECK(meanwhile == std::vector<std::uint8_t>{kData});
}

TEST_CASE("a request that finds no room in time fails") {
  Server server({[&](Peer& peer) {
    H2Peer h2(peer, setting(3, 1));
    const auto first = h2.read_head();
    h2.send(head(first.stream, {{":status", "200"}}));
    peer.wait_closed();
  }});
  Scene scene;
  auto first = scene.outcome(*send_http2(scene, get(server)));
  REQUIRE(first);
  ClientTimeouts timeouts;
  timeouts.connect = 10ms;
  auto late = scene.outcome(*send_http2(scene, get(server), timeouts));
  REQUIRE_FALSE(late);
  CHECK(late.error().failure == ClientFailure::ConnectionTimeout);
}

TEST_CASE("requests that a server has not looked at are sent again") {
  SUBCASE("refused") {
    Server server({[&](Peer& peer) {
      H2Peer h2(peer);
      h2.send(reset_frame(h2.read_head().stream, 7));
      h2.send(whole_answer(h2.read_head().stream, "again"));
      peer.wait_closed();
    }});
    Scene scene;
    CHECK(told(scene, send_http2(scene, post(server, nullptr))) == "200 again");
  }
  SUBCASE("beyond a goodbye") {
    Server server(
        {[&](Peer& peer) {
           H2Peer h2(peer);
           const auto first = h2.read_head();
           h2.read_head();
           h2.send(goaway(first.stream));
           h2.send(whole_answer(first.stream, "first"));
           peer.wait_closed();
         },
         [&](Peer& peer) {
           H2Peer h2(peer);
           h2.send(whole_answer(h2.read_head().stream, "second"));
           peer.wait_closed();
         }}
    );
    Scene scene;
    const auto first = send_http2(scene, get(server));
    const auto second = send_http2(scene, post(server, nullptr));
    CHECK(told(scene, first) == "200 first");
    CHECK(told(scene, second) == "200 second");
  }
  SUBCASE("refused again and again") {
    Server server({[&](Peer& peer) {
      H2Peer h2(peer);
      for (int i = 0; i < 3; ++i) {
        h2.send(reset_frame(h2.read_head().stream, 7));
      }
      peer.wait_closed();
    }});
    Scene scene;
    CHECK(told(scene, send_http2(scene, get(server))) == "12: the server refused the request");
  }
  SUBCASE("not once a byte of the body was sent") {
    Server server({[&](Peer& peer) {
      H2Peer h2(peer);
      const auto seen = h2.read_head();
      h2.wait_for(kData);
      h2.send(reset_frame(seen.stream, 7));
      peer.wait_closed();
    }});
    Scene scene;
    const auto body = make_local<BodyPipe>();
    body->write(as_bytes("a"));
    CHECK(
        told(scene, send_http2(scene, post(server, body))) == "12: the server refused the request"
    );
    CHECK(body->reader_gone());
  }
}

TEST_CASE("a connection that is lost: what may be repeated is") {
  for (const bool is_get : {true, false}) {
    CAPTURE(is_get);
    Server server(
        {[&](Peer& peer) {
           H2Peer h2(peer);
           h2.send(whole_answer(h2.read_head().stream, "one"));
           h2.read_head();
           peer.close();
         },
         [&](Peer& peer) {
           H2Peer h2(peer);
           h2.send(whole_answer(h2.read_head().stream, "two"));
           peer.wait_closed();
         }}
    );
    {
      Scene scene;
      CHECK(told(scene, send_http2(scene, get(server))) == "200 one");
      const auto second = send_http2(scene, is_get ? get(server) : post(server, nullptr));
      CHECK(told(scene, second) == (is_get ? "200 two" : "12: the server closed the connection"));
      if (!is_get) {
        CHECK(told(scene, send_http2(scene, get(server))) == "200 two");
      }
    }
    server.join();
  }
}

TEST_CASE("who does not read his answer stops nobody else") {
  constexpr std::size_t kPart = 16 * 1024;
  Server server({[&](Peer& peer) {
    H2Peer h2(peer);
    const auto slow = h2.read_head().stream;
    h2.send(head(slow, {{":status", "200"}}));
    for (std::size_t i = 0; i < Http2ClientSession::kStreamWindow / kPart; ++i) {
      h2.send(data(slow, std::string(kPart, 's')));
    }
    const auto quick = h2.read_head().stream;
    h2.send(head(quick, {{":status", "200"}}));
    // Several windows of the connection; half a window of the stream is given back at once.
    for (int i = 0; i < 40; ++i) {
      while (i >= 16 && i % 8 == 0) {
        const auto got = h2.read_any();
        if (got.type == 0xff || (got.type == kWindow && got.stream == quick)) {
          break;
        }
      }
      h2.send(data(quick, std::string(kPart, 'q')));
    }
    h2.send(data(quick, "", true));
    h2.send(data(slow, "", true));
    peer.wait_closed();
  }});
  Scene scene;
  auto slow = scene.outcome(*send_http2(scene, get(server)));
  REQUIRE(slow);
  auto quick = scene.outcome(*send_http2(scene, get(server)));
  REQUIRE(quick);
  CHECK(scene.drain(*quick->body).size() == 40 * kPart);
  CHECK_FALSE(quick->body->failure());
  CHECK(scene.drain(*slow->body).size() == Http2ClientSession::kStreamWindow);
  CHECK_FALSE(slow->body->failure());
}

TEST_CASE("what nobody wants any more is reset, and the connection stays") {
  std::vector<std::uint32_t> resets;
  Server server({[&](Peer& peer) {
    H2Peer h2(peer);
    h2.read_head();
    resets.push_back(h2.wait_for(kReset).stream);
    const auto second = h2.read_head().stream;
    h2.send(head(second, {{":status", "200"}}) + data(second, "a"));
    resets.push_back(h2.wait_for(kReset).stream);
    // An answer before the request is whole ends the request.
    const auto third = h2.read_head().stream;
    h2.send(whole_answer(third, "early"));
    resets.push_back(h2.wait_for(kReset).stream);
    h2.send(whole_answer(h2.read_head().stream, "fourth"));
    peer.wait_closed();
  }});
  Scene scene;
  const auto first = send_http2(scene, get(server));
  REQUIRE(scene.run_until([&] { return scene.client.http2_connections() == 1; }));
  while (scene.client.idle_connections() == 1) {
    scene.shard.poll();
  }
  first->abandon();
  auto second = scene.outcome(*send_http2(scene, get(server)));
  REQUIRE(second);
  second->body->stop_reading();
  const auto body = make_local<BodyPipe>();
  CHECK(told(scene, send_http2(scene, post(server, body))) == "200 early");
  CHECK(scene.run_until([&] { return body->reader_gone(); }));
  CHECK(told(scene, send_http2(scene, get(server))) == "200 fourth");
  CHECK(scene.client.http2_connections() == 1);
  CHECK(resets == std::vector<std::uint32_t>{1, 3, 5});
}

TEST_CASE("servers that fall silent") {
  Server server(
      {[&](Peer& peer) {
         H2Peer h2(peer);
         h2.read_head();
         peer.wait_closed();
       },
       [&](Peer& peer) {
         H2Peer h2(peer);
         const auto seen = h2.read_head();
         h2.send(head(seen.stream, {{":status", "200"}}) + data(seen.stream, "abc"));
         h2.wait_for(kReset);
         h2.send(whole_answer(h2.read_head().stream, "later"));
         peer.wait_closed();
       }}
  );
  Scene scene;
  ClientTimeouts timeouts;
  timeouts.first_byte = timeouts.between_bytes = 20ms;
  auto none = scene.outcome(*send_http2(scene, get(server), timeouts));
  REQUIRE_FALSE(none);
  CHECK(none.error().failure == ClientFailure::ReadTimeout);
  // A connection on which nothing came is not used again.
  timeouts.first_byte = 10s;
  auto stalled = scene.outcome(*send_http2(scene, get(server), timeouts));
  REQUIRE(stalled);
  CHECK(scene.drain(*stalled->body) == "abc");
  CHECK(stalled->body->failure() == ErrorKind::DeadlineExceeded);
  // One on which something did is.
  CHECK(told(scene, send_http2(scene, get(server))) == "200 later");
}

TEST_CASE("HTTP/2 over plain TCP only where it was asked for") {
  std::string received;
  Server known({answer_all});
  Server other({[&](Peer& peer) {
    received = peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nold");
  }});
  ClientOptions options;
  options.http2_authority = known.authority();
  Scene scene(std::move(options));
  CHECK(told(scene, scene.send(get(known, "/new"))) == "200 /new");
  CHECK(told(scene, scene.send(get(other))) == "200 old");
  other.join();
  CHECK(received.starts_with("GET / HTTP/1.1\r\n"));
}

TEST_CASE("a body that ends before its length is no request") {
  Server server({[&](Peer& peer) {
    H2Peer h2(peer);
    h2.read_head();
    h2.wait_for(kReset);
    peer.wait_closed();
  }});
  Scene scene;
  const auto body = make_local<BodyPipe>();
  Request request = post(server, body);
  request.fields.append("content-length", "4");
  const auto exchange = send_http2(scene, std::move(request));
  body->write(as_bytes("abc"));
  body->finish();
  CHECK(told(scene, exchange) == "12: the request's body ended before its length");
}

}  // namespace
}  // namespace whorl::http::test
