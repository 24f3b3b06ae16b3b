#include "wasi/p2/http_outgoing.hpp"

#include "wasi/p2/http_incoming.hpp"
#include "wasi/p2/poll.hpp"
#include "wasi/uri_parts.hpp"

#include <algorithm>
#include <limits>

namespace whorl::wasi::p2 {
namespace {

OutgoingRequest::Accepted accepted() {
  return {};
}
OutgoingRequest::Accepted refused() {
  return OutgoingRequest::Accepted(std::unexpect);
}

std::optional<std::string> to_owned(std::optional<std::string_view> text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

}  // namespace

// --- OutgoingRequest -----------------------------------------------------------------------------

OutgoingRequest::~OutgoingRequest() {
  if (body_ != nullptr) {
    body_->pipe()->stop_reading();
  }
}

component::HostResult<OutgoingRequest::Accepted> OutgoingRequest::accept() {
  std::size_t bytes = method_.tag == Method::Tag::Other ? method_.as<std::string>().size() : 0;
  bytes += path_with_query_ ? path_with_query_->size() : 0;
  bytes += authority_ ? authority_->size() : 0;
  if (!charge_.try_resize(bytes)) {
    return component::trap(kOverHostMemory);
  }
  return accepted();
}

component::HostResult<
    std::expected<component::Own<wit::wasi_http_types::OutgoingBody>, component::Unit>>
OutgoingRequest::body(component::Call&) {
  return make_outgoing_body(around_, MessageKind::Request, *headers_, body_);
}

component::HostResult<OutgoingRequest::Method> OutgoingRequest::method(component::Call&) {
  return method_;
}

component::HostResult<OutgoingRequest::Accepted> OutgoingRequest::set_method(
    component::Call&, Method method
) {
  if (method.tag == Method::Tag::Other) {
    const std::string& name = method.as<std::string>();
    if (name.size() > kMaxPart || !http::is_token(name)) {
      return refused();
    }
  }
  method_ = std::move(method);
  return accept();
}

component::HostResult<std::optional<std::string>>
OutgoingRequest::path_with_query(component::Call&) {
  return path_with_query_;
}

component::HostResult<OutgoingRequest::Accepted> OutgoingRequest::set_path_with_query(
    component::Call&, std::optional<std::string_view> path_with_query
) {
  if (path_with_query &&
      (path_with_query->size() > kMaxPart || !is_path_with_query(*path_with_query))) {
    return refused();
  }
  path_with_query_ = to_owned(path_with_query);
  return accept();
}

component::HostResult<std::optional<OutgoingRequest::Scheme>>
OutgoingRequest::scheme(component::Call&) {
  return scheme_;
}

component::HostResult<OutgoingRequest::Accepted> OutgoingRequest::set_scheme(
    component::Call&, std::optional<Scheme> scheme
) {
  if (scheme && scheme->tag == Scheme::Tag::Other && !is_scheme(scheme->as<std::string>())) {
    return refused();
  }
  scheme_ = std::move(scheme);
  return accepted();
}

component::HostResult<std::optional<std::string>> OutgoingRequest::authority(component::Call&) {
  return authority_;
}

component::HostResult<OutgoingRequest::Accepted> OutgoingRequest::set_authority(
    component::Call&, std::optional<std::string_view> authority
) {
  if (authority && (authority->size() > kMaxPart || !is_authority(*authority))) {
    return refused();
  }
  authority_ = to_owned(authority);
  return accept();
}

component::HostResult<component::Own<wit::wasi_http_types::Fields>>
OutgoingRequest::headers(component::Call&) {
  return immutable_view(around_.memory, headers_);
}

std::expected<void, ErrorCode> OutgoingRequest::check() const {
  const auto announced = headers_->content_length();
  if (!announced) {
    return std::unexpected(ErrorCode::internal_error("content-length is not a number"));
  }
  if (body_ == nullptr && announced->value_or(0) != 0) {
    return std::unexpected(ErrorCode::http_request_body_size(0));
  }
  if (scheme_ && scheme_->tag == Scheme::Tag::Other) {
    return std::unexpected(ErrorCode::http_protocol_error());
  }
  return {};
}

http::Request OutgoingRequest::take_request() {
  http::Request request;
  request.method = to_text(method_);
  // Without a scheme it is the safer one, as everywhere with WASI.
  const bool is_http = scheme_ && scheme_->tag == Scheme::Tag::Http;
  request.scheme = is_http ? http::Scheme::Http : http::Scheme::Https;
  request.authority = authority_.value_or("");
  request.path_and_query = path_with_query_.value_or("/");
  if (!request.path_and_query.starts_with('/') && request.path_and_query != "*") {
    request.path_and_query.insert(0, 1, '/');
  }
  request.fields = into_wire(std::move(headers_));
  if (const auto body = std::exchange(body_, nullptr); body != nullptr) {
    request.body = body->pipe();
  }
  return request;
}

// --- RequestOptions ------------------------------------------------------------------------------

RequestOptions::Timeout RequestOptions::connect_timeout(component::Call&) {
  return connect_;
}
RequestOptions::Timeout RequestOptions::first_byte_timeout(component::Call&) {
  return first_byte_;
}
RequestOptions::Timeout RequestOptions::between_bytes_timeout(component::Call&) {
  return between_bytes_;
}

RequestOptions::Accepted RequestOptions::set_connect_timeout(
    component::Call&, std::optional<Duration> duration
) {
  connect_ = duration;
  return accepted();
}

RequestOptions::Accepted RequestOptions::set_first_byte_timeout(
    component::Call&, std::optional<Duration> duration
) {
  first_byte_ = duration;
  return accepted();
}

RequestOptions::Accepted RequestOptions::set_between_bytes_timeout(
    component::Call&, std::optional<Duration> duration
) {
  between_bytes_ = duration;
  return accepted();
}

http::ClientTimeouts RequestOptions::timeouts() const noexcept {
  const auto chosen = [](const std::optional<Duration>& duration) {
    constexpr auto kLongest = static_cast<Duration>(std::numeric_limits<std::int64_t>::max());
    return duration
               ? std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(*duration, kLongest)))
               : http::ClientTimeouts::kDefault;
  };
  return {
      .connect = chosen(connect_),
      .first_byte = chosen(first_byte_),
      .between_bytes = chosen(between_bytes_),
  };
}

// --- IncomingResponse ----------------------------------------------------------------------------

IncomingResponse::IncomingResponse(
    const Surroundings& around, http::Response response, MemoryCharge charge
)
    : around_(around),
      status_(response.status),
      headers_(make_local<FieldMap>(FieldMap::from_wire(std::move(response.fields)))),
      body_(std::move(response.body)),
      charge_(std::move(charge)) {}

IncomingResponse::~IncomingResponse() {
  if (body_ != nullptr) {
    body_->stop_reading();
  }
}

component::HostResult<std::uint16_t> IncomingResponse::status(component::Call&) {
  return status_;
}

component::HostResult<component::Own<wit::wasi_http_types::Fields>>
IncomingResponse::headers(component::Call&) {
  return immutable_view(around_.memory, headers_);
}

component::HostResult<
    std::expected<component::Own<wit::wasi_http_types::IncomingBody>, component::Unit>>
IncomingResponse::consume(component::Call&) {
  using Outcome =
      std::expected<component::Own<wit::wasi_http_types::IncomingBody>, component::Unit>;
  if (body_ == nullptr) {
    return Outcome(std::unexpect);
  }
  auto body =
      make_local<IncomingBodyState>(std::move(body_), MessageKind::Response, std::move(charge_));
  return Outcome(std::make_unique<IncomingBody>(around_, std::move(body)));
}

// --- FutureIncomingResponse ----------------------------------------------------------------------

ErrorCode to_error_code(http::ClientFailure failure) {
  using Failure = http::ClientFailure;
  switch (failure) {
    case Failure::Denied:
      return ErrorCode::http_request_denied();
    case Failure::InvalidUri:
      return ErrorCode::http_request_uri_invalid();
    case Failure::NameNotFound:
      // What hosts that guests are used to say of every name that cannot be resolved.
      return ErrorCode::dns_error({.rcode = "address not available", .info_code = 0});
    case Failure::AddressProhibited:
      return ErrorCode::destination_ip_prohibited();
    case Failure::ConnectionRefused:
    case Failure::ConnectionFailed:
      return ErrorCode::connection_refused();
    case Failure::ConnectionTimeout:
      return ErrorCode::connection_timeout();
    case Failure::ReadTimeout:
      return ErrorCode::connection_read_timeout();
    case Failure::ConnectionLimit:
      return ErrorCode::connection_limit_reached();
    case Failure::Tls:
      return ErrorCode::tls_protocol_error();
    case Failure::HeadTooLong:
      return ErrorCode::http_response_header_section_size(std::nullopt);
    case Failure::UnsupportedScheme:
    case Failure::Protocol:
      return ErrorCode::http_protocol_error();
    case Failure::Internal:
      break;
  }
  return ErrorCode::internal_error(std::nullopt);
}

component::HostResult<component::Own<wit::wasi_http_types::Pollable>>
FutureIncomingResponse::subscribe(component::Call&) {
  return std::make_unique<Pollable>(around_.timers, pending_);
}

component::HostResult<
    std::optional<std::expected<FutureIncomingResponse::Response, component::Unit>>>
FutureIncomingResponse::get(component::Call&) {
  using Outcome = std::expected<Response, component::Unit>;
  if (!pending_->is_ready()) {
    return std::optional<Outcome>();
  }
  auto outcome = pending_->take();
  if (!outcome) {
    return std::optional<Outcome>(std::in_place, std::unexpect);
  }
  if (!*outcome) {
    return std::optional<Outcome>(Response(std::unexpect, to_error_code(outcome->error().failure)));
  }
  return std::optional<Outcome>(Response(
      std::make_unique<IncomingResponse>(around_, std::move(**outcome), pending_->take_charge())
  ));
}

}  // namespace whorl::wasi::p2
