#include "wasi/p2/streams.hpp"

#include "wasi/p2/http_body.hpp"
#include "wasi/p2/poll.hpp"
#include "wasi/test_support.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

namespace whorl::wasi::p2 {
namespace {

using test::Scene;
using Tag = StreamError::Tag;

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

std::string str(const StreamResult<Bytes>& result) {
  REQUIRE(result);
  REQUIRE(*result);
  return std::string(as_text(**result));
}
template <class T>
T value(const StreamResult<T>& result) {
  REQUIRE(result);
  REQUIRE(*result);
  return **result;
}
template <class T>
bool is_good(const StreamResult<T>& result) {
  return result && *result;
}
template <class T>
bool is_closed(const StreamResult<T>& result) {
  return result && !*result && result->error().tag == Tag::Closed;
}
template <class T>
bool is_trap(const StreamResult<T>& result) {
  return !result && result.error().kind == engine::TrapKind::HostTrap;
}
template <class T>
std::optional<ErrorCode> failed_with(const StreamResult<T>& result) {
  REQUIRE(result);
  REQUIRE_FALSE(*result);
  REQUIRE(result->error().tag == Tag::LastOperationFailed);
  auto& error = *result->error().template as<component::Own<wit::wasi_io_error::Error>>();
  return static_cast<const IoError&>(error).http_code();
}

/// A body that a guest reads, with the side that writes it.
struct Incoming : Scene {
  LocalPtr<http::BodyPipe> pipe = make_local<http::BodyPipe>();
  LocalPtr<BodySource> source =
      make_local<BodySource>(make_local<IncomingBodyState>(pipe, MessageKind::Request));
  InputStream stream{timers, source};
  void put(std::string_view text) { CHECK(pipe->write(as_bytes(text)) == text.size()); }
};

/// A body that a guest writes, with the side that reads it.
struct Outgoing : Scene {
  explicit Outgoing(std::optional<std::uint64_t> announced = std::nullopt)
      : body(make_local<OutgoingBodyState>(MessageKind::Response, announced, MemoryCharge())) {}
  LocalPtr<OutgoingBodyState> body;
  OutputStream stream{timers, make_local<BodySink>(body)};
  http::BodyPipe& pipe() { return *body->pipe(); }
  std::string take() {
    std::string text(as_text(pipe().readable()));
    pipe().consume(text.size());
    return text;
  }
  StreamResult<void> write(std::string_view text) { return stream.write(call, as_bytes(text)); }
};

TEST_CASE("read gives what is there, at most what was asked for") {
  Incoming in;
  CHECK(str(in.stream.read(in.call, 10)).empty());
  CHECK(in.pipe->is_demanded());
  in.put("hello world");
  CHECK(str(in.stream.read(in.call, 0)).empty());
  CHECK(str(in.stream.read(in.call, 5)) == "hello");
  CHECK(str(in.stream.read(in.call, kHuge)) == " world");
  CHECK(str(in.stream.read(in.call, kHuge)).empty());
  in.pipe->finish();
  CHECK(is_closed(in.stream.read(in.call, 0)));
  CHECK(is_closed(in.stream.read(in.call, kHuge)));
  CHECK(is_closed(in.stream.blocking_read(in.call, 1)));
}

TEST_CASE("one read never gives more than its bound") {
  Scene scene;
  auto pipe = make_local<http::BodyPipe>(4 * kMaxRead);
  InputStream stream(
      scene.timers,
      make_local<BodySource>(make_local<IncomingBodyState>(pipe, MessageKind::Request))
  );
  pipe->write(Bytes(3 * kMaxRead, 'x'));
  CHECK(str(stream.read(scene.call, kHuge)).size() == kMaxRead);
  CHECK(value(stream.skip(scene.call, kHuge)) == kMaxRead);
}

TEST_CASE("bytes before the end are read before it is seen") {
  Incoming in;
  in.put("abc");
  in.pipe->finish();
  CHECK(str(in.stream.blocking_read(in.call, 2)) == "ab");
  CHECK(str(in.stream.blocking_read(in.call, 2)) == "c");
  CHECK(is_closed(in.stream.blocking_read(in.call, 2)));
  CHECK(in.fiber.parks() == 0);
}

TEST_CASE("a blocking read waits for bytes") {
  Incoming in;
  in.fiber.then([&] { in.put("late"); });
  CHECK(str(in.stream.blocking_read(in.call, 100)) == "late");
  CHECK(in.fiber.parks() == 1);
  in.fiber.then([&] { in.put("skipped"); });
  CHECK(value(in.stream.blocking_skip(in.call, 100)) == 7);
  in.fiber.then([&] { in.pipe->finish(); });
  CHECK(is_closed(in.stream.blocking_read(in.call, 0)));
}

TEST_CASE("a failure is told once, then the stream is closed") {
  struct Row {
    ErrorKind why;
    ErrorCode expected;
  };
  const Row rows[] = {
      {ErrorKind::Disconnected, ErrorCode::connection_terminated()},
      {ErrorKind::DeadlineExceeded, ErrorCode::connection_read_timeout()},
      {ErrorKind::InvalidInput, ErrorCode::http_protocol_error()},
      {ErrorKind::ResourceLimit, ErrorCode::http_request_body_size(std::nullopt)},
  };
  for (const Row& row : rows) {
    Incoming in;
    in.put("ab");
    in.pipe->fail(row.why);
    CHECK(str(in.stream.read(in.call, 9)) == "ab");
    CHECK(failed_with(in.stream.blocking_read(in.call, 9)) == row.expected);
    CHECK(is_closed(in.stream.blocking_read(in.call, 9)));
    CHECK(is_closed(in.stream.skip(in.call, 9)));
  }
}

TEST_CASE("the pollable of an input-stream outlives it") {
  Scene scene;
  auto pipe = make_local<http::BodyPipe>();
  auto stream = std::make_unique<InputStream>(
      scene.timers,
      make_local<BodySource>(make_local<IncomingBodyState>(pipe, MessageKind::Request))
  );
  auto pollable = *stream->subscribe(scene.call);
  CHECK(*pollable->ready(scene.call) == false);
  stream.reset();
  CHECK_FALSE(pipe->reader_gone());
  pipe->write(Bytes(1, 'x'));
  CHECK(*pollable->ready(scene.call) == true);
  CHECK(pollable->block(scene.call));
  pollable.reset();
  CHECK(pipe->reader_gone());
}

TEST_CASE("poll over several pollables gives the ready ones") {
  Incoming first;
  Incoming second;
  auto a = *first.stream.subscribe(first.call);
  auto b = *second.stream.subscribe(second.call);
  PollHost host(first.timers);
  first.fiber.then([&] { second.put("x"); });
  CHECK(*host.poll(first.call, {a.get(), b.get(), b.get()}) == std::vector<std::uint32_t>{1, 2});
  CHECK_FALSE(host.poll(first.call, {}));
  CHECK_FALSE(host.poll(first.start_call, {a.get()}));
  CHECK_FALSE(host.poll(first.call, std::vector<wit::wasi_io_poll::Pollable*>(65'537, a.get())));
}

TEST_CASE("check-write tells the room, write beyond it ends the guest") {
  Outgoing out;
  const std::uint64_t room = http::BodyPipe::kServedCapacity;
  CHECK(value(out.stream.check_write(out.call)) == room);
  CHECK(is_good(out.write("")));
  CHECK(is_good(out.write("hello")));
  CHECK(value(out.stream.check_write(out.call)) == room - 5);
  CHECK(is_trap(out.stream.write(out.call, Bytes(room - 4, 'x'))));
  CHECK(is_good(out.stream.write(out.call, Bytes(room - 5, 'x'))));
  CHECK(value(out.stream.check_write(out.call)) == 0);
  CHECK(is_trap(out.write("x")));
  CHECK(out.take().size() == room);
  CHECK(value(out.stream.check_write(out.call)) == room);
}

TEST_CASE("write-zeroes") {
  Outgoing out;
  CHECK(is_good(out.stream.write_zeroes(out.call, 10'000)));
  CHECK(out.take() == std::string(10'000, '\0'));
  CHECK(is_trap(out.stream.write_zeroes(out.call, kHuge)));
  CHECK(is_trap(out.stream.write_zeroes(out.call, http::BodyPipe::kServedCapacity + 1)));
  CHECK(is_good(out.stream.write_zeroes(out.call, 0)));
  CHECK(is_good(out.stream.blocking_write_zeroes_and_flush(out.call, 4096)));
  CHECK(out.take().size() == 4096);
  CHECK(is_trap(out.stream.blocking_write_zeroes_and_flush(out.call, 4097)));
}

TEST_CASE("a blocking write does not wait while there is room") {
  Outgoing out;
  for (std::size_t room = http::BodyPipe::kServedCapacity; room > 0;) {
    const std::size_t count = std::min<std::size_t>(room, 4096);
    CHECK(is_good(out.stream.blocking_write_and_flush(out.start_call, Bytes(count, 'a'))));
    room -= count;
  }
  CHECK(out.pipe().readable().size() == http::BodyPipe::kServedCapacity);
  CHECK(is_trap(out.stream.blocking_write_and_flush(out.call, Bytes(4097, 'a'))));
}

TEST_CASE("a blocking write waits for room, piece by piece") {
  Outgoing out;
  out.pipe().write(Bytes(http::BodyPipe::kServedCapacity - 2, 'x'));
  Bytes contents{'a', 'b', 'c', 'd', 'e', 'f'};
  out.fiber.then([&] {
    // What the guest's memory holds may change while it waits.
    contents.assign(6, '!');
    out.pipe().consume(1);
  });
  out.fiber.then([&] { out.pipe().consume(out.pipe().readable().size()); });
  CHECK(is_good(out.stream.blocking_write_and_flush(out.call, contents)));
  CHECK(out.fiber.parks() == 2);
  CHECK(out.take() == "def");
}

TEST_CASE("a stream whose reader went away is closed") {
  Outgoing out;
  out.pipe().write(Bytes(http::BodyPipe::kServedCapacity, 'x'));
  auto pollable = *out.stream.subscribe(out.call);
  CHECK(*pollable->ready(out.call) == false);
  out.fiber.then([&] { out.pipe().stop_reading(); });
  CHECK(is_closed(out.stream.blocking_write_and_flush(out.call, Bytes(1, 'y'))));
  CHECK(*pollable->ready(out.call) == true);
  CHECK(is_closed(out.stream.check_write(out.call)));
  CHECK(is_closed(out.write("x")));
  CHECK(is_closed(out.stream.write(out.call, Bytes(1'000'000, 'x'))));
  CHECK(is_closed(out.stream.flush(out.call)));
  CHECK(is_closed(out.stream.blocking_flush(out.call)));
  CHECK(is_closed(out.stream.write_zeroes(out.call, 1)));
}

TEST_CASE("a flush completes at once; a blocking one waits until there is room") {
  Outgoing out;
  CHECK(is_good(out.stream.flush(out.call)));
  CHECK(is_good(out.stream.blocking_flush(out.start_call)));
  out.pipe().write(Bytes(http::BodyPipe::kServedCapacity, 'x'));
  out.fiber.then([&] { out.pipe().consume(1); });
  CHECK(is_good(out.stream.blocking_flush(out.call)));
  CHECK(out.fiber.parks() == 1);
}

TEST_CASE("more than content-length announced is an error, and the reader gets what was announced"
) {
  Outgoing out(5);
  CHECK(is_good(out.write("abc")));
  CHECK(failed_with(out.write("defgh")) == ErrorCode::http_response_body_size(8));
  CHECK(is_closed(out.write("x")));
  CHECK(is_closed(out.stream.check_write(out.call)));
  CHECK(*(*out.stream.subscribe(out.call))->ready(out.call));
  CHECK(out.take() == "abcde");
  CHECK(out.pipe().at_end());
  CHECK(out.body->finish(nullptr).error() == ErrorCode::http_response_body_size(8));
  CHECK_FALSE(out.pipe().failure());
}

TEST_CASE("splice moves what both sides allow") {
  Incoming in;
  Outgoing out;
  CHECK(value(out.stream.splice(out.call, in.stream, 10)) == 0);
  in.put("hello");
  CHECK(value(out.stream.splice(out.call, in.stream, 0)) == 0);
  CHECK(value(out.stream.splice(out.call, in.stream, 2)) == 2);
  CHECK(value(out.stream.splice(out.call, in.stream, kHuge)) == 3);
  CHECK(out.take() == "hello");
  out.pipe().write(Bytes(http::BodyPipe::kServedCapacity, 'x'));
  in.put("more");
  CHECK(value(out.stream.splice(out.call, in.stream, 4)) == 0);
  out.fiber.then([&] { out.pipe().consume(3); });
  CHECK(value(out.stream.blocking_splice(out.call, in.stream, kHuge)) == 3);
  out.take();
  CHECK(value(out.stream.blocking_splice(out.call, in.stream, kHuge)) == 1);
  in.pipe->finish();
  CHECK(is_closed(out.stream.blocking_splice(out.call, in.stream, 1)));
  out.pipe().stop_reading();
  CHECK(is_closed(out.stream.splice(out.call, in.stream, 1)));
}

TEST_CASE("a blocking splice waits for both sides") {
  Incoming in;
  Outgoing out;
  out.fiber.then([&] { in.put("x"); });
  CHECK(value(out.stream.blocking_splice(out.call, in.stream, 8)) == 1);
  in.pipe->fail(ErrorKind::Disconnected);
  CHECK(
      failed_with(out.stream.blocking_splice(out.call, in.stream, 8)) ==
      ErrorCode::connection_terminated()
  );
}

TEST_CASE("standard output goes to its sink and waits for it") {
  Scene scene;
  OutputStream stream(scene.timers, make_local<OutputSinkStream>(scene.out));
  CHECK(is_good(stream.blocking_write_and_flush(scene.call, as_bytes("line\n"))));
  CHECK(scene.out.text == "line\n");
  scene.out.capacity = 7;
  scene.fiber.then([&] {
    scene.out.text.clear();
    scene.out.event.notify();
  });
  CHECK(is_good(stream.blocking_write_and_flush(scene.call, as_bytes("abcd"))));
  CHECK(scene.out.text == "cd");
  CHECK(is_trap(stream.write(scene.call, as_bytes("too long"))));
}

TEST_CASE("an error's text is for people") {
  Scene scene;
  IoError error("the body was cut off");
  CHECK(*error.to_debug_string(scene.call) == "the body was cut off");
  CHECK_FALSE(error.http_code());
}

}  // namespace
}  // namespace whorl::wasi::p2
