/// What the tests of wasi:http share: an exchange, and the calls a guest makes to answer it.
#pragma once

#include "base/local_ptr.hpp"
#include "wasi/p2/handler.hpp"
#include "wasi/p2/http_body.hpp"
#include "wasi/p2/http_fields.hpp"
#include "wasi/p2/http_hosts.hpp"
#include "wasi/p2/http_incoming.hpp"
#include "wasi/p2/streams.hpp"
#include "wasi/test_support.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace whorl::wasi::p2::test {

namespace types = wit::wasi_http_types;
using component::Own;
using wasi::test::Scene;
using HeaderTag = types::HeaderError::Tag;

/// A request being answered, seen from the guest's side with the calls a guest makes.
struct Service : Scene {
  explicit Service(http::Request request = {})
      : exchange(make_local<http::Exchange>(with_body(std::move(request)))),
        state(make_local<ResponseState>(exchange)) {}
  static http::Request with_body(http::Request request) {
    if (request.body == nullptr) {
      request.body = make_local<http::BodyPipe>();
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
  LocalPtr<http::Exchange> exchange;
  LocalPtr<ResponseState> state;
};

inline std::optional<HeaderTag> refusal(const component::HostResult<Fields::Change>& told) {
  REQUIRE(told);
  return *told ? std::nullopt : std::optional(told->error().tag);
}

inline std::string text_of(const std::vector<std::tuple<std::string, Bytes>>& entries) {
  std::string text;
  for (const auto& [name, value] : entries) {
    text += name + "=" + std::string(as_text(value)) + ";";
  }
  return text;
}

}  // namespace whorl::wasi::p2::test
