#include "wasi/p2/http_incoming.hpp"

#include "wasi/p2/http_test_support.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::wasi::p2 {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): a test

// --- the shortest service ------------------------------------------------------------------------

TEST_CASE("a hello of nine calls") {
  Service service;
  auto headers = service.fields();
  service.append(*headers, "Content-Type", "text/plain");
  auto response = service.response(std::move(headers));
  auto body = *response->body(service.call);
  REQUIRE(body);
  service.write(*body, "Hello, ");
  service.set(std::move(response));
  REQUIRE(service.exchange->has_response());
  CHECK(service.exchange->response().status == 200);
  CHECK(
      service.exchange->response().fields.lines() ==
      std::vector<http::Field>{{"content-type", "text/plain"}}
  );
  CHECK(service.sent() == "Hello, ");
  CHECK_FALSE(service.exchange->response().body->is_ended());
  auto finished = service.finish(std::move(*body));
  REQUIRE(finished);
  REQUIRE(*finished);
  CHECK(service.exchange->response().body->is_ended());
  CHECK_FALSE(service.exchange->response().body->failure());
  CHECK(service.state->conclude() == nullptr);
  CHECK(service.fiber.parks() == 0);
  CHECK(service.memory.used() == http::BodyPipe::kServedCapacity);
  service.state.reset();
  CHECK(service.memory.used() == 0);
}

TEST_CASE("a response without a body is complete at once") {
  Service service;
  auto response = service.response(service.fields());
  CHECK(*response->status_code(service.call) == 200);
  REQUIRE(*response->set_status_code(service.call, 404));
  service.set(std::move(response));
  CHECK(service.exchange->response().status == 404);
  CHECK(service.exchange->response().body->at_end());
  CHECK(service.state->conclude() == nullptr);
}

// --- incoming-request ----------------------------------------------------------------------------

TEST_CASE("a guest sees the request without the host's own fields") {
  http::Request request;
  request.method = "POST";
  request.scheme = http::Scheme::Https;
  request.authority = "example.org:8080";
  request.path_and_query = "/a?b=c";
  for (const char* name :
       {"Host",
        "Connection",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Proxy-Connection",
        "Transfer-Encoding",
        "Upgrade",
        "HTTP2-Settings"}) {
    request.fields.append(name, "x");
  }
  request.fields.append("Content-Length", "3");
  request.fields.append("X-A", "1");
  request.fields.append("spin-path-info", "/a");
  Service service(std::move(request));
  auto guest = make_incoming_request(service.around, service.exchange);
  CHECK(*guest->method(service.call) == types::Method::post());
  CHECK(*guest->path_with_query(service.call) == "/a?b=c");
  CHECK(*guest->scheme(service.call) == types::Scheme::http());
  CHECK(*guest->authority(service.call) == "example.org:8080");
  auto headers = *guest->headers(service.call);
  CHECK(text_of(*headers->entries(service.call)) == "content-length=3;x-a=1;spin-path-info=/a;");
  CHECK(refusal(headers->append(service.call, "x", {})) == HeaderTag::Immutable);
  auto again = *guest->headers(service.call);
  guest.reset();
  CHECK(text_of(*again->entries(service.call)) == "content-length=3;x-a=1;spin-path-info=/a;");
}

TEST_CASE("methods") {
  CHECK(to_method("GET") == types::Method::get());
  CHECK(to_method("DELETE") == types::Method::delete_());
  CHECK(to_method("get") == types::Method::other("get"));
  CHECK(to_method("FOO") == types::Method::other("FOO"));
  for (const char* name :
       {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "Foo"}) {
    CHECK(to_text(to_method(name)) == name);
  }
}

TEST_CASE("a request's body is consumed once, and given up when it is not wanted") {
  Service service;
  auto pipe = service.exchange->request().body;
  auto guest = make_incoming_request(service.around, service.exchange);
  auto body = *guest->consume(service.call);
  REQUIRE(body);
  CHECK_FALSE(*guest->consume(service.call));
  auto stream = *(*body)->stream(service.call);
  REQUIRE(stream);
  CHECK_FALSE(*(*body)->stream(service.call));
  guest.reset();
  body->reset();
  CHECK_FALSE(pipe->reader_gone());
  CHECK_FALSE(pipe->is_demanded());
  stream->reset();
  CHECK(pipe->reader_gone());

  Service ignoring;
  auto ignored = ignoring.exchange->request().body;
  make_incoming_request(ignoring.around, ignoring.exchange).reset();
  CHECK(ignored->reader_gone());
}

// --- response-outparam ---------------------------------------------------------------------------

TEST_CASE("an error, no answer and an informational status become 500") {
  {
    Service service;
    REQUIRE(service.host.response_outparam_set(
        service.call, service.outparam(), std::unexpected(ErrorCode::internal_error("secret"))
    ));
    CHECK(service.exchange->response().status == 500);
    CHECK(std::string(service.state->conclude()) == "guest failed to produce a response");
  }
  {
    Service service;
    service.outparam().reset();
    CHECK_FALSE(service.exchange->has_response());
    CHECK(
        std::string(service.state->conclude()) ==
        "guest failed to produce a response prior to returning"
    );
    CHECK(service.exchange->response().status == 500);
  }
  Service service;
  auto response = service.response(service.fields());
  REQUIRE(*response->set_status_code(service.call, 103));
  auto body = *response->body(service.call);
  auto stream = *(*body)->write(service.call);
  service.set(std::move(response));
  CHECK(service.exchange->response().status == 500);
  CHECK(service.state->conclude() != nullptr);
  CHECK_FALSE(*(*stream)->check_write(service.call));
}

TEST_CASE("status codes") {
  Service service;
  auto response = service.response(service.fields());
  for (const std::uint16_t bad : std::initializer_list<std::uint16_t>{0, 1, 99, 1000, 65535}) {
    CHECK_FALSE(*response->set_status_code(service.call, bad));
  }
  for (const std::uint16_t good : std::initializer_list<std::uint16_t>{100, 200, 599, 999}) {
    CHECK(*response->set_status_code(service.call, good));
    CHECK(*response->status_code(service.call) == good);
  }
}

TEST_CASE("what ends the guest cuts what was begun, and leaves what was done") {
  {
    Service service;
    auto response = service.response(service.fields());
    auto body = *response->body(service.call);
    service.set(std::move(response));
    service.exchange->abort(500);
    CHECK(service.exchange->response().status == 200);
    CHECK(service.exchange->response().body->failure());
    CHECK_FALSE(*(*(*(*body)->write(service.call)))->check_write(service.call));
  }
  Service service;
  auto response = service.response(service.fields());
  auto body = *response->body(service.call);
  service.set(std::move(response));
  REQUIRE(*service.finish(std::move(*body)));
  service.exchange->abort(500);
  CHECK_FALSE(service.exchange->response().body->failure());
}

TEST_CASE("an answer that comes after the server's own is thrown away") {
  Service service;
  service.exchange->abort(504);
  auto response = service.response(service.fields());
  auto body = *response->body(service.call);
  auto stream = *(*body)->write(service.call);
  service.set(std::move(response));
  CHECK(service.exchange->response().status == 504);
  CHECK_FALSE(*(*stream)->check_write(service.call));
  CHECK(service.state->conclude() == nullptr);
}

}  // namespace
}  // namespace whorl::wasi::p2
