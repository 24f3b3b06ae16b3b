// Time-outs, limits on connections and descriptors, and draining.
#include "http/server.hpp"
#include "http/server_test_support.hpp"
#include "telemetry/limits.hpp"

#include <sys/resource.h>
#include <sys/wait.h>

namespace whorl::http {
namespace {

using namespace std::chrono_literals;
using test::Client;
using test::Site;
using test::whole_body;

const std::string k408 =
    "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\ndate: D\r\n\r\n";

TEST_CASE("a head that does not end is answered with 408") {
  ServerOptions options;
  options.header_timeout = 40ms;
  options.linger_timeout = 40ms;
  Site site(options);
  Client client(site.address);
  client.send("GET / HTTP/1.1\r\nhost:");
  // A byte now and then does not help.
  int sent = 0;
  REQUIRE(site.run_until([&] {
    if (++sent < 1000) {
      client.send_some("x");
    }
    client.receive();
    return client.closed;
  }));
  CHECK(test::mask_dates(client.received) == k408);
}

TEST_CASE("a new connection that says nothing is closed without an answer") {
  ServerOptions options;
  options.header_timeout = 40ms;
  Site site(options);
  Client client(site.address);
  site.receive_all(client);
  CHECK(client.received.empty());
}

TEST_CASE("an idle connection is closed") {
  ServerOptions options;
  options.idle_timeout = 40ms;
  Site site(options);
  const auto before = telemetry::limit_count(telemetry::Limit::IdleTimeout);
  Client client(site.address);
  client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  site.receive_all(client);
  CHECK(client.received.starts_with("HTTP/1.1 404 "));
  CHECK_FALSE(client.reset);
  CHECK(telemetry::limit_count(telemetry::Limit::IdleTimeout) == before + 1);
}

TEST_CASE("an idle connection lives on after it gave its buffer back") {
  ServerOptions options;
  options.linger_timeout = 40ms;  // makes a tick short
  Site site(options);
  Client client(site.address);
  for (int round = 0; round < 3; ++round) {
    client.received.clear();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    site.receive(client, 70);
    CHECK(client.received.starts_with("HTTP/1.1 404 "));
    const auto until = std::chrono::steady_clock::now() + 60ms;
    REQUIRE(site.run_until([&] { return std::chrono::steady_clock::now() > until; }));
  }
  CHECK(site.server.connection_count() == 1);
}

TEST_CASE("a handler that waits for a body which does not come learns so") {
  ServerOptions options;
  options.body_timeout = 40ms;
  options.linger_timeout = 40ms;
  Site site(options);
  LocalPtr<Exchange> open;
  site.answer("/upload", [&](auto exchange) {
    open = std::move(exchange);
    open->request().body->demand();
  });
  Client client(site.address);
  client.send("POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello");
  REQUIRE(site.run_until([&] {
    return open != nullptr && open->request().body->failure().has_value();
  }));
  CHECK(open->request().body->failure() == ErrorKind::DeadlineExceeded);
  open->respond({.status = 408, .fields = {}, .body = nullptr});
  site.receive_all(client);
  CHECK(test::mask_dates(client.received) == k408);
}

TEST_CASE("a client that does not take its answer is given up") {
  ServerOptions options;
  options.write_timeout = 40ms;
  Site site(options);
  LocalPtr<Exchange> open;
  auto body = make_local<BodyPipe>();
  site.answer("/flood", [&](auto exchange) {
    open = exchange;
    exchange->respond({.status = 200, .fields = {}, .body = body});
  });
  Client client(site.address);
  client.send("GET /flood HTTP/1.1\r\nhost: a\r\n\r\n");
  const Bytes data(100'000, 'x');
  REQUIRE(site.run_until([&] {
    body->write(data);
    return body->reader_gone();
  }));
  CHECK(open->client_gone());
  CHECK(site.server.connection_count() == 0);
}

/// Asks for more than any client can do.
ServerOptions hurried() {
  ServerOptions options;
  options.min_body_rate = options.min_write_rate = std::uint64_t{1} << 36;
  options.rate_grace = 40ms;
  return options;
}

TEST_CASE("a body that comes too slowly is answered with 408, whatever the handler says") {
  Site site(hurried());
  const auto before = telemetry::limit_count(telemetry::Limit::BodyRate);
  LocalPtr<Exchange> open;
  site.answer("/upload", [&](auto exchange) {
    open = std::move(exchange);
    open->request().body->demand();
  });
  Client client(site.address);
  client.send("POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000000\r\n\r\n");
  REQUIRE(site.run_until([&] {
    client.send_some("x");
    if (open == nullptr) {
      return false;
    }
    BodyPipe& body = *open->request().body;
    body.consume(body.readable().size());
    return body.failure().has_value();
  }));
  CHECK(open->request().body->failure() == ErrorKind::DeadlineExceeded);
  open->respond({.status = 200, .fields = {}, .body = whole_body("done")});
  site.receive_all(client);
  CHECK(test::mask_dates(client.received) == k408);
  CHECK(telemetry::limit_count(telemetry::Limit::BodyRate) == before + 1);
}

TEST_CASE("a body may come slowly while nobody waits for it, and once it is a conversation") {
  Site site(hurried());
  LocalPtr<Exchange> open;
  site.answer("/talk", [&](auto exchange) { open = std::move(exchange); });
  Client client(site.address);
  client.send("POST /talk HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000000\r\n\r\nhello");
  REQUIRE(site.run_until([&] { return open != nullptr; }));
  SUBCASE("the handler does not read") {}
  SUBCASE("the answer has begun") {
    open->request().body->demand();
    open->respond({.status = 200, .fields = {}, .body = make_local<BodyPipe>()});
  }
  const auto until = std::chrono::steady_clock::now() + 150ms;
  REQUIRE(site.run_until([&] { return std::chrono::steady_clock::now() > until; }));
  CHECK_FALSE(open->request().body->failure().has_value());
  CHECK(site.server.connection_count() == 1);
}

TEST_CASE("a client that takes its answer too slowly is given up") {
  Site site(hurried());
  const auto before = telemetry::limit_count(telemetry::Limit::WriteRate);
  auto body = make_local<BodyPipe>();
  site.answer("/flood", [&](const auto& exchange) {
    exchange->respond({.status = 200, .fields = {}, .body = body});
  });
  Client client(site.address);
  client.send("GET /flood HTTP/1.1\r\nhost: a\r\n\r\n");
  const Bytes data(100'000, 'x');
  int turns = 0;
  REQUIRE(site.run_until([&] {
    body->write(data);
    if (++turns % 1000 == 0) {
      client.receive();
    }
    return body->reader_gone();
  }));
  CHECK(site.server.connection_count() == 0);
  CHECK(telemetry::limit_count(telemetry::Limit::WriteRate) == before + 1);
}

TEST_CASE("an early answer is followed by a bounded wait for the rest of the body") {
  ServerOptions options;
  options.body_timeout = 40ms;
  options.linger_timeout = 40ms;
  Site site(options);
  LocalPtr<BodyPipe> body;
  site.answer("/upload", [&](const auto& exchange) {
    body = exchange->request().body;  // kept, never read
    exchange->respond({});
  });
  Client client(site.address);
  client.send("POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello");
  site.receive_all(client);
  CHECK(client.received.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(body->failure() == ErrorKind::DeadlineExceeded);
}

TEST_CASE("connections over the limit wait, and idle ones make room") {
  ServerOptions options;
  options.max_connections = 2;
  options.linger_timeout = 40ms;  // makes a tick short
  Site site(options);
  std::vector<LocalPtr<Exchange>> open;
  site.answer("/wait", [&](auto exchange) { open.push_back(std::move(exchange)); });
  Client first(site.address);
  Client second(site.address);
  first.send("GET /wait HTTP/1.1\r\nhost: a\r\n\r\n");
  second.send("GET /wait HTTP/1.1\r\nhost: a\r\n\r\n");
  REQUIRE(site.run_until([&] { return open.size() == 2; }));
  Client third(site.address);
  third.send("GET /none HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  site.settle();
  CHECK(site.server.connection_count() == 2);
  open[0]->respond({.status = 200, .fields = {}, .body = whole_body("x")});
  // The first client's connection is idle now and is given up for the third.
  site.receive_all(third);
  CHECK(third.received.starts_with("HTTP/1.1 404 "));
  site.receive_all(first);
  CHECK(first.received.ends_with("\r\n\r\nx"));
  CHECK_FALSE(first.reset);
  CHECK(site.server.connection_count() == 1);
}

TEST_CASE("a client may have so many connections and no more") {
  ServerOptions options;
  options.clients = std::make_shared<ClientCensus>(2);
  Site site(options);
  {
    Client first(site.address);
    Client second(site.address);
    REQUIRE(site.run_until([&] { return site.server.connection_count() == 2; }));
    Client third(site.address);
    third.send("GET /none HTTP/1.1\r\nhost: a\r\n\r\n");
    site.receive_all(third);
    CHECK(
        third.received ==
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\nconnection: close\r\n"
        "content-length: 0\r\n\r\n"
    );
    CHECK(site.server.connection_count() == 2);
    first.send("GET /none HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    site.receive_all(first);
    CHECK(first.received.starts_with("HTTP/1.1 404 "));
    Client fourth(site.address);
    fourth.send("GET /none HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    site.receive_all(fourth);
    CHECK(fourth.received.starts_with("HTTP/1.1 404 "));
  }
  REQUIRE(site.run_until([&] { return site.server.connection_count() == 0; }));
  CHECK(options.clients->clients() == 0);
}

TEST_CASE("a request that is on its way when the server begins to drain is answered") {
  ServerOptions options;
  options.linger_timeout = 40ms;  // makes a tick short
  options.drain_grace = 10s;
  Site site(options);
  Client client(site.address);
  client.send("GET /none HTTP/1.1\r\nhost: a\r\n\r\n");
  site.receive(client, 70);
  client.received.clear();
  site.server.drain(async::Deadline::after(1h));
  client.send("GET /none HTTP/1.1\r\nhost: a\r\n\r\n");
  site.receive_all(client);
  CHECK(client.received.starts_with("HTTP/1.1 404 Not Found\r\nconnection: close\r\n"));
  CHECK(site.run_until([&] { return site.server.is_empty(); }));
}

TEST_CASE("a patient drain waits for quiet connections until its deadline") {
  ServerOptions options;
  options.linger_timeout = 40ms;
  options.drain_grace = 40ms;
  Site site(options);
  Client kept(site.address);
  kept.send("GET /none HTTP/1.1\r\nhost: a\r\n\r\n");
  site.receive(kept, 70);
  kept.received.clear();
  Client fresh(site.address);
  Client silent(site.address);
  REQUIRE(site.run_until([&] { return site.server.connection_count() == 3; }));

  const auto begin = std::chrono::steady_clock::now();
  SUBCASE("the next request of a connection is its last") {
    site.server.drain(async::Deadline::after(1h), Patience::Full);
    // Far more than what an ordinary drain waits.
    site.run_until([&] { return std::chrono::steady_clock::now() - begin > 400ms; });
    for (Client* client : {&kept, &fresh}) {
      client->send("GET /none HTTP/1.1\r\nhost: a\r\n\r\n");
      site.receive_all(*client);
      CHECK(client->received.starts_with("HTTP/1.1 404 Not Found\r\nconnection: close\r\n"));
      CHECK_FALSE(client->reset);
      client->close();
    }
    CHECK_FALSE(site.server.is_empty());
    silent.close();
  }
  SUBCASE("the deadline ends it") {
    site.server.drain(async::Deadline::after(300ms), Patience::Full);
    site.receive_all(kept);
    CHECK(std::chrono::steady_clock::now() - begin >= 300ms);
  }
  CHECK(site.run_until([&] { return site.server.is_empty(); }));
}

/// RFC 9112 §9.6: a request that comes behind the last one resets what is still on its way.
TEST_CASE("a last answer reaches a client that sends on") {
  ServerOptions options;
  options.linger_timeout = 10s;
  Site site(options);
  const std::string text(1'000'000, 'b');
  LocalPtr<Exchange> open;
  site.answer("/big", [&](auto exchange) { open = std::move(exchange); });
  Client client(site.address);
  client.send("GET /big HTTP/1.1\r\nhost: a\r\n\r\n");
  REQUIRE(site.run_until([&] { return open != nullptr; }));
  site.server.drain(async::Deadline::after(1h));
  auto body = make_local<BodyPipe>(text.size());
  REQUIRE(body->write(as_bytes(text)) == text.size());
  body->finish();
  std::exchange(open, nullptr)->respond({.status = 200, .fields = {}, .body = std::move(body)});
  // It is in the sockets' buffers now: the client has read nothing yet.
  site.settle();
  client.send("GET /next HTTP/1.1\r\nhost: a\r\n\r\n");
  site.receive_all(client);
  CHECK_FALSE(client.reset);
  CHECK(client.received.ends_with(text));
  client.close();
  CHECK(site.run_until([&] { return site.server.is_empty(); }));
}

TEST_CASE("draining closes idle connections, finishes busy ones, and ends") {
  ServerOptions options;
  options.linger_timeout = 40ms;
  options.drain_grace = 40ms;
  Site site(options);
  LocalPtr<Exchange> open;
  site.answer("/wait", [&](auto exchange) { open = std::move(exchange); });
  Client silent(site.address);
  Client idle(site.address);
  Client busy(site.address);
  Client halfway(site.address);
  idle.send("GET /none HTTP/1.1\r\nhost: a\r\n\r\n");
  site.receive(idle, 70);
  idle.received.clear();
  busy.send("GET /wait HTTP/1.1\r\nhost: a\r\n\r\n");
  halfway.send("GET /none HTTP/1.1\r\nhost:");
  REQUIRE(site.run_until([&] { return open != nullptr && site.server.connection_count() == 4; }));
  site.settle();

  SUBCASE("everybody finishes in time") {
    // One that is connected, but not accepted yet.
    Client late(site.address);
    late.send("GET /none HTTP/1.1\r\nhost: a\r\n\r\n");
    site.server.drain(async::Deadline::after(1h));
    site.receive_all(idle);
    CHECK(idle.received.empty());
    site.receive_all(silent);
    CHECK(silent.received.empty());
    site.receive_all(late);
    CHECK(late.received.starts_with("HTTP/1.1 404 Not Found\r\nconnection: close\r\n"));
    CHECK_FALSE(site.server.is_empty());
    open->respond({.status = 200, .fields = {}, .body = whole_body("done")});
    site.receive_all(busy);
    CHECK(
        test::mask_dates(busy.received) ==
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\ndate: D\r\n\r\ndone"
    );
    halfway.send(" a\r\n\r\n");
    site.receive_all(halfway);
    CHECK(halfway.received.starts_with("HTTP/1.1 404 Not Found\r\nconnection: close\r\n"));
    CHECK(site.run_until([&] { return site.server.is_empty(); }));
  }
  SUBCASE("the deadline ends the rest") {
    site.server.drain(async::Deadline::after(1ms));
    REQUIRE(site.run_until([&] { return site.server.is_empty(); }));
    CHECK(open->client_gone());
    site.receive_all(busy);
    CHECK(busy.received.empty());
  }
}

TEST_CASE("a request that its handler forgets is answered all the same") {
  ServerOptions options;
  options.linger_timeout = 40ms;  // makes a tick short
  Site site(options);
  site.answer("/forget", [](const auto&) {});
  CHECK(
      site.ask("GET /forget HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n") ==
      "HTTP/1.1 500 Internal Server Error\r\nconnection: close\r\ncontent-length: 0\r\n"
      "date: D\r\n\r\n"
  );
}

TEST_CASE("a server that is destroyed tells its handlers") {
  LocalPtr<Exchange> open;
  async::Shard shard(0);
  test::PathHandler handler;
  handler.answers["/wait"] = [&](auto exchange) { open = std::move(exchange); };
  auto listeners = net::listen_on(*net::SocketAddress::from_ip("127.0.0.1", 0), 1);
  REQUIRE(listeners);
  auto server = std::make_unique<Server>(shard, handler);
  server->listen(std::move(listeners->sockets[0]));
  Client client(listeners->address);
  client.send("GET /wait HTTP/1.1\r\nhost: a\r\n\r\n");
  while (open == nullptr) {
    shard.poll();
  }
  server.reset();
  CHECK(open->client_gone());
  for (int i = 0; i < 10; ++i) {
    shard.poll();
  }
}

/// Many clients, few descriptors: runs in a child of its own.
int serve_with_few_descriptors() {
  Site site;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 60; ++i) {
    clients.push_back(std::make_unique<Client>(site.address));
  }
  const auto few = static_cast<rlim_t>(clients.back()->fd() + 10);
  const rlimit limit{few, few};
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return 1;
  }
  // Each client is served or turned away, though there are never descriptors for all of them.
  std::size_t served = 0;
  for (const auto& client : clients) {
    client->send_some("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  }
  for (const auto& client : clients) {
    site.receive_all(*client);
    served += client->received.starts_with("HTTP/1.1 404 ") ? 1 : 0;
    client->close();
  }
  return served > 0 ? 0 : 2;
}

TEST_CASE("running out of descriptors is survived") {
  const pid_t child = fork();
  if (child == 0) {
    _exit(serve_with_few_descriptors());
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace whorl::http
