#include "http/body.hpp"

#include "http/exchange.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

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

TEST_CASE("much room is half of the pipe, or what was never full") {
  BodyPipe pipe(10);
  CHECK(pipe.has_much_room());
  pipe.write(as_bytes("012345678"));
  CHECK(pipe.has_much_room());
  pipe.write(as_bytes("9"));
  CHECK_FALSE(pipe.has_much_room());
  pipe.consume(4);
  CHECK_FALSE(pipe.has_much_room());
  pipe.consume(1);
  CHECK(pipe.has_much_room());
  pipe.finish();
  CHECK_FALSE(pipe.has_much_room());
}

TEST_CASE("bytes can be written to room that is lent") {
  BodyPipe pipe(8);
  pipe.write(as_bytes("abcd"));
  pipe.consume(2);
  const MutableByteView room = pipe.lend(100);
  CHECK(room.size() == 6);
  std::copy_n("efghij", 6, room.begin());
  Counter bytes;
  pipe.readable_event().add(bytes);

  SUBCASE("all of it") {
    CHECK(as_text(pipe.readable()) == "cd");
    pipe.commit(6);
    CHECK(bytes.count == 1);
    CHECK(as_text(pipe.readable()) == "cdefghij");
    CHECK(pipe.total_written() == 10);
    CHECK(pipe.writable_bytes() == 0);
  }
  SUBCASE("a part, and what was there is read meanwhile") {
    pipe.consume(2);
    pipe.commit(3);
    CHECK(as_text(pipe.readable()) == "efg");
    CHECK(pipe.write(as_bytes("0123456789")) == 5);
    CHECK(as_text(pipe.readable()) == "efg01234");
  }
  SUBCASE("nothing") {
    pipe.commit(0);
    CHECK(bytes.count == 0);
    CHECK(as_text(pipe.readable()) == "cd");
  }
  SUBCASE("and nobody reads any more") {
    pipe.stop_reading();
    pipe.commit(6);
    CHECK(pipe.readable().empty());
    CHECK(pipe.total_written() == 4);
  }
}

/// Takes at most so many bytes each time.
struct SomeTaker final : BodyPipe::Taker {
  explicit SomeTaker(std::size_t most) : at_most(most) {}
  std::size_t take(ByteView data) override {
    offered.push_back(data.size());
    const std::size_t count = std::min(data.size(), at_most);
    taken.insert(taken.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(count));
    return count;
  }
  std::size_t at_most;
  std::vector<std::size_t> offered;
  Bytes taken;
};

TEST_CASE("a taker has what is written before it is buffered") {
  Bytes data(BodyPipe::kDefaultCapacity + 1000);
  for (std::size_t i = 0; i < data.size(); ++i) {
    data[i] = static_cast<std::uint8_t>(i % 251);
  }
  const ByteView all(data);
  BodyPipe pipe;
  Counter bytes;
  pipe.readable_event().add(bytes);

  SUBCASE("all of it") {
    SomeTaker taker(SIZE_MAX);
    pipe.set_taker(taker);
    CHECK(pipe.write(all) == BodyPipe::kDefaultCapacity);
    CHECK(pipe.readable().empty());
    CHECK(bytes.count == 0);
    CHECK(ByteView(taker.taken).size() == BodyPipe::kDefaultCapacity);
    CHECK(std::ranges::equal(taker.taken, all.first(BodyPipe::kDefaultCapacity)));
    CHECK(pipe.total_written() == BodyPipe::kDefaultCapacity);
    // A little is put together.
    CHECK(pipe.write(all.first(BodyPipe::kWorthSparing - 1)) == BodyPipe::kWorthSparing - 1);
    CHECK(taker.offered == std::vector{BodyPipe::kDefaultCapacity});
    CHECK(bytes.count == 1);
    // And what follows it stays behind it.
    CHECK(pipe.write(all.first(20'000)) == 20'000);
    CHECK(taker.offered.size() == 1);
    CHECK(pipe.readable().size() == BodyPipe::kWorthSparing - 1 + 20'000);
  }
  SUBCASE("a part of it") {
    SomeTaker taker(1000);
    pipe.set_taker(taker);
    CHECK(pipe.write(all.first(30'000)) == 30'000);
    CHECK(bytes.count == 1);
    CHECK(std::ranges::equal(taker.taken, all.first(1000)));
    CHECK(std::ranges::equal(pipe.readable(), all.subspan(1000, 29'000)));
    CHECK(pipe.total_written() == 30'000);
  }
  SUBCASE("not once it has stopped reading") {
    SomeTaker taker(SIZE_MAX);
    pipe.set_taker(taker);
    pipe.stop_reading();
    CHECK(pipe.write(all) == 0);
    CHECK(taker.offered.empty());
  }
}

/// Reads no more after the first part it is offered.
struct LeavingTaker final : BodyPipe::Taker {
  explicit LeavingTaker(BodyPipe& pipe) : pipe(pipe) {}
  std::size_t take(ByteView) override {
    pipe.stop_reading();
    return 1000;
  }
  BodyPipe& pipe;
};

TEST_CASE("a taker and its pipe end in any order") {
  const Bytes data(20'000, 'x');
  SUBCASE("the taker first") {
    BodyPipe pipe;
    {
      SomeTaker taker(SIZE_MAX);
      pipe.set_taker(taker);
    }
    CHECK(pipe.write(data) == data.size());
    CHECK(pipe.readable().size() == data.size());
  }
  SUBCASE("the pipe first") {
    SomeTaker taker(SIZE_MAX);
    {
      BodyPipe pipe;
      pipe.set_taker(taker);
    }
    BodyPipe next;
    next.set_taker(taker);
    CHECK(next.write(data) == data.size());
    CHECK(taker.offered == std::vector{data.size()});
  }
  SUBCASE("another one takes") {
    BodyPipe pipe;
    SomeTaker second(SIZE_MAX);
    {
      SomeTaker first(SIZE_MAX);
      pipe.set_taker(first);
      pipe.set_taker(second);
    }
    CHECK(pipe.write(data) == data.size());
    CHECK(second.offered == std::vector{data.size()});
  }
  SUBCASE("it takes from another pipe") {
    BodyPipe before;
    BodyPipe pipe;
    SomeTaker taker(SIZE_MAX);
    before.set_taker(taker);
    pipe.set_taker(taker);
    CHECK(before.write(data) == data.size());
    CHECK(taker.offered.empty());
  }
  SUBCASE("it leaves while it takes") {
    BodyPipe pipe;
    LeavingTaker taker(pipe);
    pipe.set_taker(taker);
    CHECK(pipe.write(data) == data.size());
    CHECK(pipe.readable().empty());
    CHECK(pipe.write(data) == 0);
  }
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
