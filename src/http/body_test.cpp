#include "http/body.hpp"

#include "http/exchange.hpp"

#include <doctest/doctest.h>

#include <random>

namespace whorl::http {
namespace {

struct Counter final : async::Waiter {
  void on_event() noexcept override { ++count; }
  int count = 0;
};

TEST_CASE("bytes come out as they went in, whatever the pieces") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 50; ++round) {
    BodyPipe pipe(1 + random() % 300);
    Bytes in(random() % 5000);
    for (auto& byte : in) {
      byte = static_cast<std::uint8_t>(random());
    }
    Bytes out;
    std::size_t sent = 0;
    while (out.size() < in.size()) {
      const std::size_t want = std::min<std::size_t>(random() % 400, in.size() - sent);
      sent += pipe.write(ByteView(in).subspan(sent, want));
      const ByteView ready = pipe.readable();
      const std::size_t take = ready.empty() ? 0 : random() % (ready.size() + 1);
      out.insert(out.end(), ready.begin(), ready.begin() + static_cast<std::ptrdiff_t>(take));
      pipe.consume(take);
    }
    CHECK(out == in);
    CHECK(pipe.total_written() == in.size());
  }
}

TEST_CASE("a full pipe takes nothing until something is read") {
  BodyPipe pipe(4);
  CHECK(pipe.write(as_bytes("abcdef")) == 4);
  CHECK(pipe.writable_bytes() == 0);
  Counter room;
  pipe.writable_event().add(room);
  pipe.consume(3);
  CHECK(room.count == 1);
  CHECK(pipe.writable_bytes() == 3);
  CHECK(as_text(pipe.readable()) == "d");
}

TEST_CASE("the end comes after the bytes") {
  BodyPipe pipe;
  pipe.write(as_bytes("x"));
  auto trailers = std::make_unique<Fields>();
  trailers->append("a", "b");
  pipe.finish(std::move(trailers));
  CHECK(pipe.is_ended());
  CHECK_FALSE(pipe.at_end());
  CHECK(pipe.write(as_bytes("y")) == 0);
  pipe.consume(1);
  CHECK(pipe.at_end());
  CHECK(pipe.take_trailers()->find("A") == "b");
  CHECK(pipe.take_trailers() == nullptr);
}

TEST_CASE("a failure keeps the bytes before it and cannot be undone") {
  BodyPipe pipe;
  pipe.write(as_bytes("x"));
  pipe.fail(ErrorKind::Disconnected);
  pipe.finish();
  CHECK(pipe.failure() == ErrorKind::Disconnected);
  CHECK(as_text(pipe.readable()) == "x");
  CHECK_FALSE(pipe.at_end());
}

TEST_CASE("a reader that goes away frees the buffer and tells the writer") {
  BodyPipe pipe;
  pipe.write(as_bytes("x"));
  Counter gone;
  pipe.writable_event().add(gone);
  pipe.stop_reading();
  CHECK(gone.count == 1);
  CHECK(pipe.reader_gone());
  CHECK(pipe.readable().empty());
  CHECK(pipe.write(as_bytes("y")) == 0);
}

TEST_CASE("the first demand wakes the writer") {
  BodyPipe pipe;
  Counter demand;
  pipe.writable_event().add(demand);
  CHECK_FALSE(pipe.is_demanded());
  pipe.demand();
  CHECK(demand.count == 1);
  CHECK(pipe.is_demanded());
}

TEST_CASE("an exchange is answered at once or later, and cut by abort") {
  Exchange exchange(Request{});
  Counter answered;
  exchange.response_event().add(answered);
  auto body = make_local<BodyPipe>();
  exchange.respond({.status = 201, .fields = {}, .body = body});
  CHECK(answered.count == 1);
  CHECK(exchange.response().status == 201);
  exchange.abort(500);
  CHECK(exchange.response().status == 201);
  CHECK(body->failure() == ErrorKind::Internal);

  Exchange failed(Request{});
  failed.abort(503);
  CHECK(failed.response().status == 503);
  CHECK(failed.response().body->at_end());
}

}  // namespace
}  // namespace whorl::http
