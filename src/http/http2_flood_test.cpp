// Clients that ask for much and give little: each class of attack that is known on HTTP/2 servers.
#include "http/test_http2_client.hpp"
#include "telemetry/limits.hpp"

#include <doctest/doctest.h>

#include <optional>

namespace whorl::http::test {
namespace {

constexpr std::uint32_t kCalm = 0xb;
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

std::string repeat(std::string_view text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) {
    all.append(text);
  }
  return all;
}

/// HEADERS of "GET / HTTP/2" from the static table (RFC 7541 appendix A); authority "a".
std::string get_frame(std::uint32_t stream, std::uint8_t flags = 0x5) {
  return frame(
      1,
      flags,
      stream,
      std::string_view(
          "\x82\x86\x84\x41\x01"
          "a",
          6
      )
  );
}

/// The code of the GOAWAY frame among what was received; nothing if there is none.
std::optional<std::uint32_t> goaway_code(std::string_view bytes) {
  const auto number = [&](std::size_t at, std::size_t count) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    }
    return value;
  };
  while (bytes.size() >= 9 && bytes.size() >= 9 + number(0, 3)) {
    if (bytes[3] == 7) {
      return number(13, 4);
    }
    bytes.remove_prefix(9 + number(0, 3));
  }
  return std::nullopt;
}

ServerOptions quick() {
  ServerOptions options;
  options.linger_timeout = 40ms;
  return options;
}

TEST_CASE("floods of frames that bring nothing are ended: CVE-2019-9512 to 9518") {
  struct Row {
    std::string_view name;
    std::string piece;
  };
  const std::vector<Row> rows{
      {"ping", frame(6, 0, 0, "12345678")},
      {"settings", frame(4, 0, 0, "")},
      {"priority", frame(2, 0, 1, std::string_view("\0\0\0\0\x10", 5))},
      {"window of the connection", frame(8, 0, 0, std::string_view("\0\0\0\1", 4))},
      {"empty data: RUSTSEC-2026-0258", frame(0, 0, 1, "")},
      {"data of padding only", frame(0, 8, 1, std::string_view("\x00", 1))},
      {"frames of no known kind", frame(0x55, 0, 0, "")},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Site site(quick());
    LocalPtr<Exchange> open;
    site.answer("/", [&](auto exchange) { open = std::move(exchange); });
    std::string piece = repeat(row.piece, 100);
    Client client(site.address);
    client.send(kPreface);
    client.send(frame(4, 0, 0, ""));
    client.send(get_frame(1, 0x4));
    std::size_t frames = 0;
    std::string pending;
    REQUIRE(site.run_until([&] {
      if (pending.empty()) {
        pending = piece;
        frames += 100;
      }
      pending.erase(0, client.send_some(pending));
      client.receive();
      return client.closed || client.send_failed || frames > 1'000'000;
    }));
    CHECK(frames < 100'000);
    CHECK(site.run_until([&] { return site.server.connection_count() == 0; }));
  }
}

TEST_CASE(
    "frames of requests that have ended: the last of them break the rules, older ones are paid for"
) {
  constexpr std::uint32_t kStreamClosed = 0x5;
  constexpr std::uint32_t kLast = 61;
  struct Row {
    std::string_view name;
    std::string piece;
    std::uint32_t code;
  };
  const std::vector<Row> rows{
      {"data of the last", frame(0, 0, kLast, ""), kStreamClosed},
      {"a head for the last", get_frame(kLast), kStreamClosed},
      {"data of the first", frame(0, 0, 1, ""), kCalm},
      {"a head for the first", get_frame(1), kCalm},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Site site(quick());
    std::uint32_t answered = 0;
    site.answer("/", [&](const LocalPtr<Exchange>& exchange) {
      ++answered;
      exchange->respond({.status = 200, .fields = {}, .body = nullptr});
    });
    Client client(site.address);
    client.send(kPreface);
    client.send(frame(4, 0, 0, ""));
    for (std::uint32_t id = 1; id <= kLast; id += 2) {
      client.send(get_frame(id));
      REQUIRE(site.run_until([&] { return answered == (id + 1) / 2; }));
    }
    std::size_t sent = 0;
    REQUIRE(site.run_until([&] {
      // In pieces of any size, so that heads of frames come in two parts too.
      sent += client.send_some(repeat(row.piece, 100).substr(sent % row.piece.size()));
      client.receive();
      return client.closed || client.send_failed || sent > 10'000'000;
    }));
    CHECK(sent < 1'000'000);
    CHECK(goaway_code(client.received) == row.code);
  }
}

TEST_CASE("rapid reset: CVE-2023-44487") {
  Site site(quick());
  int handled = 0;
  site.answer("/", [&](const LocalPtr<Exchange>& exchange) {
    ++handled;
    exchange->respond({.status = 200, .fields = {}, .body = whole_body("x")});
  });
  H2Client client(site);
  client.finish(client.get("/"));
  std::uint32_t stream = 3;
  REQUIRE(site.run_until([&] {
    std::string piece;
    for (int i = 0; i < 50 && stream < 200'000; ++i, stream += 2) {
      piece += get_frame(stream);
      piece += frame(3, 0, stream, std::string_view("\0\0\0\x8", 4));
    }
    client.send_raw(piece);
    return client.socket.closed || client.goaways > 0;
  }));
  CHECK(client.goaway_code == kCalm);
  // Those that were reset in the same breath never reached the handler.
  CHECK(handled < 1500);
  CHECK(stream < 20'000);
}

TEST_CASE("requests that were reset count as long as they are worked on") {
  ServerOptions options;
  options.max_streams = 10;
  Site site(options);
  std::vector<LocalPtr<Exchange>> open;
  site.answer("/", [&](auto exchange) { open.push_back(std::move(exchange)); });
  H2Client client(site);
  for (int i = 0; i < 10; ++i) {
    const std::int32_t id = client.get("/");
    REQUIRE(site.run_until([&] {
      client.step();
      return open.size() == i + 1U;
    }));
    client.reset(id);
  }
  REQUIRE(site.run_until([&] {
    client.step();
    return open.back()->client_gone();
  }));
  const H2Answer& refused = client.finish(client.get("/"));
  CHECK(refused.error_code == 7);
  CHECK(open.size() == 10);
  open.pop_back();
  const std::int32_t id = client.get("/");
  REQUIRE(site.run_until([&] {
    client.step();
    return open.size() == 10;
  }));
  open.back()->respond({.status = 200, .fields = {}, .body = whole_body("x")});
  CHECK(client.finish(id).body == "x");
}

TEST_CASE("streams that the client makes us reset: CVE-2025-8671") {
  Site site(quick());
  site.answer("/", [&](const LocalPtr<Exchange>& exchange) {
    exchange->respond({.status = 200, .fields = {}, .body = make_local<BodyPipe>()});
  });
  Client client(site.address);
  client.send(kPreface);
  client.send(frame(4, 0, 0, ""));
  std::uint32_t stream = 1;
  std::string unsent;
  REQUIRE(site.run_until([&] {
    for (int i = 0; i < 50 && stream < 200'000; ++i, stream += 2) {
      unsent += get_frame(stream);
      // A window that grows too wide is an error of the stream (RFC 9113 §6.9.1).
      unsent += frame(8, 0, stream, std::string_view("\x7f\xff\xff\xff", 4));
    }
    unsent.erase(0, client.send_some(unsent));
    client.receive();
    return client.closed || client.send_failed;
  }));
  CHECK(goaway_code(client.received) == kCalm);
  CHECK(stream < 20'000);
}

TEST_CASE("a head without end: RUSTSEC-2024-0332") {
  Site site(quick());
  const std::string first = frame(
      1,
      0,
      1,
      std::string_view(
          "\x82\x86\x84\x41\x01"
          "a",
          6
      )
  );
  Client client(site.address);
  client.send(kPreface);
  client.send(frame(4, 0, 0, ""));
  client.send(first);
  const std::string more =
      frame(9, 0, 1, std::string("\x40\x01x\x7f\x81\x7e", 6) + std::string(254 - 0, 'y'));
  std::size_t sent = 0;
  REQUIRE(site.run_until([&] {
    sent += client.send_some(more);
    client.receive();
    return client.closed || client.send_failed || sent > 10'000'000;
  }));
  CHECK(sent < 1'000'000);
  CHECK(site.handler.handled == 0);
  CHECK(site.run_until([&] { return site.server.connection_count() == 0; }));
}

TEST_CASE("a head that stalls, and a client that says nothing, are ended") {
  ServerOptions options = quick();
  options.header_timeout = 200ms;
  Site site(options);
  for (const std::string& begin :
       {std::string(kPreface),
        std::string(kPreface) + frame(4, 0, 0, "") + get_frame(1, 0x1),
        std::string(kPreface) + frame(4, 0, 0, "") + get_frame(1).substr(0, 11)}) {
    Client client(site.address);
    client.send(begin);
    site.receive_all(client);
    CHECK(site.run_until([&] { return site.server.connection_count() == 0; }));
  }
  CHECK(site.handler.handled == 0);
}

TEST_CASE("a window that stays shut ends its request: CVE-2019-9511, CVE-2019-9517") {
  ServerOptions options = quick();
  options.write_timeout = 200ms;
  Site site(options);
  auto body = make_local<BodyPipe>();
  body->write(as_bytes(std::string(60'000, 'x')));
  site.answer("/", [&](const LocalPtr<Exchange>& exchange) {
    exchange->respond({.status = 200, .fields = {}, .body = body});
  });
  Client client(site.address);
  client.send(kPreface);
  // SETTINGS_INITIAL_WINDOW_SIZE = 0
  client.send(frame(4, 0, 0, std::string_view("\0\4\0\0\0\0", 6)));
  client.send(get_frame(1));
  CHECK(site.run_until([&] {
    client.receive();
    return body->reader_gone();
  }));
}

TEST_CASE("a client that takes no bytes at all is ended, and is not listened to") {
  ServerOptions options = quick();
  options.write_timeout = 300ms;
  Site site(options);
  std::vector<LocalPtr<BodyPipe>> bodies;
  site.answer("/", [&](const LocalPtr<Exchange>& exchange) {
    auto body = make_local<BodyPipe>();
    body->write(as_bytes(std::string(60'000, 'x')));
    bodies.push_back(body);
    exchange->respond({.status = 200, .fields = {}, .body = body});
  });
  Client client(site.address);
  client.send(kPreface);
  // Windows as wide as they go.
  client.send(frame(4, 0, 0, std::string_view("\0\4\x7f\xff\xff\xff", 6)));
  client.send(frame(8, 0, 0, std::string_view("\x7f\xff\0\0", 4)));
  for (std::uint32_t stream = 1; stream < 200; stream += 2) {
    client.send(get_frame(stream));
  }
  CHECK(site.run_until([&] { return !bodies.empty() && site.server.connection_count() == 0; }));
  CHECK(std::ranges::all_of(bodies, [](const auto& body) { return body->reader_gone(); }));
}

TEST_CASE("a body that stalls is ended for who waits for it") {
  ServerOptions options = quick();
  options.body_timeout = 200ms;
  Site site(options);
  LocalPtr<Exchange> open;
  site.answer("/", [&](auto exchange) {
    open = std::move(exchange);
    open->request().body->demand();
  });
  H2Client client(site);
  client.request("POST", "/", {}, std::make_shared<std::string>("x"));
  REQUIRE(site.run_until([&] {
    client.step();
    return open != nullptr;
  }));
  open->request().body->consume(open->request().body->readable().size());
  CHECK(site.run_until([&] {
    client.step();
    open->request().body->consume(open->request().body->readable().size());
    return open->request().body->failure() == ErrorKind::DeadlineExceeded;
  }));
}

TEST_CASE("a body that comes too slowly is answered with 408") {
  ServerOptions options = quick();
  options.rate_grace = 200ms;
  Site site(options);
  const auto before = telemetry::limit_count(telemetry::Limit::BodyRate);
  LocalPtr<Exchange> open;
  site.answer("/", [&](auto exchange) {
    open = std::move(exchange);
    open->request().body->demand();
  });
  H2Client client(site);
  client.request("POST", "/", {}, std::make_shared<std::string>("x"));
  REQUIRE(site.run_until([&] {
    client.step();
    if (open == nullptr) {
      return false;
    }
    BodyPipe& body = *open->request().body;
    body.consume(body.readable().size());
    return body.failure() == ErrorKind::DeadlineExceeded;
  }));
  Exchange& exchange = *open;
  exchange.respond({.status = 200, .fields = {}, .body = BodyPipe::empty()});
  CHECK(site.run_until([&] {
    client.step();
    return exchange.response().status == 408;
  }));
  CHECK(telemetry::limit_count(telemetry::Limit::BodyRate) == before + 1);
}

TEST_CASE("a window that opens too slowly ends its request") {
  ServerOptions options = quick();
  options.rate_grace = 200ms;
  Site site(options);
  const auto before = telemetry::limit_count(telemetry::Limit::WriteRate);
  auto body = make_local<BodyPipe>();
  body->write(as_bytes(std::string(60'000, 'x')));
  site.answer("/", [&](const LocalPtr<Exchange>& exchange) {
    exchange->respond({.status = 200, .fields = {}, .body = body});
  });
  Client client(site.address);
  client.send(kPreface);
  // SETTINGS_INITIAL_WINDOW_SIZE = 1
  client.send(frame(4, 0, 0, std::string_view("\0\4\0\0\0\1", 6)));
  client.send(get_frame(1));
  CHECK(site.run_until([&] {
    client.receive();
    return body->reader_gone();
  }));
  CHECK(telemetry::limit_count(telemetry::Limit::WriteRate) == before + 1);
}

TEST_CASE("more requests than may be at once are refused, and can be made again") {
  ServerOptions options;
  options.max_streams = 4;
  Site site(options);
  std::vector<LocalPtr<Exchange>> open;
  site.answer("/", [&](auto exchange) { open.push_back(std::move(exchange)); });
  Client client(site.address);
  client.send(kPreface);
  client.send(frame(4, 0, 0, ""));
  for (std::uint32_t stream = 1; stream <= 19; stream += 2) {
    client.send(get_frame(stream));
  }
  REQUIRE(site.run_until([&] {
    client.receive();
    return open.size() == 4;
  }));
  site.settle();
  CHECK(open.size() == 4);
}

TEST_CASE("an idle connection is told, and closed") {
  ServerOptions options = quick();
  options.idle_timeout = 100ms;
  Site site(options);
  const auto before = telemetry::limit_count(telemetry::Limit::IdleTimeout);
  H2Client client(site);
  client.wait_for_end();
  CHECK(client.goaways == 1);
  CHECK(client.goaway_code == 0);
  CHECK(telemetry::limit_count(telemetry::Limit::IdleTimeout) == before + 1);
}

TEST_CASE("a broken preface ends the connection") {
  Site site(quick());
  Client client(site.address);
  client.send("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");
  site.receive_all(client);
  CHECK(site.run_until([&] { return site.server.connection_count() == 0; }));
}

}  // namespace
}  // namespace whorl::http::test
