#include "wasi/p2/http_outgoing.hpp"

#include "wasi/p2/http_test_support.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::wasi::p2 {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): a test

// --- outgoing requests ---------------------------------------------------------------------------

TEST_CASE("an outgoing request checks its parts") {
  Service service;
  auto request = *service.host.outgoing_request_new(service.call, service.fields());
  CHECK(*request->method(service.call) == types::Method::get());
  CHECK(*request->path_with_query(service.call) == std::nullopt);
  CHECK(*request->scheme(service.call) == std::nullopt);
  CHECK(*request->authority(service.call) == std::nullopt);
  CHECK(*request->set_method(service.call, types::Method::other("FOO")));
  CHECK_FALSE(*request->set_method(service.call, types::Method::other("")));
  CHECK_FALSE(*request->set_method(service.call, types::Method::other("A B")));
  CHECK(*request->method(service.call) == types::Method::other("FOO"));
  CHECK(*request->set_path_with_query(service.call, "/x?y"));
  CHECK_FALSE(*request->set_path_with_query(service.call, "http://evil/"));
  CHECK_FALSE(*request->set_path_with_query(service.call, "/" + std::string(65'534, 'x')));
  CHECK(*request->path_with_query(service.call) == "/x?y");
  CHECK(*request->set_authority(service.call, "example.org"));
  CHECK_FALSE(*request->set_authority(service.call, "exa mple"));
  CHECK(*request->authority(service.call) == "example.org");
  CHECK(*request->set_authority(service.call, std::nullopt));
  CHECK(*request->authority(service.call) == std::nullopt);
  CHECK_FALSE(*request->set_scheme(service.call, types::Scheme::other("1x")));
  CHECK(*request->set_scheme(service.call, types::Scheme::https()));
  CHECK(*request->scheme(service.call) == types::Scheme::https());
  CHECK(service.memory.used() == std::string("FOO/x?y").size());
  request.reset();
  CHECK(service.memory.used() == 0);
}

TEST_CASE("request options keep what they are given") {
  Service service;
  auto options = *service.host.request_options_new(service.call);
  CHECK(*options->connect_timeout(service.call) == std::nullopt);
  CHECK(*options->set_connect_timeout(service.call, 1));
  CHECK(*options->set_first_byte_timeout(service.call, ~std::uint64_t{0}));
  CHECK(*options->set_between_bytes_timeout(service.call, 3));
  CHECK(*options->connect_timeout(service.call) == 1);
  CHECK(*options->first_byte_timeout(service.call) == ~std::uint64_t{0});
  CHECK(*options->between_bytes_timeout(service.call) == 3);
  CHECK(*options->set_between_bytes_timeout(service.call, std::nullopt));
  CHECK(*options->between_bytes_timeout(service.call) == std::nullopt);
}

TEST_CASE("requests are denied through the future, unsound ones at once") {
  Service service;
  const InstanceContext context{service.timers, service.out, service.err, {}};
  OutgoingHandlerHost handler(service.around, context);
  auto request = *service.host.outgoing_request_new(service.call, service.fields());
  auto body = *request->body(service.call);
  auto stream = *(*body)->write(service.call);
  auto future = *handler.handle(service.call, std::move(request), std::nullopt);
  REQUIRE(future);
  CHECK(*(*(*future)->subscribe(service.call))->ready(service.call));
  auto got = *(*future)->get(service.call);
  REQUIRE(got);
  REQUIRE(*got);
  CHECK((**got).error() == ErrorCode::http_request_denied());
  CHECK_FALSE(*(*(*future)->get(service.call)));
  CHECK_FALSE(*(*stream)->check_write(service.call));

  auto headers = service.fields();
  service.append(*headers, "content-length", "5");
  request = *service.host.outgoing_request_new(service.call, std::move(headers));
  CHECK(
      handler.handle(service.call, std::move(request), std::nullopt)->error() ==
      ErrorCode::http_request_body_size(0)
  );
  request = *service.host.outgoing_request_new(service.call, service.fields());
  REQUIRE(*request->set_scheme(service.call, types::Scheme::other("ftp")));
  CHECK(
      handler.handle(service.call, std::move(request), std::nullopt)->error() ==
      ErrorCode::http_protocol_error()
  );
}

TEST_CASE("a response arrives through its future, once") {
  Service service;
  const auto exchange =
      std::make_shared<http::ClientExchange>(http::Request{}, http::ClientTimeouts{});
  FutureIncomingResponse future(
      service.around, make_local<PendingResponse>(exchange, MemoryCharge())
  );
  CHECK_FALSE(future.get(service.call)->has_value());
  auto pollable = *future.subscribe(service.call);
  auto pipe = make_local<http::BodyPipe>();
  service.fiber.then([&] {
    http::Response response{.status = 201, .fields = {}, .body = pipe};
    response.fields.append("Connection", "close");
    response.fields.append("X-A", "1");
    exchange->resolve(std::move(response));
  });
  CHECK(pollable->block(service.call));
  auto got = *future.get(service.call);
  types::IncomingResponse& response = ****got;
  CHECK(*response.status(service.call) == 201);
  CHECK(text_of(*(*response.headers(service.call))->entries(service.call)) == "x-a=1;");
  auto body = *response.consume(service.call);
  REQUIRE(body);
  CHECK_FALSE(*response.consume(service.call));
  CHECK_FALSE(pipe->reader_gone());
  body->reset();
  CHECK(pipe->reader_gone());
  CHECK_FALSE(*(*future.get(service.call)));
}

TEST_CASE("http-error-code finds the HTTP error behind a stream's") {
  Service service;
  IoError plain("text");
  IoError coded("text", ErrorCode::http_protocol_error());
  CHECK(*service.host.http_error_code(service.call, plain) == std::nullopt);
  CHECK(*service.host.http_error_code(service.call, coded) == ErrorCode::http_protocol_error());
}

}  // namespace
}  // namespace whorl::wasi::p2
