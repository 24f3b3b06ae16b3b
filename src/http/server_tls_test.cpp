// The server under TLS: what a client sees of it, and what one that means harm can do.
#include "fs/test_folder.hpp"
#include "http/server_test_support.hpp"
#include "net/test_identity.hpp"
#include "net/tls_client.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>

namespace whorl::http::test {
namespace {

using Outcome = net::Tried::Outcome;
using net::test::TestIdentity;

ServerOptions https() {
  ServerOptions options;
  options.scheme = Scheme::Https;
  return options;
}

std::shared_ptr<const net::TlsServerContext> context_of(std::vector<TestIdentity> identities) {
  net::TlsServerOptions options;
  for (const TestIdentity& identity : identities) {
    options.identities.push_back({identity.certificate_file, identity.private_key_file});
  }
  auto made = net::TlsServerContext::create(options);
  REQUIRE(made);
  return *made;
}

/// A client that trusts one certificate.
class TlsClient {
 public:
  TlsClient(Site& site, const TestIdentity& trusted, const std::string& name) : site_(site) {
    auto context = net::TlsClientContext::create({
        .system_roots = false,
        .extra_roots_file = trusted.certificate_file,
        .certificate_file = {},
        .private_key_file = {},
    });
    REQUIRE(context);
    fs::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(connect(fd.get(), site.address.data(), site.address.size()) == 0);
    fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    auto made = (*context)->make_channel(
        std::make_unique<net::WatchedSocket>(site.shard, std::move(fd)), name
    );
    REQUIRE(made);
    channel_ = *std::move(made);
  }

  bool shake_hands() {
    Outcome outcome = Outcome::WantRead;
    REQUIRE(site_.run_until([&] {
      outcome = channel_->try_handshake().outcome;
      return outcome == Outcome::Done || outcome == Outcome::Failed;
    }));
    return outcome == Outcome::Done;
  }
  void send(std::string_view text) {
    const ByteView part = as_bytes(text);
    REQUIRE(site_.run_until([&] { return channel_->try_write({&part, 1}).outcome == Outcome::Done; }
    ));
  }
  /// Reads until so much has arrived, or the end.
  const std::string& receive(std::size_t count) {
    REQUIRE(site_.run_until([&] { return !read_some() || received.size() >= count; }));
    return received;
  }
  /// @return false at the end
  bool read_some() {
    const net::Tried tried = channel_->try_read(buffer_);
    if (tried.outcome == Outcome::Done) {
      received.append(reinterpret_cast<const char*>(buffer_.data()), tried.count);
    }
    orderly = tried.outcome == Outcome::Closed;
    return tried.outcome != Outcome::Closed && tried.outcome != Outcome::Failed;
  }

  std::string received;
  bool orderly = false;  ///< the server said goodbye

 private:
  Site& site_;
  std::unique_ptr<net::Channel> channel_;
  Bytes buffer_ = Bytes(16 * 1024);
};

TEST_CASE("a request over TLS is answered, and its scheme is https") {
  const fs::test::TestFolder folder;
  const auto identity = net::test::write_identity(folder.path(), "a", "DNS:localhost");
  Site site(https());
  site.server.set_tls(context_of({identity}));
  Scheme seen = Scheme::Http;
  site.answer("/", [&](const LocalPtr<Exchange>& exchange) {
    seen = exchange->request().scheme;
    exchange->respond({.status = 200, .fields = {}, .body = whole_body("hello")});
  });
  TlsClient client(site, identity, "localhost");
  REQUIRE(client.shake_hands());
  client.send("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
  const std::string expected = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ndate: D\r\n\r\nhello";
  client.receive(expected.size() + 28);
  CHECK(mask_dates(client.received) == expected);
  CHECK(seen == Scheme::Https);
  // Again on the same connection, and to its end.
  client.received.clear();
  client.send("GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
  client.receive(SIZE_MAX);
  CHECK(client.received.ends_with("\r\n\r\nhello"));
  CHECK(client.orderly);
}

TEST_CASE("bodies stream both ways over TLS") {
  const fs::test::TestFolder folder;
  const auto identity = net::test::write_identity(folder.path(), "a", "DNS:localhost");
  Site site(https());
  site.server.set_tls(context_of({identity}));
  site.answer_with_echo("/echo");
  TlsClient client(site, identity, "localhost");
  REQUIRE(client.shake_hands());
  constexpr std::size_t kPieces = 256;
  const std::string piece(4096, 'x');
  client.send(
      "POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
  );
  for (std::size_t i = 0; i < kPieces; ++i) {
    client.send("1000\r\n" + piece + "\r\n");
    client.read_some();
  }
  client.send("0\r\n\r\n");
  client.receive(SIZE_MAX);
  CHECK(std::ranges::count(client.received, 'x') == kPieces * piece.size());
  CHECK(client.received.ends_with("\r\n0\r\n\r\n"));
}

TEST_CASE("the name a client asks for chooses the certificate, and new ones take over") {
  const fs::test::TestFolder folder;
  const auto a = net::test::write_identity(folder.path(), "a", "DNS:a.test");
  const auto b = net::test::write_identity(folder.path(), "b", "DNS:b.test,DNS:*.b.test");
  const auto c = net::test::write_identity(folder.path(), "c", "DNS:a.test");
  Site site(https());
  site.server.set_tls(context_of({a, b}));
  CHECK(TlsClient(site, a, "a.test").shake_hands());
  CHECK(TlsClient(site, b, "b.test").shake_hands());
  CHECK(TlsClient(site, b, "x.b.test").shake_hands());
  CHECK_FALSE(TlsClient(site, b, "a.test").shake_hands());
  CHECK_FALSE(TlsClient(site, a, "other.test").shake_hands());
  TlsClient old(site, a, "a.test");
  site.server.set_tls(context_of({c}));
  CHECK(TlsClient(site, c, "a.test").shake_hands());
  CHECK_FALSE(TlsClient(site, a, "a.test").shake_hands());
  old.shake_hands();
}

TEST_CASE("garbage instead of a handshake ends the connection") {
  const fs::test::TestFolder folder;
  const auto identity = net::test::write_identity(folder.path(), "a", "DNS:localhost");
  for (const std::string_view garbage :
       {std::string_view("GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
        std::string_view("\x16\x03\x01\xff\xff\x01\x00\x00\x00", 9),
        std::string_view("\x80\x2e\x01\x03\x01", 5),
        std::string_view("\x15\x03\x03\x00\x02\x02\x28", 7)}) {
    Site site(https());
    site.server.set_tls(context_of({identity}));
    Client client(site.address);
    client.send(garbage);
    client.half_close();
    site.receive_all(client);
    CHECK(site.run_until([&] { return site.server.connection_count() == 0; }));
    CHECK(site.handler.handled == 0);
  }
}

TEST_CASE("handshakes that stall are bounded in number and time") {
  const fs::test::TestFolder folder;
  const auto identity = net::test::write_identity(folder.path(), "a", "DNS:localhost");
  ServerOptions options = https();
  options.max_handshakes = 3;
  options.handshake_timeout = 200ms;
  options.linger_timeout = 40ms;  // makes a tick short
  Site site(options);
  site.server.set_tls(context_of({identity}));
  std::vector<std::unique_ptr<Client>> stalled;
  for (int i = 0; i < 10; ++i) {
    stalled.push_back(std::make_unique<Client>(site.address));
    stalled.back()->send("\x16\x03\x01");
  }
  REQUIRE(site.run_until([&] {
    int closed = 0;
    for (const auto& client : stalled) {
      client->receive();
      closed += client->closed ? 1 : 0;
    }
    return closed >= 7;
  }));
  CHECK(site.server.connection_count() <= 3);
  CHECK(TlsClient(site, identity, "localhost").shake_hands());
  // Time ends the rest.
  CHECK(site.run_until([&] {
    return std::ranges::all_of(stalled, [](const auto& client) {
      client->receive();
      return client->closed;
    });
  }));
}

TEST_CASE("a handshake that stalls within a record does not keep the shard busy") {
  const fs::test::TestFolder folder;
  const auto identity = net::test::write_identity(folder.path(), "a", "DNS:localhost");
  Site site(https());
  site.server.set_tls(context_of({identity}));
  Client client(site.address);
  // The beginning of a ClientHello of 512 bytes.
  client.send(std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  REQUIRE(site.run_until([&] { return site.server.connection_count() == 1; }));
  site.settle();
  int busy = 0;
  for (int i = 0; i < 1000; ++i) {
    busy += site.shard.poll() ? 1 : 0;
  }
  CHECK(busy < 100);
}

TEST_CASE("a request without TLS is told that there is TLS") {
  const fs::test::TestFolder folder;
  const auto identity = net::test::write_identity(folder.path(), "a", "DNS:localhost");
  for (const std::string_view request :
       {"GET / HTTP/1.1\r\nhost: a\r\n\r\n", "POST /a HTTP/1.1\r\nhost: a\r\n\r\n"}) {
    Site site(https());
    site.server.set_tls(context_of({identity}));
    Client client(site.address);
    client.send(request);
    site.receive_all(client);
    CHECK(client.received.starts_with("HTTP/1.1 400 Bad Request\r\n"));
    CHECK(client.received.ends_with("this port speaks HTTPS: ask for https://\n"));
    CHECK_FALSE(client.reset);
    CHECK(site.handler.handled == 0);
  }
}

TEST_CASE("a drain waits for no stalled handshake") {
  const fs::test::TestFolder folder;
  const auto identity = net::test::write_identity(folder.path(), "a", "DNS:localhost");
  ServerOptions options = https();
  options.linger_timeout = 40ms;
  Site site(options);
  site.server.set_tls(context_of({identity}));
  Client client(site.address);
  REQUIRE(site.run_until([&] { return site.server.connection_count() == 1; }));
  SUBCASE("when it is in a hurry") {
    site.server.drain(async::Deadline::after(60s));
  }
  SUBCASE("beyond its deadline") {
    site.server.drain(async::Deadline::after(200ms), Patience::Full);
    site.settle();
    CHECK(site.server.connection_count() == 1);
  }
  CHECK(site.run_until([&] { return site.server.is_empty(); }));
}

TEST_CASE("files that are no identity are refused with their path") {
  const fs::test::TestFolder folder;
  const auto good = net::test::write_identity(folder.path(), "good", "DNS:localhost");
  const auto other = net::test::write_identity(folder.path(), "other", "DNS:localhost");
  const std::string empty = folder.path("empty");
  std::ofstream(empty).close();
  const std::string missing = folder.path("missing");
  struct Row {
    std::string certificate;
    std::string key;
    std::string context;
    std::string message;
  };
  const std::vector<Row> rows{
      {empty,
       good.private_key_file,
       "failed to load certificate(s) from '" + empty + "'",
       "the file holds no certificate in PEM form"},
      {good.certificate_file,
       empty,
       "failed to load private key from '" + empty + "'",
       "the file holds no private key in PEM form"},
      {good.certificate_file,
       good.certificate_file,
       "failed to load private key from '" + good.certificate_file + "'",
       "the file holds no private key in PEM form"},
      {good.certificate_file,
       other.private_key_file,
       "failed to load private key from '" + other.private_key_file + "'",
       "the key does not belong to the first certificate in '" + good.certificate_file + "'"},
  };
  for (const Row& row : rows) {
    const auto made = net::TlsServerContext::create({.identities = {{row.certificate, row.key}}});
    REQUIRE_FALSE(made);
    CHECK(made.error().contexts().back() == row.context);
    CHECK(made.error().message() == row.message);
  }
  const auto made =
      net::TlsServerContext::create({.identities = {{missing, good.private_key_file}}});
  REQUIRE_FALSE(made);
  CHECK(made.error().contexts().back() == "failed to load certificate(s) from '" + missing + "'");
}

}  // namespace
}  // namespace whorl::http::test
