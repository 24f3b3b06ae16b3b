#include "wasi/p2/http_incoming.hpp"

#include <array>

namespace whorl::wasi::p2 {
namespace {

using wit::wasi_http_types::Method;

struct MethodName {
  std::string_view name;
  Method::Tag tag;
};
constexpr std::array<MethodName, 9> kMethods{{
    {"GET", Method::Tag::Get},
    {"HEAD", Method::Tag::Head},
    {"POST", Method::Tag::Post},
    {"PUT", Method::Tag::Put},
    {"DELETE", Method::Tag::Delete},
    {"CONNECT", Method::Tag::Connect},
    {"OPTIONS", Method::Tag::Options},
    {"TRACE", Method::Tag::Trace},
    {"PATCH", Method::Tag::Patch},
}};

}  // namespace

Method to_method(std::string_view name) {
  for (const MethodName& known : kMethods) {
    if (known.name == name) {
      Method method;
      method.tag = known.tag;
      return method;
    }
  }
  return Method::other(std::string(name));
}

std::string to_text(const Method& method) {
  for (const MethodName& known : kMethods) {
    if (known.tag == method.tag) {
      return std::string(known.name);
    }
  }
  return method.as<std::string>();
}

// --- IncomingRequest -----------------------------------------------------------------------------

IncomingRequest::~IncomingRequest() {
  if (const auto& body = exchange_->request_so_far().body; !consumed_ && body != nullptr) {
    body->stop_reading();
  }
}

component::HostResult<Method> IncomingRequest::method(component::Call&) {
  return to_method(exchange_->request_so_far().method);
}

component::HostResult<std::optional<std::string>>
IncomingRequest::path_with_query(component::Call&) {
  return exchange_->request_so_far().path_and_query;
}

component::HostResult<std::optional<wit::wasi_http_types::Scheme>>
IncomingRequest::scheme(component::Call&) {
  // Always "http", under TLS too: guests of this generation are used to it, and the real scheme is
  // in the header spin-full-url.
  return wit::wasi_http_types::Scheme::http();
}

component::HostResult<std::optional<std::string>> IncomingRequest::authority(component::Call&) {
  const std::string& authority = exchange_->request_so_far().authority;
  return authority.empty() ? std::nullopt : std::optional(authority);
}

component::HostResult<component::Own<wit::wasi_http_types::Fields>>
IncomingRequest::headers(component::Call&) {
  if (headers_ == nullptr) {
    headers_ = make_local<FieldMap>(FieldMap::from_request(*exchange_));
  }
  return immutable_view(around_.memory, headers_);
}

component::HostResult<
    std::expected<component::Own<wit::wasi_http_types::IncomingBody>, component::Unit>>
IncomingRequest::consume(component::Call&) {
  using Outcome =
      std::expected<component::Own<wit::wasi_http_types::IncomingBody>, component::Unit>;
  if (consumed_) {
    return Outcome(std::unexpect);
  }
  consumed_ = true;
  auto body = make_local<IncomingBodyState>(exchange_->request_so_far().body, MessageKind::Request);
  return Outcome(std::make_unique<IncomingBody>(around_, std::move(body)));
}

// --- OutgoingResponse ----------------------------------------------------------------------------

OutgoingResponse::~OutgoingResponse() {
  if (body_ != nullptr) {
    body_->pipe()->stop_reading();
  }
}

component::HostResult<std::uint16_t> OutgoingResponse::status_code(component::Call&) {
  return status_;
}

component::HostResult<std::expected<void, component::Unit>> OutgoingResponse::set_status_code(
    component::Call&, std::uint16_t status_code
) {
  if (status_code < 100 || status_code > 999) {
    return std::expected<void, component::Unit>(std::unexpect);
  }
  status_ = status_code;
  return std::expected<void, component::Unit>();
}

component::HostResult<component::Own<wit::wasi_http_types::Fields>>
OutgoingResponse::headers(component::Call&) {
  return immutable_view(around_.memory, headers_);
}

component::HostResult<
    std::expected<component::Own<wit::wasi_http_types::OutgoingBody>, component::Unit>>
OutgoingResponse::body(component::Call&) {
  return make_outgoing_body(around_, MessageKind::Response, *headers_, body_);
}

// --- ResponseState -------------------------------------------------------------------------------

void ResponseState::respond(OutgoingResponse& response) {
  answered_ = true;
  OutgoingResponse::Parts parts = response.take_parts();
  const bool is_final = response.status() >= 200;
  if (!is_final || exchange_->has_response()) {
    // The server may have answered already because the time was up. A 1xx is no answer at all.
    if (!is_final) {
      failure_ = "guest failed to produce a response: its status code is informational (1xx)";
      exchange_->abort(500);
    }
    if (parts.body != nullptr) {
      parts.body->pipe()->stop_reading();
    }
    return;
  }
  body_ = std::move(parts.body);
  exchange_->respond({
      .status = response.status(),
      .fields = into_wire(std::move(parts.headers)),
      .body = body_ != nullptr ? body_->pipe() : http::BodyPipe::empty(),
  });
}

void ResponseState::refuse(const ErrorCode&) {
  answered_ = true;
  failure_ = "guest failed to produce a response";
  if (!exchange_->has_response()) {
    exchange_->abort(500);
  }
}

const char* ResponseState::conclude() {
  if (!answered_) {
    failure_ = "guest failed to produce a response prior to returning";
    exchange_->abort(500);
  }
  if (body_ != nullptr && !body_->pipe()->is_ended()) {
    // Guests that leak the handle of their body are served by other hosts; a body that is dropped
    // on purpose was cut when that happened.
    static_cast<void>(body_->finish(nullptr));
  }
  return failure_;
}

}  // namespace whorl::wasi::p2
