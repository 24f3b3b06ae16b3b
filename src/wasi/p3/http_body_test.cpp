#include "wasi/p3/http_body.hpp"

#include "wasi/test_support.hpp"
#include "wit/wasi_http_types_p3_abi.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <utility>

namespace whorl::wasi::p3 {
namespace {

/// A guest's response on its way, and what the guest is told became of it.
struct Answer : test::Scene {
  explicit Answer(std::optional<std::uint64_t> announced) {
    auto [body, told] = MessageBody::of_guest(
        read_from(
            make_local<p2::BodySource>(
                make_local<p2::IncomingBodyState>(contents, MessageKind::Request)
            ),
            [](std::unique_ptr<IoError>) {}
        ),
        trailers.reader()
    );
    told.consume(std::make_unique<Told>(sent));
    pipe = *body.send(around, MessageKind::Response, announced);
  }

  class Told final : public component::FutureConsumer<Sent> {
   public:
    explicit Told(std::optional<Sent>& to) noexcept : to_(to) {}
    void resolved(Sent value) override { to_ = std::move(value); }
    void dropped() override {}

   private:
    std::optional<Sent>& to_;
  };

  component::FutureWriter<Trailers> trailers;
  LocalPtr<http::BodyPipe> contents = make_local<http::BodyPipe>();  ///< what the guest writes
  LocalPtr<http::BodyPipe> pipe;                                     ///< what the client reads
  std::optional<Sent> sent;
};

TEST_CASE("a body was sent when its reader has all of it and the guest has ended it") {
  Answer answer(std::nullopt);
  answer.contents->write(as_bytes("hello"));
  answer.contents->finish();
  answer.pipe->consume(5);
  CHECK_FALSE(answer.sent);
  answer.trailers.resolve(std::nullopt);
  REQUIRE(answer.sent);
  CHECK(answer.sent->has_value());
}

TEST_CASE("a body was sent when its reader has what was announced, though it goes then") {
  Answer answer(5);
  answer.contents->write(as_bytes("hello"));
  answer.pipe->consume(5);
  answer.pipe->finish_reading();
  REQUIRE(answer.sent);
  CHECK(answer.sent->has_value());
  answer.contents->finish();
  answer.trailers.resolve(std::nullopt);
  CHECK_FALSE(answer.pipe->failure());
}

TEST_CASE("an answer to HEAD was sent, whatever the guest goes on to write") {
  Answer answer(std::nullopt);
  answer.pipe->finish_reading();
  answer.contents->write(as_bytes("hello"));
  REQUIRE(answer.sent);
  CHECK(answer.sent->has_value());
  CHECK(answer.contents->reader_gone());
  CHECK_FALSE(answer.pipe->failure());
}

TEST_CASE("a body was not sent when its reader goes before") {
  Answer answer(5);
  answer.contents->write(as_bytes("hello"));
  answer.pipe->stop_reading();
  REQUIRE(answer.sent);
  CHECK(answer.sent->error() == ErrorCode::connection_terminated());
  // What flows from host to host keeps itself alive until its end.
  answer.contents->finish();
}

}  // namespace
}  // namespace whorl::wasi::p3
