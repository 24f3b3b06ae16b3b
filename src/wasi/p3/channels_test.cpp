#include "wasi/p3/channels.hpp"

#include "base/local_ptr.hpp"
#include "wasi/p2/http_body.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

namespace whorl::wasi::p3 {
namespace {

/// Remembers where the bytes were that it was offered.
struct Taker final : http::BodyPipe::Taker {
  std::size_t take(ByteView data) override {
    seen.push_back(data.data());
    taken.insert(taken.end(), data.begin(), data.end());
    return data.size();
  }
  std::vector<const std::uint8_t*> seen;
  Bytes taken;
};

Bytes counted(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<std::uint8_t>(i % 251);
  }
  return bytes;
}

/// A body that is passed on to another as it comes, without a guest between.
struct Passing {
  Passing() {
    auto source =
        make_local<p2::BodySource>(make_local<p2::IncomingBodyState>(from, p2::MessageKind::Request)
        );
    write_to(
        read_from(std::move(source), [](std::unique_ptr<IoError>) {}),
        make_local<p2::BodySink>(out),
        [this](WriteEnd end) { ended = end.how; }
    );
  }
  LocalPtr<http::BodyPipe> from = make_local<http::BodyPipe>();
  LocalPtr<p2::OutgoingBodyState> out =
      make_local<p2::OutgoingBodyState>(p2::MessageKind::Request, std::nullopt, MemoryCharge());
  std::optional<WriteEnd::How> ended;
};

TEST_CASE("bytes that are passed on are taken where they came in") {
  Passing passing;
  Taker taker;
  http::BodyPipe& to = *passing.out->pipe();
  to.set_taker(taker);
  const Bytes data = counted(40'000);
  const MutableByteView room = passing.from->lend(data.size());
  std::ranges::copy(data, room.begin());
  passing.from->commit(data.size());
  CHECK((taker.seen == std::vector<const std::uint8_t*>{room.data()}));
  CHECK((taker.taken == data));
  CHECK(passing.from->readable().empty());
  CHECK(to.readable().empty());
  passing.from->finish();
  CHECK(passing.ended == WriteEnd::How::Finished);
}

TEST_CASE("bytes that are passed on wait where they came in") {
  Passing passing;
  http::BodyPipe& to = *passing.out->pipe();
  const Bytes data = counted(http::BodyPipe::kDefaultCapacity);
  CHECK(passing.from->write(data) == data.size());
  CHECK(passing.from->readable().empty());
  CHECK(to.readable().size() == data.size());
  CHECK(passing.from->write(ByteView(data).first(1000)) == 1000);
  CHECK(passing.from->readable().size() == 1000);

  SUBCASE("for room") {
    to.consume(data.size());
    CHECK(passing.from->readable().empty());
    CHECK(std::ranges::equal(to.readable(), ByteView(data).first(1000)));
    CHECK_FALSE(passing.ended);
    // What is passed on keeps itself alive until an end.
    passing.from->finish();
    CHECK(passing.ended == WriteEnd::How::Finished);
  }
  SUBCASE("until nobody wants them") {
    to.stop_reading();
    CHECK(passing.ended == WriteEnd::How::SinkClosed);
    CHECK(passing.from->reader_gone());
  }
}

}  // namespace
}  // namespace whorl::wasi::p3
