// Bodies that take their time, clients that leave, and what the handler learns of it.
#include "http/server.hpp"
#include "http/server_test_support.hpp"

#include <sys/resource.h>

namespace whorl::http {
namespace {

using test::Client;
using test::Site;
using test::whole_body;

long peak_memory_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST_CASE("64 MiB in chunks are echoed while they come, in bounded memory") {
  constexpr std::size_t kTotal = 64 * 1024 * 1024;
  Site site;
  site.answer_with_echo("/echo");
  const long before = peak_memory_kib();
  Client client(site.address);
  client.send(
      "POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
  );
  const std::string chunk = "8000\r\n" + std::string(0x8000, 'x') + "\r\n";
  std::size_t sent = 0;
  const std::size_t to_send = kTotal / 0x8000 * chunk.size();
  std::string_view last = "0\r\n\r\n";
  std::uint64_t data = 0;
  std::string tail;
  REQUIRE(site.run_until([&] {
    if (sent < to_send) {
      const std::size_t at = sent % chunk.size();
      sent += client.send_some(std::string_view(chunk).substr(at));
    } else if (!last.empty()) {
      last.remove_prefix(client.send_some(last));
    }
    client.receive();
    data +=
        static_cast<std::uint64_t>(std::count(client.received.begin(), client.received.end(), 'x'));
    tail = (tail + client.received)
               .substr(std::max<std::size_t>(tail.size() + client.received.size(), 7) - 7);
    client.received.clear();
    return client.closed;
  }));
  CHECK(data == kTotal);
  CHECK(tail == "\r\n0\r\n\r\n");
  CHECK(site.copier->peak <= BodyPipe::kServedCapacity);
#ifndef WHORL_SANITIZED
  CHECK(peak_memory_kib() - before < 8 * 1024);
#else
  (void)before;
#endif
}

TEST_CASE("a slow reader stops a fast writer") {
  Site site;
  auto body = make_local<BodyPipe>();
  site.answer("/flood", [&](const auto& exchange) {
    exchange->respond({.status = 200, .fields = {}, .body = body});
  });
  Client client(site.address);
  client.send("GET /flood HTTP/1.1\r\nhost: a\r\n\r\n");
  const Bytes data(100'000, 'x');
  std::uint64_t before = 0;
  // Until the socket's buffers are full nothing stops the writer.
  do {
    before = body->total_written();
    for (int i = 0; i < 200; ++i) {
      body->write(data);
      site.shard.poll();
    }
  } while (body->total_written() != before);
  CHECK(body->writable_bytes() == 0);
  std::size_t got = 0;
  body->finish();
  REQUIRE(site.run_until([&] {
    got += client.receive();
    const bool complete = client.received.ends_with("\r\n0\r\n\r\n");
    client.received.erase(
        0, client.received.size() - std::min<std::size_t>(client.received.size(), 8)
    );
    return complete;
  }));
  CHECK(got > before);
}

TEST_CASE("100 Continue goes out when the handler wants the body") {
  Site site;
  LocalPtr<Exchange> open;
  site.answer("/upload", [&](auto exchange) { open = std::move(exchange); });
  Client client(site.address);
  client.send(
      "POST /upload HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: 100-continue\r\n"
      "content-length: 5\r\n\r\n"
  );
  REQUIRE(site.run_until([&] { return open != nullptr; }));
  site.settle();
  client.receive();
  CHECK(client.received.empty());
  const auto body = open->request().body;
  body->demand();
  const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
  site.receive(client, interim.size());
  CHECK(client.received == interim);
  client.send("hello");
  REQUIRE(site.run_until([&] { return body->is_ended(); }));
  CHECK(as_text(body->readable()) == "hello");
  open->respond({});
  site.receive_all(client);
  CHECK(client.received.substr(interim.size()).starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("a client that does not wait for 100 Continue gets none") {
  Site site;
  LocalPtr<Exchange> open;
  site.answer("/upload", [&](auto exchange) { open = std::move(exchange); });
  Client client(site.address);
  client.send(
      "POST /upload HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\nhello"
  );
  REQUIRE(site.run_until([&] { return open != nullptr; }));
  open->request().body->demand();
  site.settle();
  open->respond({});
  site.receive(client, 1);
  CHECK(client.received.starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("an early answer while the body still comes") {
  Site site;
  LocalPtr<Exchange> open;
  site.answer("/upload", [&](auto exchange) { open = std::move(exchange); });
  Client client(site.address);
  client.send("POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello");
  REQUIRE(site.run_until([&] { return open != nullptr; }));

  SUBCASE("the handler reads on after it answered") {
    const auto body = open->request().body;
    open->respond({.status = 200, .fields = {}, .body = whole_body("early")});
    site.receive(client, 80);
    CHECK(client.received.ends_with("early"));
    open.reset();
    client.send("world");
    REQUIRE(site.run_until([&] { return body->is_ended(); }));
    CHECK(as_text(body->readable()) == "helloworld");
  }
  SUBCASE("nobody reads the rest, which is dropped") {
    open->request().body->stop_reading();
    open->respond({});
    open.reset();
    site.receive(client, 70);
    client.send("world");
  }
  SUBCASE("the handler lets go of everything") {
    open->respond({});
    open.reset();
    site.receive(client, 70);
    client.send("world");
  }
  // Either way the connection is good for another request.
  client.received.clear();
  client.send("GET /none HTTP/1.1\r\nhost: a\r\n\r\n");
  site.receive(client, 20);
  CHECK(client.received.starts_with("HTTP/1.1 404 Not Found\r\n"));
}

TEST_CASE("a long body that nobody reads ends the connection, but not the answer") {
  Site site;
  site.answer("/upload", [](const auto& exchange) {
    exchange->respond({.status = 413, .fields = {}, .body = whole_body("no")});
  });
  Client client(site.address);
  client.send("POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 10000000\r\n\r\n");
  const std::string data(100'000, 'x');
  REQUIRE(site.run_until([&] {
    client.send_some(data);
    client.receive();
    return client.closed;
  }));
  CHECK_FALSE(client.reset);
  CHECK(client.received.starts_with("HTTP/1.1 413 "));
  CHECK(client.received.ends_with("\r\n\r\nno"));
  client.close();
  REQUIRE(site.run_until([&] { return site.server.connection_count() == 0; }));
}

TEST_CASE("a client that leaves is noticed while the handler works") {
  Site site;
  LocalPtr<Exchange> open;
  site.answer("/wait", [&](auto exchange) { open = std::move(exchange); });
  Client client(site.address);

  SUBCASE("after its request") {
    client.send("GET /wait HTTP/1.1\r\nhost: a\r\n\r\n");
  }
  SUBCASE("in the middle of its body") {
    client.send("POST /wait HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello");
  }
  REQUIRE(site.run_until([&] { return open != nullptr; }));
  site.settle();
  CHECK_FALSE(open->client_gone());
  client.close();
  REQUIRE(site.run_until([&] { return open->client_gone(); }));
  CHECK(site.server.connection_count() == 0);
  CHECK(open->request().body->is_ended());
  // An answer to nobody is taken and dropped.
  auto body = make_local<BodyPipe>();
  open->respond({.status = 200, .fields = {}, .body = body});
  CHECK(body->reader_gone());
}

TEST_CASE("a client that leaves right behind its request is noticed") {
  Site site;
  LocalPtr<Exchange> open;
  site.answer("/wait", [&](auto exchange) { open = std::move(exchange); });
  Client client(site.address);
  // Both are in the kernel before the connection is accepted: one read takes the request, and has
  // to see that there is more to read.
  client.send("GET /wait HTTP/1.1\r\nhost: a\r\n\r\n");
  client.half_close();
  REQUIRE(site.run_until([&] { return open != nullptr && open->client_gone(); }));
}

TEST_CASE("a client that only half closes gets an answer that is ready") {
  Site site;
  Client client(site.address);
  client.send("GET /none HTTP/1.1\r\nhost: a\r\n\r\n");
  client.half_close();
  site.receive_all(client);
  CHECK(client.received.starts_with("HTTP/1.1 404 "));
}

TEST_CASE("a client that leaves is noticed while the answer streams") {
  Site site;
  LocalPtr<Exchange> open;
  auto body = make_local<BodyPipe>();
  site.answer("/stream", [&](auto exchange) {
    open = exchange;
    exchange->respond({.status = 200, .fields = {}, .body = body});
  });
  Client client(site.address);
  client.send("GET /stream HTTP/1.1\r\nhost: a\r\n\r\n");
  site.receive(client, 50);
  client.close();
  REQUIRE(site.run_until([&] { return body->reader_gone(); }));
  CHECK(open->client_gone());
  CHECK_FALSE(body->is_satisfied());
}

TEST_CASE("a client that has all it is to have of an answer lets go of it, and nothing is amiss") {
  struct Row {
    const char* method;
    std::uint16_t status;
    const char* length;  ///< null: unknown
  };
  for (const Row& row :
       {Row{"GET", 200, "5"}, Row{"HEAD", 200, nullptr}, Row{"GET", 204, nullptr}}) {
    CAPTURE(row.method);
    Site site;
    // Its writer does not know yet that it is at its end.
    auto body = make_local<BodyPipe>();
    site.answer("/open", [&](auto exchange) {
      Response response{.status = row.status, .fields = {}, .body = body};
      if (row.length != nullptr) {
        response.fields.append("content-length", row.length);
      }
      exchange->respond(std::move(response));
      body->write(as_bytes("hello"));
    });
    Client client(site.address);
    client.send(std::string(row.method) + " /open HTTP/1.1\r\nhost: a\r\n\r\n");
    REQUIRE(site.run_until([&] { return body->reader_gone(); }));
    CHECK(body->is_satisfied());
    client.send("GET /none HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    site.receive_all(client);
    CHECK(client.received.find("HTTP/1.1 404 ") != std::string::npos);
    CHECK(body->is_satisfied());
  }
}

TEST_CASE("a body that ends early or badly is told to its reader") {
  Site site;
  LocalPtr<Exchange> open;
  site.answer("/upload", [&](auto exchange) { open = std::move(exchange); });
  Client client(site.address);
  ErrorKind expected = ErrorKind::Internal;
  SUBCASE("cut") {
    client.send("POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello");
    client.half_close();
    expected = ErrorKind::Disconnected;
  }
  SUBCASE("bad chunk") {
    client.send("POST /upload HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhelloX"
    );
    expected = ErrorKind::InvalidInput;
  }
  REQUIRE(site.run_until([&] { return open != nullptr && open->request().body->is_ended(); }));
  CHECK(open->request().body->failure() == expected);
  CHECK(as_text(open->request().body->readable()) == "hello");
  if (expected == ErrorKind::InvalidInput) {
    open->respond({.status = 400, .fields = {}, .body = nullptr});
    site.receive_all(client);
    CHECK(client.received.starts_with("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n"));
  }
}

TEST_CASE("an answer that is aborted is cut") {
  Site site;
  site.answer("/abort", [&site](const auto& exchange) {
    auto body = make_local<BodyPipe>();
    body->write(as_bytes("abc"));
    exchange->respond({.status = 200, .fields = {}, .body = body});
    site.shard.post([exchange] { exchange->abort(500); });
  });
  CHECK(site.ask("GET /abort HTTP/1.1\r\nhost: a\r\n\r\n").ends_with("\r\n\r\n3\r\nabc\r\n"));
}

TEST_CASE("bytes of the next request wait in the buffer while this one is answered") {
  Site site;
  LocalPtr<Exchange> open;
  site.answer("/wait", [&](auto exchange) { open = std::move(exchange); });
  Client client(site.address);
  client.send("GET /wait HTTP/1.1\r\nhost: a\r\n\r\n");
  REQUIRE(site.run_until([&] { return open != nullptr; }));
  // More than is kept: the rest stays with the kernel.
  std::string many;
  for (int i = 0; i < 5000; ++i) {
    many += "GET /none HTTP/1.1\r\nhost: a\r\n\r\n";
  }
  std::size_t sent = client.send_some(many);
  site.settle();
  CHECK_FALSE(open->client_gone());
  open->respond({});
  open.reset();
  REQUIRE(site.run_until([&] {
    sent += client.send_some(std::string_view(many).substr(sent));
    client.receive();
    return site.handler.handled == 5001;
  }));
}

}  // namespace
}  // namespace whorl::http
