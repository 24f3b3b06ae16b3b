#include "wasi/p3/http_message.hpp"

#include "wasi/p2/http_incoming.hpp"
#include "wasi/uri_parts.hpp"
#include "wit/wasi_http_types_p3_abi.hpp"

#include <algorithm>

namespace whorl::wasi::p3 {
namespace {

using Accepted = Request::Accepted;

Accepted refused() {
  return Accepted(std::unexpect);
}

std::optional<std::string> to_owned(std::optional<std::string_view> text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

// Methods are the same cases in both versions.
types::Method to_method(std::string_view name) {
  const auto from = p2::to_method(name);
  types::Method method;
  method.tag = static_cast<types::Method::Tag>(from.tag);
  if (method.tag == types::Method::Tag::Other) {
    method.payload = from.as<std::string>();
  }
  return method;
}

std::string to_text(const types::Method& from) {
  wit::wasi_http_types::Method method;
  method.tag = static_cast<wit::wasi_http_types::Method::Tag>(from.tag);
  if (from.tag == types::Method::Tag::Other) {
    method.payload = from.as<std::string>();
  }
  return p2::to_text(method);
}

/// The fields of a message that is sent. Those that came with another message and belong to its
/// connection do not go on.
http::Fields to_sendable(LocalPtr<FieldMap> headers) {
  http::Fields fields = into_wire(std::move(headers));
  std::erase_if(fields.lines(), [](const http::Field& line) {
    return is_forbidden_field(line.name);
  });
  return fields;
}

}  // namespace

// --- Request -------------------------------------------------------------------------------------

Request::Request(const Surroundings& around, LocalPtr<http::Exchange> exchange)
    : around_(around),
      method_(to_method(exchange->request_so_far().method)),
      path_with_query_(exchange->request_so_far().path_and_query),
      scheme_(
          exchange->request_so_far().scheme == http::Scheme::Https ? Scheme::https()
                                                                   : Scheme::http()
      ),
      exchange_(std::move(exchange)),
      body_(exchange_->request_so_far().body, MessageKind::Request) {
  if (!exchange_->request_so_far().authority.empty()) {
    authority_ = exchange_->request_so_far().authority;
  }
}

LocalPtr<FieldMap>& Request::headers() {
  if (const auto exchange = std::exchange(exchange_, nullptr)) {
    headers_ =
        make_local<FieldMap>(FieldMap::from_request(*exchange, FieldMap::Shown::AllButConnection));
  }
  return headers_;
}

component::HostResult<Accepted> Request::accept() {
  std::size_t bytes = kMessageCharge;
  bytes += method_.tag == Method::Tag::Other ? method_.as<std::string>().size() : 0;
  bytes += path_with_query_ ? path_with_query_->size() : 0;
  bytes += authority_ ? authority_->size() : 0;
  if (!charge_.try_resize(bytes)) {
    return component::trap(kOverHostMemory);
  }
  return Accepted();
}

component::HostResult<Request::Method> Request::get_method(component::Call&) {
  return method_;
}

component::HostResult<Accepted> Request::set_method(component::Call&, Method method) {
  if (method.tag == Method::Tag::Other) {
    const std::string& name = method.as<std::string>();
    if (name.size() > kMaxPart || !http::is_token(name)) {
      return refused();
    }
  }
  // One that has a case of its own is that case.
  method_ = to_method(to_text(method));
  return accept();
}

component::HostResult<std::optional<std::string>> Request::get_path_with_query(component::Call&) {
  return path_with_query_;
}

component::HostResult<Accepted> Request::set_path_with_query(
    component::Call&, std::optional<std::string_view> path_with_query
) {
  if (path_with_query &&
      (path_with_query->size() > kMaxPart || !is_path_reference(*path_with_query))) {
    return refused();
  }
  // There is no request for nothing: it is for the root.
  path_with_query_ = to_owned(path_with_query && path_with_query->empty() ? "/" : path_with_query);
  return accept();
}

component::HostResult<std::optional<Request::Scheme>> Request::get_scheme(component::Call&) {
  return scheme_;
}

component::HostResult<Accepted> Request::set_scheme(
    component::Call&, std::optional<Scheme> scheme
) {
  if (scheme && scheme->tag == Scheme::Tag::Other) {
    const std::string& name = scheme->as<std::string>();
    if (!is_scheme(name)) {
      return refused();
    }
    if (http::equals_ignoring_case(name, "http")) {
      scheme = Scheme::http();
    } else if (http::equals_ignoring_case(name, "https")) {
      scheme = Scheme::https();
    }
  }
  scheme_ = std::move(scheme);
  return Accepted();
}

component::HostResult<std::optional<std::string>> Request::get_authority(component::Call&) {
  return authority_;
}

component::HostResult<Accepted> Request::set_authority(
    component::Call&, std::optional<std::string_view> authority
) {
  if (authority && (authority->size() > kMaxPart || !is_authority(*authority))) {
    return refused();
  }
  authority_ = to_owned(authority);
  return accept();
}

component::HostResult<std::optional<component::Own<types::RequestOptions>>>
Request::get_options(component::Call&) {
  using Options = std::optional<component::Own<types::RequestOptions>>;
  return options_
             ? Options(std::make_unique<RequestOptions>(*options_, FieldsHandle::Access::Immutable))
             : Options();
}

component::HostResult<component::Own<types::Fields>> Request::get_headers(component::Call&) {
  return immutable_view(around_.memory, headers());
}

void Request::tell_guest(const Sent& how) {
  if (sent_ != nullptr) {
    if (how) {
      sent_->release();
    } else {
      sent_->settle(how);
    }
    sent_ = nullptr;
  }
}

http::ClientTimeouts Request::timeouts() const noexcept {
  return options_ ? to_client_timeouts(*options_) : http::ClientTimeouts();
}

component::HostResult<std::expected<http::Request, ErrorCode>> Request::take_for_sending() {
  using Outcome = std::expected<http::Request, ErrorCode>;
  const auto announced = headers()->content_length();
  if (!announced) {
    return Outcome(std::unexpect, ErrorCode::internal_error("content-length is not a number"));
  }
  if (scheme_ && scheme_->tag == Scheme::Tag::Other) {
    return Outcome(std::unexpect, ErrorCode::http_protocol_error());
  }
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
  sent_ = body_.transmission();
  auto body = body_.send(around_, MessageKind::Request, *announced);
  if (!body) {
    return component::trap(body.error());
  }
  request.body = *std::move(body);
  request.fields = to_sendable(std::move(headers_));
  return Outcome(std::move(request));
}

// --- Response ------------------------------------------------------------------------------------

Response::Response(const Surroundings& around, http::Response response, MemoryCharge charge)
    : around_(around),
      status_(response.status),
      headers_(make_local<FieldMap>(FieldMap::from_wire(std::move(response.fields)))),
      body_(std::move(response.body), MessageKind::Response, std::move(charge)) {}

component::HostResult<std::uint16_t> Response::get_status_code(component::Call&) {
  return status_;
}

component::HostResult<std::expected<void, component::Unit>> Response::set_status_code(
    component::Call&, std::uint16_t status_code
) {
  if (status_code < 100 || status_code > 599) {
    return refused();
  }
  status_ = status_code;
  return Accepted();
}

component::HostResult<component::Own<types::Fields>> Response::get_headers(component::Call&) {
  return immutable_view(around_.memory, headers_);
}

std::expected<http::Response, const char*> Response::take_for_sending() {
  if (status_ < 200) {
    return std::unexpected("its status code is informational (1xx)");
  }
  const auto announced = headers_->content_length();
  if (!announced) {
    return std::unexpected("its content-length is not a number");
  }
  auto body = body_.send(around_, MessageKind::Response, *announced);
  if (!body) {
    return std::unexpected(body.error());
  }
  http::Response response;
  response.status = status_;
  response.fields = to_sendable(std::move(headers_));
  response.body = *std::move(body);
  return response;
}

}  // namespace whorl::wasi::p3
