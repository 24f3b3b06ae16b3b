#include "wasi/p2/http_body.hpp"

#include "wasi/p2/http_test_support.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::wasi::p2 {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): a test

// --- trailers ------------------------------------------------------------------------------------

struct Trailing : Service {
  Trailing() {
    auto guest = make_incoming_request(around, exchange);
    pipe = exchange->request().body;
    body = *std::move(*guest->consume(call));
  }
  LocalPtr<http::BodyPipe> pipe;
  Own<types::IncomingBody> body;
};

TEST_CASE("finish traps while the stream is alive") {
  Trailing scene;
  auto stream = *scene.body->stream(scene.call);
  CHECK_FALSE(scene.host.incoming_body_finish(scene.call, std::move(scene.body)));
}

TEST_CASE("trailers arrive after the body and are taken once") {
  Trailing scene;
  {
    auto stream = *scene.body->stream(scene.call);
  }
  auto future = *scene.host.incoming_body_finish(scene.call, std::move(scene.body));
  scene.pipe->write(Bytes(10, 'x'));
  CHECK_FALSE(future->get(scene.call)->has_value());
  CHECK(scene.pipe->is_demanded());
  CHECK(scene.pipe->readable().empty());  // what nobody reads does not stand in the way
  auto pollable = *future->subscribe(scene.call);
  scene.fiber.then([&] { scene.pipe->write(Bytes(10, 'y')); });
  scene.fiber.then([&] {
    auto trailers = std::make_unique<http::Fields>();
    trailers->append("X-Sum", "42");
    trailers->append("Connection", "close");
    scene.pipe->finish(std::move(trailers));
  });
  CHECK(pollable->block(scene.call));
  auto got = *future->get(scene.call);
  REQUIRE(got);
  REQUIRE(*got);
  REQUIRE(**got);
  REQUIRE(***got);
  types::Fields& fields = *****got;
  CHECK(text_of(*fields.entries(scene.call)) == "x-sum=42;");
  CHECK(refusal(fields.append(scene.call, "a", {})) == HeaderTag::Immutable);
  auto again = *future->get(scene.call);
  REQUIRE(again);
  CHECK_FALSE(*again);
}

TEST_CASE("a body without trailers, and one that is cut") {
  {
    Trailing scene;
    scene.pipe->finish();
    auto future = *scene.host.incoming_body_finish(scene.call, std::move(scene.body));
    auto got = *future->get(scene.call);
    CHECK(***got == std::nullopt);
  }
  Trailing scene;
  scene.pipe->fail(ErrorKind::Disconnected);
  auto future = *scene.host.incoming_body_finish(scene.call, std::move(scene.body));
  auto got = *future->get(scene.call);
  CHECK((**got).error() == ErrorCode::connection_terminated());
}

// --- outgoing-body -------------------------------------------------------------------------------

TEST_CASE("a body and its stream are there once; finish wants the stream gone") {
  Service service;
  auto response = service.response(service.fields());
  auto body = *response->body(service.call);
  CHECK_FALSE(*response->body(service.call));
  auto stream = *(*body)->write(service.call);
  CHECK_FALSE(*(*body)->write(service.call));
  auto finished = service.finish(std::move(*body));
  CHECK_FALSE(finished);
}

TEST_CASE("trailers go out with the body") {
  Service service;
  auto response = service.response(service.fields());
  auto body = *response->body(service.call);
  service.set(std::move(response));
  auto trailers = service.fields();
  service.append(*trailers, "x-sum", "42");
  REQUIRE(*service.finish(std::move(*body), std::move(trailers)));
  auto& pipe = *service.exchange->response().body;
  REQUIRE(pipe.at_end());
  CHECK(pipe.take_trailers()->find("x-sum") == "42");
}

TEST_CASE("a body is held to its content-length") {
  struct Row {
    const char* announced;
    std::string_view text;
    std::optional<ErrorCode> expected;
  };
  const Row rows[] = {
      {"5", "hello", std::nullopt},
      {"0", "", std::nullopt},
      {"5", "hell", ErrorCode::http_response_body_size(4)},
      {"5", "", ErrorCode::http_response_body_size(0)},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    Service service;
    auto headers = service.fields();
    service.append(*headers, "content-length", row.announced);
    auto response = service.response(std::move(headers));
    auto body = *response->body(service.call);
    service.set(std::move(response));
    service.write(*body, row.text);
    auto finished = service.finish(std::move(*body));
    REQUIRE(finished);
    CHECK(finished->has_value() == !row.expected);
    if (row.expected) {
      CHECK(finished->error() == *row.expected);
    }
    CHECK(service.exchange->response().body->failure().has_value() == row.expected.has_value());
  }
}

TEST_CASE("a body is not closed to its guest since all that was announced has been taken") {
  Service service;
  auto headers = service.fields();
  service.append(*headers, "content-length", "5");
  auto response = service.response(std::move(headers));
  auto body = *response->body(service.call);
  service.set(std::move(response));
  auto& pipe = *service.exchange->response().body;
  auto stream = *(*body)->write(service.call);
  REQUIRE((*(*stream)->write(service.call, as_bytes("hello"))).has_value());
  pipe.consume(5);

  SUBCASE("it may be flushed and finished") {
    pipe.finish_reading();
    CHECK((*(*stream)->blocking_flush(service.call)).has_value());
    CHECK((*(*stream)->check_write(service.call)).value_or(0) > 0);
    stream->reset();
    const auto finished = service.finish(std::move(*body));
    REQUIRE(finished);
    CHECK(finished->has_value());
    CHECK_FALSE(pipe.failure());
  }
  SUBCASE("one byte more is one too many") {
    pipe.finish_reading();
    const auto told = *(*stream)->write(service.call, as_bytes("!"));
    REQUIRE_FALSE(told);
    CHECK(told.error().tag == wit::wasi_io_streams::StreamError::Tag::LastOperationFailed);
    CHECK_FALSE(*(*stream)->check_write(service.call));
  }
  SUBCASE("it is closed when its reader goes without") {
    pipe.stop_reading();
    CHECK_FALSE(*(*stream)->blocking_flush(service.call));
    CHECK_FALSE(*(*stream)->check_write(service.call));
  }
}

TEST_CASE("a body that is dropped without finish is cut") {
  Service service;
  auto response = service.response(service.fields());
  auto body = *response->body(service.call);
  auto stream = *(*body)->write(service.call);
  service.set(std::move(response));
  REQUIRE(**(*stream)->check_write(service.call) > 0);
  body->reset();
  CHECK(service.exchange->response().body->failure() == ErrorKind::Disconnected);
  CHECK_FALSE(*(*stream)->check_write(service.call));
  CHECK(service.state->conclude() == nullptr);
  CHECK(service.exchange->response().body->failure());
}

TEST_CASE("a body that is left open when the call returns ends with it") {
  struct Row {
    const char* announced;
    bool cut;
  };
  for (const Row& row : {Row{nullptr, false}, Row{"5", false}, Row{"6", true}}) {
    Service service;
    auto headers = service.fields();
    if (row.announced != nullptr) {
      service.append(*headers, "content-length", row.announced);
    }
    auto response = service.response(std::move(headers));
    auto body = *response->body(service.call);
    service.set(std::move(response));
    service.write(*body, "hello");
    CHECK(service.state->conclude() == nullptr);
    CHECK(service.exchange->response().body->is_ended());
    CHECK(service.exchange->response().body->failure().has_value() == row.cut);
  }
}

TEST_CASE("a body of a response that is never sent takes nothing") {
  Service service;
  auto response = service.response(service.fields());
  auto body = *response->body(service.call);
  auto stream = *(*body)->write(service.call);
  response.reset();
  CHECK_FALSE(*(*stream)->check_write(service.call));
}

}  // namespace
}  // namespace whorl::wasi::p2
