// The client and the server of this room, with each other: HTTP/2 agreed on by TLS, and bodies that
// stream both ways.
#include "fs/file.hpp"
#include "fs/test_folder.hpp"
#include "http/client.hpp"
#include "http/server_test_support.hpp"
#include "net/test_identity.hpp"
#include "net/tls_server.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace whorl::http::test {
namespace {

/// A site under TLS and options that trust it.
struct SecureSite {
  SecureSite() {
    const auto identity = net::test::write_identity(folder.path(), "a", "DNS:localhost");
    net::TlsServerOptions tls;
    tls.identities.push_back({identity.certificate_file, identity.private_key_file});
    auto context = net::TlsServerContext::create(tls);
    REQUIRE(context);
    site.server.set_tls(*context);
    site.answer("/", [this](const LocalPtr<Exchange>& exchange) {
      protocols.emplace_back(exchange->request().protocol);
      exchange->respond({.status = 200, .fields = {}, .body = whole_body("hello")});
    });
    trusting.tls.system_roots = false;
    trusting.tls.extra_roots_file = identity.certificate_file;
  }
  static ServerOptions https() {
    ServerOptions options;
    options.scheme = Scheme::Https;
    return options;
  }
  [[nodiscard]] Request request(std::string path = "/") const {
    Request made;
    made.scheme = Scheme::Https;
    made.authority = fmt::format("localhost:{}", site.address.port());
    made.path_and_query = std::move(path);
    return made;
  }

  fs::test::TestFolder folder;
  Site site{https()};
  ClientOptions trusting;
  std::vector<std::string> protocols;  ///< of the requests that came
};

std::shared_ptr<ClientExchange> send(http::Client& client, Request request) {
  auto exchange = std::make_shared<ClientExchange>(std::move(request), ClientTimeouts{});
  client.send(exchange);
  return exchange;
}

std::string body_of(Site& site, const std::shared_ptr<ClientExchange>& exchange) {
  REQUIRE(site.run_until([&] { return exchange->is_resolved(); }));
  auto outcome = exchange->take_outcome();
  REQUIRE(outcome);
  if (!*outcome) {
    return outcome->error().text;
  }
  std::string text;
  BodyPipe& body = *(**outcome).body;
  REQUIRE(site.run_until([&] {
    text += as_text(body.readable());
    body.consume(body.readable().size());
    return body.is_ended();
  }));
  return text;
}

TEST_CASE("HTTP/2 is spoken where a server chooses it, over one connection") {
  SecureSite secure;
  const auto limit = std::make_shared<ConnectionLimit>(100);
  secure.trusting.limits = {limit};
  http::Client client(secure.site.shard, secure.trusting);
  std::vector<std::shared_ptr<ClientExchange>> exchanges;
  for (int i = 0; i < 20; ++i) {
    exchanges.push_back(send(client, secure.request()));
  }
  for (const auto& exchange : exchanges) {
    CHECK(body_of(secure.site, exchange) == "hello");
  }
  CHECK(secure.protocols == std::vector<std::string>(20, "HTTP/2.0"));
  CHECK(limit->used() == 1);
  CHECK(client.http2_connections() == 1);
}

TEST_CASE("a client that does not offer HTTP/2 speaks HTTP/1.1, and waits for nobody") {
  SecureSite secure;
  secure.trusting.offers_http2 = false;
  http::Client client(secure.site.shard, secure.trusting);
  const auto first = send(client, secure.request());
  const auto second = send(client, secure.request());
  CHECK(body_of(secure.site, first) == "hello");
  CHECK(body_of(secure.site, second) == "hello");
  CHECK(secure.protocols == std::vector<std::string>(2, "HTTP/1.1"));
  CHECK(client.http2_connections() == 0);
  auto only = std::make_shared<ClientExchange>(secure.request(), ClientTimeouts{});
  only->set_versions(HttpVersions::Http2Only);
  client.send(only);
  REQUIRE(secure.site.run_until([&] { return only->is_resolved(); }));
  const auto outcome = only->take_outcome();
  REQUIRE(outcome);
  REQUIRE_FALSE(*outcome);
  CHECK(outcome->error().text == "the server does not speak HTTP/2");
}

TEST_CASE("the loop turns while certificates are read, once for all who wait for them") {
  SecureSite secure;
  const auto roots = fs::read_file(secure.trusting.tls.extra_roots_file, 1 << 16);
  REQUIRE(roots);
  // Who opens this to read waits for one who writes: here that is the loop.
  const std::string pipe = secure.folder.path("roots");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  secure.trusting.tls.extra_roots_file = pipe;
  http::Client client(secure.site.shard, secure.trusting);
  const auto first = send(client, secure.request());
  const auto second = send(client, secure.request());
  fs::Fd writer;
  REQUIRE(secure.site.run_until([&] {
    writer = fs::Fd(::open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    return writer.is_open();
  }));
  CHECK_FALSE(first->is_resolved());
  REQUIRE(
      ::write(writer.get(), roots->data(), roots->size()) == static_cast<ssize_t>(roots->size())
  );
  writer = fs::Fd();
  CHECK(body_of(secure.site, first) == "hello");
  CHECK(body_of(secure.site, second) == "hello");
}

TEST_CASE("a request whose certificates cannot be read fails, and the next one reads them again") {
  SecureSite secure;
  const std::string file = secure.trusting.tls.extra_roots_file;
  secure.trusting.tls.extra_roots_file = secure.folder.path("later.pem");
  http::Client client(secure.site.shard, secure.trusting);
  CHECK(body_of(secure.site, send(client, secure.request()))
            .starts_with(secure.trusting.tls.extra_roots_file + ": cannot read root certificates"));
  REQUIRE(::link(file.c_str(), secure.trusting.tls.extra_roots_file.c_str()) == 0);
  CHECK(body_of(secure.site, send(client, secure.request())) == "hello");
}

TEST_CASE("bodies stream both ways at once over HTTP/2, within bounds") {
  SecureSite secure;
  secure.site.answer_with_echo("/echo");
  http::Client client(secure.site.shard, secure.trusting);
  Request request = secure.request("/echo");
  request.method = "POST";
  request.body = make_local<BodyPipe>();
  const auto up = request.body;
  const auto exchange = send(client, std::move(request));
  REQUIRE(secure.site.run_until([&] { return exchange->is_resolved(); }));
  auto outcome = exchange->take_outcome();
  REQUIRE(outcome);
  REQUIRE(*outcome);
  const auto down = (**outcome).body;
  constexpr std::size_t kTotal = 8 * 1024 * 1024;
  const std::string piece(10'000, 'x');
  std::size_t sent = 0;
  std::size_t received = 0;
  std::size_t peak = 0;
  // First nobody reads: what is on its way stays bounded.
  for (int i = 0; i < 20'000; ++i) {
    sent += up->write(as_bytes(piece));
    secure.site.shard.poll();
    peak = std::max(peak, down->readable().size());
  }
  CHECK(sent < 8 * 1024 * 1024);
  CHECK(peak <= 256 * 1024);
  REQUIRE(secure.site.run_until([&] {
    if (sent < kTotal) {
      sent += up->write(
          as_bytes(std::string_view(piece).substr(0, std::min(piece.size(), kTotal - sent)))
      );
    } else {
      up->finish();
    }
    received += down->readable().size();
    down->consume(down->readable().size());
    return down->is_ended() && down->readable().empty();
  }));
  CHECK(received == kTotal);
  CHECK_FALSE(down->failure());
}

}  // namespace
}  // namespace whorl::http::test
