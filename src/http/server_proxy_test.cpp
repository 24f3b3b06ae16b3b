// Connections of proxies that say who their clients are (the PROXY protocol).
#include "http/server.hpp"
#include "http/server_test_support.hpp"

namespace whorl::http {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using test::Client;
using test::Site;

constexpr std::string_view kLine = "PROXY TCP4 192.0.2.7 127.0.0.1 4321 80\r\n";
constexpr std::string_view kAsk = "GET /who HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

ServerOptions trusting(std::string_view networks) {
  ServerOptions options;
  options.handshake_timeout = 60ms;
  options.linger_timeout = 40ms;
  REQUIRE(options.proxies.add(networks));
  return options;
}

/// A site whose /who says the client's address.
struct Scene {
  explicit Scene(std::string_view networks) : site(trusting(networks)) {
    site.answer("/who", [](const LocalPtr<Exchange>& exchange) {
      exchange->respond(
          {.status = 200, .fields = {}, .body = test::whole_body(exchange->request().client_address)
          }
      );
    });
  }
  std::string ask(std::string_view text) { return body_of(site.ask(text)); }
  static std::string body_of(const std::string& answer) {
    const std::size_t end = answer.find("\r\n\r\n");
    return end == std::string::npos ? answer : answer.substr(end + 4);
  }
  Site site;
};

TEST_CASE("a trusted proxy says who the client is") {
  Scene scene("127.0.0.0/8");
  const std::string ask(kAsk);
  CHECK(scene.ask(std::string(kLine) + ask) == "192.0.2.7:4321");
  CHECK(scene.ask("PROXY TCP6 2001:db8::1 ::1 9 80\r\n" + ask) == "[2001:db8::1]:9");
  const std::string binary(
      "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\x7f\0\0\x01\x10\xe1\0\x50"sv
  );
  CHECK(scene.ask(binary + ask) == "192.0.2.7:4321");
  CHECK(scene.ask("PROXY UNKNOWN\r\n" + ask).starts_with("127.0.0.1:"));
}

TEST_CASE("a header that comes byte by byte, with the request at its heels") {
  Scene scene("127.0.0.1");
  Client client(scene.site.address);
  for (const char byte : kLine) {
    client.send({&byte, 1});
    scene.site.settle();
  }
  client.send(kAsk);
  scene.site.receive_all(client);
  CHECK(Scene::body_of(client.received) == "192.0.2.7:4321");
}

TEST_CASE("who is not trusted is taken for who he is") {
  Scene scene("10.0.0.0/8,unix");
  CHECK(scene.ask(kAsk).starts_with("127.0.0.1:"));
  CHECK(scene.site.ask(std::string(kLine) + std::string(kAsk)).starts_with("HTTP/1.1 400"));
}

TEST_CASE("a trusted proxy that says nothing, nonsense, or half of it, is not answered") {
  Scene scene("127.0.0.1");
  CHECK(scene.site.ask(kAsk).empty());
  CHECK(scene.site.ask("PROXY TCP4 1.1.1.1\r\n" + std::string(kAsk)).empty());
  for (std::size_t size = 0; size < kLine.size(); ++size) {
    CAPTURE(size);
    Client client(scene.site.address);
    client.send(kLine.substr(0, size));
    scene.site.receive_all(client);
    CHECK(client.received.empty());
  }
  CHECK(scene.site.server.connection_count() == 0);
  CHECK(scene.site.handler.handled == 0);
}

TEST_CASE("proxies that stall do not keep a server from ending") {
  Scene scene("127.0.0.1");
  Client client(scene.site.address);
  client.send("PROXY ");
  REQUIRE(scene.site.run_until([&] { return scene.site.server.connection_count() == 1; }));
  scene.site.server.stop_accepting();
  REQUIRE(scene.site.run_until([&] { return scene.site.server.is_empty(); }));
}

TEST_CASE("a server that is closed ends them") {
  Scene scene("127.0.0.1");
  Client client(scene.site.address);
  REQUIRE(scene.site.run_until([&] { return scene.site.server.connection_count() == 1; }));
  scene.site.server.close_all();
  scene.site.receive_all(client);
  CHECK(client.received.empty());
}

}  // namespace
}  // namespace whorl::http
