#include "wasi/p2/handler.hpp"
#include "wasi/p2/http_body.hpp"
#include "wasi/p2/http_fields.hpp"
#include "wasi/p2/http_hosts.hpp"
#include "wasi/p2/http_incoming.hpp"
#include "wasi/p2/http_outgoing.hpp"
#include "wasi/p2/streams.hpp"
#include "wasi/test_support.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::wasi::p2 {
namespace {

namespace types = wit::wasi_http_types;
using component::Own;
using test::Scene;
using HeaderTag = types::HeaderError::Tag;

/// A request being answered, seen from the guest's side with the calls a guest makes.
struct Service : Scene {
  explicit Service(http::Request request = {})
      : exchange(std::make_shared<http::Exchange>(with_body(std::move(request)))),
        state(std::make_shared<ResponseState>(exchange)) {}
  static http::Request with_body(http::Request request) {
    if (request.body == nullptr) {
      request.body = std::make_shared<http::BodyPipe>();
    }
    return request;
  }

  Own<types::Fields> fields() { return *host.fields_new(call); }
  Own<types::OutgoingResponse> response(Own<types::Fields> headers) {
    return *host.outgoing_response_new(call, std::move(headers));
  }
  Own<types::ResponseOutparam> outparam() { return std::make_unique<ResponseOutparam>(state); }
  void set(Own<types::OutgoingResponse> given) {
    REQUIRE(host.response_outparam_set(call, outparam(), std::move(given)));
  }
  void append(types::Fields& to, std::string_view name, std::string_view value) {
    auto told = to.append(call, name, as_bytes(value));
    REQUIRE(told);
    REQUIRE(*told);
  }
  void write(Own<types::OutgoingBody>& body, std::string_view text) {
    auto stream = *body->write(call);
    REQUIRE(stream);
    auto told = (*stream)->blocking_write_and_flush(call, as_bytes(text));
    REQUIRE(told);
    REQUIRE(*told);
  }
  auto finish(Own<types::OutgoingBody> body, std::optional<Own<types::Fields>> trailers = {}) {
    return host.outgoing_body_finish(call, std::move(body), std::move(trailers));
  }
  std::string sent() { return std::string(as_text(exchange->response().body->readable())); }

  HttpTypesHost host{around};
  std::shared_ptr<http::Exchange> exchange;
  std::shared_ptr<ResponseState> state;
};

std::optional<HeaderTag> refusal(const component::HostResult<Fields::Change>& told) {
  REQUIRE(told);
  return *told ? std::nullopt : std::optional(told->error().tag);
}

std::string text_of(const std::vector<std::tuple<std::string, Bytes>>& entries) {
  std::string text;
  for (const auto& [name, value] : entries) {
    text += name + "=" + std::string(as_text(value)) + ";";
  }
  return text;
}

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
  CHECK(service.memory.used() == 64 * 1024);
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

// --- fields --------------------------------------------------------------------------------------

TEST_CASE("fields tell a guest why a change was refused") {
  Service service;
  auto fields = service.fields();
  CHECK(refusal(fields->append(service.call, "bad name", {})) == HeaderTag::InvalidSyntax);
  CHECK(refusal(fields->append(service.call, "a", as_bytes("x\ny"))) == HeaderTag::InvalidSyntax);
  CHECK(refusal(fields->set(service.call, "Host", {})) == HeaderTag::Forbidden);
  CHECK(refusal(fields->delete_(service.call, "upgrade")) == HeaderTag::Forbidden);
  CHECK(refusal(fields->append(service.call, "a", as_bytes("1"))) == std::nullopt);
  CHECK(refusal(fields->set(service.call, "A", {as_bytes("2"), as_bytes("3")})) == std::nullopt);
  CHECK(text_of(*fields->entries(service.call)) == "a=2;a=3;");
  CHECK(fields->get(service.call, "a")->size() == 2);
  CHECK(*fields->has(service.call, "A"));
  CHECK_FALSE(*fields->has(service.call, "not a name"));
  CHECK(fields->get(service.call, "not a name")->empty());
  CHECK(refusal(fields->delete_(service.call, "a")) == std::nullopt);
  CHECK(fields->entries(service.call)->empty());
}

TEST_CASE("the fields of a message cannot be changed, clones can") {
  Service service;
  auto headers = service.fields();
  service.append(*headers, "a", "1");
  auto response = service.response(std::move(headers));
  auto view = *response->headers(service.call);
  CHECK(refusal(view->append(service.call, "b", as_bytes("2"))) == HeaderTag::Immutable);
  CHECK(refusal(view->set(service.call, "b", {})) == HeaderTag::Immutable);
  CHECK(refusal(view->delete_(service.call, "a")) == HeaderTag::Immutable);
  CHECK(refusal(view->append(service.call, "b b", {})) == HeaderTag::InvalidSyntax);
  CHECK(refusal(view->append(service.call, "b", as_bytes("\n"))) == HeaderTag::InvalidSyntax);
  CHECK(refusal(view->append(service.call, "host", {})) == HeaderTag::Forbidden);
  auto clone = *view->clone(service.call);
  service.append(*clone, "b", "2");
  CHECK(text_of(*clone->entries(service.call)) == "a=1;b=2;");
  CHECK(text_of(*view->entries(service.call)) == "a=1;");
  service.set(std::move(response));
  CHECK(text_of(*view->entries(service.call)) == "a=1;");
  CHECK(service.exchange->response().fields.size() == 1);
}

TEST_CASE("from-list takes all or nothing") {
  Service service;
  auto good = service.host.fields_from_list(
      service.call, {{"a", as_bytes("1")}, {"B", as_bytes("2")}, {"a", as_bytes("3")}}
  );
  REQUIRE(*good);
  CHECK(text_of(*(**good)->entries(service.call)) == "a=1;b=2;a=3;");
  auto bad = service.host.fields_from_list(
      service.call, {{"a", as_bytes("1")}, {"connection", as_bytes("close")}}
  );
  REQUIRE(bad);
  CHECK(bad->error().tag == HeaderTag::Forbidden);
  CHECK(service.memory.used() == 3 * (FieldMap::kLineCharge + 2));
}

TEST_CASE("fields beyond their bound end the guest") {
  Service service;
  auto fields = service.fields();
  const Bytes large(100'000, 'x');
  CHECK(refusal(fields->append(service.call, "a", large)) == std::nullopt);
  CHECK_FALSE(fields->append(service.call, "b", large));
  CHECK_FALSE(service.host.fields_from_list(service.call, {{"a", large}, {"b", large}}));
}

TEST_CASE("handles may not hold more of the host than their bound") {
  Service service;
  auto fields = service.fields();
  service.append(*fields, "a", std::string(120'000, 'x'));
  std::vector<Own<types::Fields>> kept;
  component::HostResult<Own<types::Fields>> last;
  while ((last = fields->clone(service.call))) {
    kept.push_back(std::move(*last));
  }
  CHECK(kept.size() < 600);
  auto first = service.response(service.fields());
  auto second = service.response(service.fields());
  static_cast<void>(first->body(service.call));
  CHECK_FALSE(second->body(service.call));  // what was left is less than two buffers
  CHECK_FALSE(kept.back()->append(service.call, "b", Bytes(100'000, 'x')));
  kept.clear();
  CHECK(*second->body(service.call));
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

// --- trailers ------------------------------------------------------------------------------------

struct Trailing : Service {
  Trailing() {
    auto guest = make_incoming_request(around, exchange);
    pipe = exchange->request().body;
    body = *std::move(*guest->consume(call));
  }
  std::shared_ptr<http::BodyPipe> pipe;
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
  OutgoingHandlerHost handler(service.around);
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
  auto pending = std::make_shared<PendingResponse>();
  FutureIncomingResponse future(service.around, pending);
  CHECK_FALSE(future.get(service.call)->has_value());
  auto pollable = *future.subscribe(service.call);
  auto pipe = std::make_shared<http::BodyPipe>();
  service.fiber.then([&] {
    http::Response response{.status = 201, .fields = {}, .body = pipe};
    response.fields.append("Connection", "close");
    response.fields.append("X-A", "1");
    pending->resolve(std::move(response));
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
