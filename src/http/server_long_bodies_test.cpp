// Long bodies: read into their pipe, sent from where their writer has them, and what becomes of
// both when somebody leaves.
#include "http/server.hpp"
#include "http/server_test_support.hpp"
#include "wire/http1/body.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::http {
namespace {

using namespace std::chrono_literals;
using test::Client;
using test::Site;
using test::whole_body;

/// What no shift or loss leaves as it was.
std::string counted_bytes(std::size_t size) {
  std::string text(size, ' ');
  std::uint64_t state = 1;
  for (char& c : text) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    c = static_cast<char>(state >> 56);
  }
  return text;
}

/// The data of a chunked body, if it is a whole one.
std::optional<std::string> unchunked(std::string_view body) {
  std::string data;
  wire::http1::BodyDecoder decoder(wire::http1::Framing::Chunked, 0);
  while (true) {
    const auto step = decoder.decode(body, SIZE_MAX);
    data += step.data;
    body.remove_prefix(step.consumed);
    if (step.state == wire::http1::BodyDecoder::State::End) {
      return body.empty() ? std::optional(data) : std::nullopt;
    }
    if (step.state != wire::http1::BodyDecoder::State::Data) {
      return std::nullopt;
    }
  }
}

TEST_CASE("a long body is the same behind an echo, however it comes and goes") {
  const std::string data = counted_bytes(3'000'001);
  Site site;
  site.answer_with_echo("/echo");
  bool keeps_up = true;
  SUBCASE("its client takes the answer at once") {}
  SUBCASE("its client takes the answer when it can't send any more") {
    keeps_up = false;
  }
  Client client(site.address);
  // On one connection: behind a body of a known length comes the next request.
  for (int round = 0; round < 3; ++round) {
    client.received.clear();
    const std::string request =
        "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 3000001\r\n\r\n" + data;
    std::size_t sent = 0;
    REQUIRE(site.run_until([&] {
      const std::size_t now = client.send_some(std::string_view(request).substr(sent));
      sent += now;
      if (keeps_up || now == 0) {
        client.receive();
      }
      return client.received.ends_with("\r\n0\r\n\r\n");
    }));
    const std::size_t head_end = client.received.find("\r\n\r\n") + 4;
    CHECK(client.received.starts_with("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n"));
    const auto echoed = unchunked(std::string_view(client.received).substr(head_end));
    CHECK((echoed == data));
  }
}

TEST_CASE("what is written in big parts goes out in order, with the length that was said") {
  const std::string data = counted_bytes(2'000'000);
  Site site;
  auto body = make_local<BodyPipe>();
  Fields fields;
  fields.append("content-length", "2000000");
  site.answer("/big", [&](const auto& exchange) {
    exchange->respond({.status = 200, .fields = std::move(fields), .body = body});
  });
  Client client(site.address);
  client.send("GET /big HTTP/1.1\r\nhost: a\r\n\r\n");
  site.receive(client, 50);
  // Many sizes, below and above what is worth sparing a copy; more than what was announced.
  std::size_t written = 0;
  std::size_t size = 1;
  const std::string more = data + std::string(100'000, '!');
  REQUIRE(site.run_until([&] {
    size = size * 5 % 70'001;
    written += body->write(as_bytes(std::string_view(more).substr(written, size)));
    client.receive();
    const std::size_t head_end = client.received.find("\r\n\r\n") + 4;
    return client.received.size() - head_end >= data.size();
  }));
  site.settle();
  client.receive();
  const std::size_t head_end = client.received.find("\r\n\r\n") + 4;
  CHECK((client.received.substr(head_end) == data));
  CHECK(body->reader_gone());
  client.received.clear();
  client.send("GET /none HTTP/1.1\r\nhost: a\r\n\r\n");
  site.receive(client, 20);
  CHECK(client.received.starts_with("HTTP/1.1 404 Not Found\r\n"));
}

TEST_CASE("a part that the socket takes is not kept by the pipe") {
  Site site;
  auto body = make_local<BodyPipe>();
  site.answer("/big", [&](const auto& exchange) {
    exchange->respond({.status = 200, .fields = {}, .body = body});
  });
  Client client(site.address);
  client.send("GET /big HTTP/1.1\r\nhost: a\r\n\r\n");
  site.receive(client, 50);
  const std::string data = counted_bytes(40'000);
  CHECK(body->write(as_bytes(data)) == data.size());
  CHECK(body->readable().empty());
  // Without a turn of the loop.
  const std::size_t head_end = client.received.find("\r\n\r\n") + 4;
  REQUIRE(site.run_until([&] {
    client.receive();
    return client.received.size() - head_end >= data.size() + 8;
  }));
  CHECK((client.received.substr(head_end) == "9c40\r\n" + data + "\r\n"));
  body->finish();
  site.receive(client, head_end + data.size() + 8 + 5);
  CHECK(client.received.ends_with("\r\n0\r\n\r\n"));
}

TEST_CASE("nobody reads a long body any more while it comes") {
  Site site;
  LocalPtr<Exchange> open;
  site.answer("/upload", [&](auto exchange) { open = std::move(exchange); });
  Client client(site.address);
  client.send("POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n");
  const std::string data = counted_bytes(200'000);
  std::size_t sent = 0;
  REQUIRE(site.run_until([&] {
    sent += client.send_some(std::string_view(data).substr(sent, 50'000 - sent));
    return open != nullptr && open->request().body->total_written() == 50'000;
  }));
  CHECK((as_text(open->request().body->readable()) == data.substr(0, 50'000)));
  open->request().body->stop_reading();
  open->respond({.status = 200, .fields = {}, .body = whole_body("enough")});
  open.reset();
  REQUIRE(site.run_until([&] {
    sent += client.send_some(std::string_view(data).substr(sent));
    client.receive();
    return client.closed || client.received.ends_with("enough");
  }));
  CHECK(client.received.ends_with("\r\n\r\nenough"));
}

/// Sends what the client's socket takes of `data` until the pipe has had `count` bytes.
void upload(
    Site& site, Client& client, std::string_view data, const BodyPipe& pipe, std::size_t count
) {
  std::size_t sent = static_cast<std::size_t>(pipe.total_written());
  REQUIRE(site.run_until([&] {
    sent += client.send_some(data.substr(sent, count - sent));
    return pipe.total_written() == count;
  }));
}

TEST_CASE("a body that fits is read whole before anybody wants it") {
  Site site;
  LocalPtr<Exchange> open;
  site.answer("/upload", [&](auto exchange) { open = std::move(exchange); });
  Client client(site.address);
  const std::string data = counted_bytes(BodyPipe::kServedCapacity);
  client.send(
      fmt::format("POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", data.size())
  );
  REQUIRE(site.run_until([&] { return open != nullptr; }));
  const BodyPipe& body = *open->request().body;
  for (const std::size_t count : {std::size_t{40'000}, std::size_t{60'000}, data.size()}) {
    upload(site, client, data, body, count);
  }
  REQUIRE(site.run_until([&] { return body.is_ended(); }));
  CHECK((as_text(body.readable()) == data));
}

TEST_CASE("a long body is read when half of its pipe is free, to its end") {
  Site site;
  LocalPtr<Exchange> open;
  site.answer("/upload", [&](auto exchange) { open = std::move(exchange); });
  Client client(site.address);
  client.send("POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n");
  REQUIRE(site.run_until([&] { return open != nullptr; }));
  BodyPipe& body = *open->request().body;
  const std::string data = counted_bytes(200'000);
  upload(site, client, data, body, BodyPipe::kServedCapacity);
  client.send(std::string_view(data).substr(BodyPipe::kServedCapacity));
  std::string got;
  const auto take = [&](std::size_t count) {
    got += as_text(body.readable().first(count));
    body.consume(count);
    site.settle();
  };
  take(1);
  take(BodyPipe::kServedCapacity / 2 - 2);
  CHECK(body.total_written() == BodyPipe::kServedCapacity);
  take(1);
  REQUIRE(site.run_until([&] { return body.writable_bytes() == 0; }));
  take(body.readable().size());
  REQUIRE(site.run_until([&] { return body.is_ended(); }));
  take(body.readable().size());
  CHECK((got == data));
}

TEST_CASE("a pipe that is smaller than any part still carries a body") {
  ServerOptions options;
  SUBCASE("of one byte") {
    options.body_buffer_bytes = 1;
  }
  SUBCASE("of a few") {
    options.body_buffer_bytes = 7;
  }
  Site site(options);
  LocalPtr<Exchange> open;
  site.answer("/upload", [&](auto exchange) { open = std::move(exchange); });
  Client client(site.address);
  const std::string data = counted_bytes(1000);
  client.send("POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n" + data);
  std::string got;
  REQUIRE(site.run_until([&] {
    if (open != nullptr && !open->request().body->readable().empty()) {
      got += as_text(open->request().body->readable().first(1));
      open->request().body->consume(1);
    }
    return open != nullptr && open->request().body->at_end();
  }));
  CHECK((got == data));
}

TEST_CASE("a body can be its own answer") {
  Site site;
  site.answer("/self", [](const auto& exchange) {
    exchange->respond({.status = 200, .fields = {}, .body = exchange->request().body});
  });
  Client client(site.address);
  const std::string data = counted_bytes(1'000'000);
  const std::string request =
      "POST /self HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n" + data;
  std::size_t sent = 0;
  REQUIRE(site.run_until([&] {
    sent += client.send_some(std::string_view(request).substr(sent));
    client.receive();
    return client.closed || client.received.ends_with("\r\n0\r\n\r\n");
  }));
  const auto echoed =
      unchunked(std::string_view(client.received).substr(client.received.find("\r\n\r\n") + 4));
  CHECK((echoed == data));
}

/// An answer that is being written while its client takes it.
struct Streaming {
  explicit Streaming(ServerOptions options = {})
      : site(std::make_unique<Site>(options)), client(site->address) {
    site->answer("/big", [this](auto exchange) {
      open = exchange;
      exchange->respond({.status = status, .fields = {}, .body = body});
    });
  }
  void begin(std::string_view request, std::size_t head) {
    client.send(request);
    site->receive(client, head);
  }
  [[nodiscard]] std::string_view content() const {
    return std::string_view(client.received).substr(client.received.find("\r\n\r\n") + 4);
  }

  std::unique_ptr<Site> site;
  Client client;
  std::uint16_t status = 200;
  LocalPtr<BodyPipe> body = make_local<BodyPipe>();
  LocalPtr<Exchange> open;
  std::string data = counted_bytes(50'000);
};

constexpr std::string_view kGetBig = "GET /big HTTP/1.1\r\nhost: a\r\n\r\n";

TEST_CASE("whoever writes an answer may go on when its connection is gone") {
  ServerOptions options;
  SUBCASE("since the client left") {
    Streaming big;
    big.begin(kGetBig, 50);
    big.client.close();
    REQUIRE(big.site->run_until([&] {
      big.body->write(as_bytes(big.data));
      return big.body->reader_gone();
    }));
    REQUIRE(big.site->run_until([&] { return big.site->server.connection_count() == 0; }));
    CHECK(big.open->client_gone());
    CHECK(big.body->write(as_bytes(big.data)) == 0);
  }
  SUBCASE("since the client did not take it") {
    options.write_timeout = 40ms;
    Streaming big(options);
    big.begin(kGetBig, 50);
    REQUIRE(big.site->run_until([&] {
      big.body->write(as_bytes(big.data));
      return big.body->reader_gone();
    }));
    CHECK(big.site->server.connection_count() == 0);
    CHECK(big.body->write(as_bytes(big.data)) == 0);
  }
  SUBCASE("since the server drained and would not wait") {
    Streaming big;
    big.begin(kGetBig, 50);
    CHECK(big.body->write(as_bytes(big.data)) == big.data.size());
    big.site->server.drain(async::Deadline::after(0ms));
    REQUIRE(big.site->run_until([&] { return big.body->reader_gone(); }));
    CHECK(big.body->write(as_bytes(big.data)) == 0);
  }
  SUBCASE("with the server") {
    Streaming big;
    big.begin(kGetBig, 50);
    CHECK(big.body->write(as_bytes(big.data)) == big.data.size());
    big.open.reset();
    big.site.reset();
    CHECK(big.body->write(as_bytes(big.data)) == 0);
  }
  SUBCASE("since the answer was cut") {
    Streaming big;
    big.begin(kGetBig, 50);
    CHECK(big.body->write(as_bytes(big.data)) == big.data.size());
    big.open->abort(500);
    big.open.reset();
    CHECK(big.body->write(as_bytes(big.data)) == 0);
    big.site->receive_all(big.client);
    CHECK((big.content() == "c350\r\n" + big.data + "\r\n"));
    REQUIRE(big.site->run_until([&] { return big.site->server.connection_count() == 0; }));
    CHECK(big.body->write(as_bytes(big.data)) == 0);
  }
  SUBCASE("to the next request") {
    Streaming big;
    big.begin(kGetBig, 50);
    const LocalPtr<BodyPipe> first = big.body;
    CHECK(first->write(as_bytes(big.data)) == big.data.size());
    first->finish();
    big.site->receive(big.client, big.client.received.size() + big.data.size() + 8 + 5);
    big.client.received.clear();
    big.body = make_local<BodyPipe>();
    big.begin(kGetBig, 50);
    CHECK(first->write(as_bytes("no part of the second")) == 0);
    CHECK(big.body->write(as_bytes(big.data)) == big.data.size());
    big.body->finish();
    REQUIRE(big.site->run_until([&] {
      big.client.receive();
      return big.client.received.ends_with("\r\n0\r\n\r\n");
    }));
    CHECK((big.content() == "c350\r\n" + big.data + "\r\n0\r\n\r\n"));
  }
}

TEST_CASE("the form of an answer does not depend on how its body is written") {
  Streaming big;
  const auto write = [&] { CHECK(big.body->write(as_bytes(big.data)) == big.data.size()); };
  SUBCASE("chunks and trailers") {
    big.begin(kGetBig, 50);
    write();
    CHECK(big.body->write(as_bytes("little")) == 6);
    auto trailers = std::make_unique<Fields>();
    trailers->append("x-sum", "1");
    big.body->finish(std::move(trailers));
    REQUIRE(big.site->run_until([&] {
      big.client.receive();
      return big.client.received.ends_with("x-sum: 1\r\n\r\n");
    }));
    const std::string end = "6\r\nlittle\r\n0\r\nx-sum: 1\r\n\r\n";
    CHECK((big.content() == "c350\r\n" + big.data + "\r\n" + end));
  }
  SUBCASE("until the connection is closed") {
    big.begin("GET /big HTTP/1.0\r\n\r\n", 30);
    write();
    big.body->finish();
    big.site->receive_all(big.client);
    CHECK((big.content() == big.data));
  }
  SUBCASE("no content after HEAD") {
    big.client.send("HEAD /big HTTP/1.1\r\nhost: a\r\n\r\n");
    REQUIRE(big.site->run_until([&] { return big.body->reader_gone(); }));
    CHECK(big.body->write(as_bytes(big.data)) == 0);
    big.client.send("GET /none HTTP/1.1\r\nhost: a\r\n\r\n");
    REQUIRE(big.site->run_until([&] {
      big.client.receive();
      return big.client.received.contains("404 Not Found");
    }));
    CHECK(big.content().starts_with("HTTP/1.1 404 "));
  }
  SUBCASE("no content with 304") {
    big.status = 304;
    big.client.send(kGetBig);
    REQUIRE(big.site->run_until([&] { return big.body->reader_gone(); }));
    CHECK(big.body->write(as_bytes(big.data)) == 0);
    big.site->settle();
    big.client.receive();
    CHECK(big.content().empty());
  }
}

TEST_CASE("a client that takes what is written is not late with its own body") {
  ServerOptions options;
  options.body_timeout = 40ms;
  Streaming big(options);
  big.begin("POST /big HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello", 50);
  big.open->request().body->demand();
  const auto until = std::chrono::steady_clock::now() + 200ms;
  // The server counts its own turns: that none of them is late does not hang on the clock.
  REQUIRE(big.site->run_until([&] {
    while (big.client.receive() != 0) {
      big.client.received.clear();
    }
    big.body->write(as_bytes(big.data));
    return std::chrono::steady_clock::now() > until;
  }));
  CHECK_FALSE(big.open->request().body->is_ended());
  CHECK_FALSE(big.body->reader_gone());
}

}  // namespace
}  // namespace whorl::http
