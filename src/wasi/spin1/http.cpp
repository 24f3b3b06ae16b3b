#include "wasi/spin1/http.hpp"

#include "component/export_call.hpp"
#include "component/utf8.hpp"
#include "http/client_exchange.hpp"
#include "wasi/field_map.hpp"
#include "wasi/readiness.hpp"
#include "wasi/uri_parts.hpp"
#include "wit/fermyon_spin_http_types_v1_abi.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>
#include <vector>

namespace whorl::wasi::spin1 {
namespace {

namespace types = wit::fermyon_spin_http_types_v1;
using types::HttpError;
using types::Method;

// In the order of the enumeration.
constexpr std::array<std::string_view, 7> kMethods = {
    "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"
};

/// Bytes of a body, or its end.
class BodyReady final : public Readiness {
 public:
  explicit BodyReady(http::BodyPipe& pipe) noexcept : pipe_(pipe) {}
  [[nodiscard]] bool is_ready() override {
    if (pipe_.readable().empty() && !pipe_.is_ended()) {
      pipe_.demand();
    }
    return !pipe_.readable().empty() || pipe_.is_ended();
  }
  [[nodiscard]] async::Event* event() noexcept override { return &pipe_.readable_event(); }

 private:
  http::BodyPipe& pipe_;
};

class Resolved final : public Readiness {
 public:
  explicit Resolved(http::ClientExchange& exchange) noexcept : exchange_(exchange) {}
  [[nodiscard]] bool is_ready() override { return exchange_.is_resolved(); }
  [[nodiscard]] async::Event* event() noexcept override { return &exchange_.resolved_event(); }

 private:
  http::ClientExchange& exchange_;
};

enum class BodyFault : std::uint8_t { Cut, TooLong };

/// Waits for a whole body. @return a trap when the guest is being ended
component::HostResult<std::expected<Bytes, BodyFault>> read_all(
    async::Parkable* fiber, Timers& timers, http::BodyPipe& pipe
) {
  using Outcome = std::expected<Bytes, BodyFault>;
  Bytes out;
  BodyReady ready(pipe);
  while (true) {
    if (auto waited = wait_for(fiber, timers, ready); !waited) {
      return std::unexpected(std::move(waited.error()));
    }
    const ByteView more = pipe.readable();
    if (more.size() > kMaxBody - out.size()) {
      pipe.stop_reading();
      return Outcome(std::unexpect, BodyFault::TooLong);
    }
    out.insert(out.end(), more.begin(), more.end());
    pipe.consume(more.size());
    if (pipe.failure()) {
      return Outcome(std::unexpect, BodyFault::Cut);
    }
    if (pipe.at_end()) {
      return Outcome(std::move(out));
    }
  }
}

LocalPtr<http::BodyPipe> pipe_of(ByteView body) {
  if (body.empty()) {
    return http::BodyPipe::empty();
  }
  auto pipe = make_local<http::BodyPipe>(body.size());
  pipe->write(body);
  pipe->finish();
  return pipe;
}

/// The guest's header lines as they go over the wire; those that are the host's are left out.
/// @return nothing when one is malformed
std::optional<http::Fields> to_wire(const types::Headers& headers) {
  http::Fields out;
  for (const auto& [name, value] : headers) {
    if (!http::is_token(name) || !http::is_field_value(value)) {
      return std::nullopt;
    }
    if (!is_forbidden_field(name) && !http::equals_ignoring_case(name, "content-length")) {
      out.append(name, value);
    }
  }
  return out;
}

/// How these guests look for names.
std::string lower_case(std::string name) {
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return name;
}

/// Whatever text can show: a value of other bytes is left out.
types::Headers from_wire(const http::Fields& fields) {
  types::Headers out;
  for (const http::Field& field : fields.lines()) {
    if (component::is_valid_utf8(field.value)) {
      out.emplace_back(lower_case(field.name), field.value);
    }
  }
  return out;
}

HttpError to_error(http::ClientFailure failure) noexcept {
  using Failure = http::ClientFailure;
  switch (failure) {
    case Failure::Denied:
      return HttpError::DestinationNotAllowed;
    case Failure::InvalidUri:
    case Failure::UnsupportedScheme:
      return HttpError::InvalidUrl;
    case Failure::ConnectionLimit:
      return HttpError::TooManyRequests;
    case Failure::HeadTooLong:
    case Failure::Protocol:
    case Failure::Internal:
      return HttpError::RuntimeError;
    default:
      return HttpError::RequestError;
  }
}

engine::Trap as_trap(component::HostTrap trap) {
  engine::Trap out;
  out.kind = trap.kind;
  out.message = std::move(trap.message);
  out.exit_code = trap.exit_code;
  return out;
}

/// The request as the handler gets it. @return nothing when a header is no text
std::optional<types::Request> to_request(http::Request& request, Method method, Bytes body) {
  types::Request out{.method = method, .uri = request.path_and_query, .body = std::move(body)};
  for (const http::Field& field : request.fields.lines()) {
    if (!component::is_valid_utf8(field.value)) {
      return std::nullopt;
    }
    if (!http::equals_ignoring_case(field.name, "connection")) {
      out.headers.emplace_back(lower_case(field.name), field.value);
    }
  }
  return out;
}

/// Whether the guest's answer can be given.
bool answer(http::Exchange& exchange, types::Response response) {
  auto fields = response.headers ? to_wire(*response.headers) : http::Fields();
  if (response.status < 200 || response.status > 600 || !fields) {
    return false;
  }
  const Bytes body = std::move(response.body).value_or(Bytes());
  if (exchange.has_response()) {
    return true;  // the time was up
  }
  exchange.respond({.status = response.status, .fields = *std::move(fields), .body = pipe_of(body)}
  );
  return true;
}

engine::Trap refused(std::string message) {
  engine::Trap trap;
  trap.kind = engine::TrapKind::Other;
  trap.message = std::move(message);
  return trap;
}

}  // namespace

std::uint16_t register_http(component::HostRegistry& registry) {
  return registry.add(wit::fermyon_spin_http_v1::kInterface);
}

std::optional<Target> parse_target(std::string_view url) {
  url = url.substr(0, url.find('#'));
  Target out;
  if (url.starts_with('/')) {
    out.path_and_query = url;
    return is_path_with_query(url) ? std::optional(std::move(out)) : std::nullopt;
  }
  const auto colon = url.find("://");
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view scheme = url.substr(0, colon);
  if (http::equals_ignoring_case(scheme, "https")) {
    out.scheme = http::Scheme::Https;
  } else if (!http::equals_ignoring_case(scheme, "http")) {
    return std::nullopt;
  }
  const std::string_view rest = url.substr(colon + 3);
  const auto end = std::min(rest.find_first_of("/?"), rest.size());
  out.authority = rest.substr(0, end);
  out.path_and_query = rest.substr(end);
  if (!out.path_and_query.starts_with('/')) {
    out.path_and_query.insert(0, 1, '/');
  }
  if (out.authority.empty() || !is_authority(out.authority) ||
      !is_path_with_query(out.path_and_query)) {
    return std::nullopt;
  }
  return out;
}

component::HostResult<std::expected<types::Response, HttpError>> HttpHost::send_request(
    component::Call& call, types::Request req
) {
  using Outcome = std::expected<types::Response, HttpError>;
  const auto target = parse_target(req.uri);
  auto fields = to_wire(req.headers);
  if (!target || !fields) {
    // What is no URL is covered by no grant.
    return Outcome(
        std::unexpect, target ? HttpError::RequestError : HttpError::DestinationNotAllowed
    );
  }
  http::Request request;
  request.method = kMethods[static_cast<std::size_t>(req.method)];
  request.scheme = target->scheme;
  request.authority = target->authority;
  request.path_and_query = target->path_and_query;
  request.fields = *std::move(fields);
  if (req.body) {
    request.fields.append("content-length", std::to_string(req.body->size()));
    request.body = pipe_of(*req.body);
  }
  auto exchange =
      std::make_shared<http::ClientExchange>(std::move(request), http::ClientTimeouts());
  exchange->set_requester(std::string(context_.component_id));
  if (context_.outbound == nullptr || context_.allowed_hosts == nullptr) {
    return Outcome(std::unexpect, HttpError::DestinationNotAllowed);
  }
  if (auto started = context_.outbound->start(*context_.allowed_hosts, exchange); !started) {
    return component::trap(std::move(started.error()));
  }
  Resolved resolved(*exchange);
  if (auto waited = wait_for(call.fiber, context_.timers, resolved); !waited) {
    exchange->abandon();
    return std::unexpected(std::move(waited.error()));
  }
  auto outcome = exchange->take_outcome();
  if (!outcome || !*outcome) {
    return Outcome(
        std::unexpect, outcome ? to_error(outcome->error().failure) : HttpError::RuntimeError
    );
  }
  http::Response& response = **outcome;
  auto body = read_all(call.fiber, context_.timers, *response.body);
  if (!body) {
    return std::unexpected(std::move(body.error()));
  }
  if (!*body) {
    return Outcome(std::unexpect, HttpError::RuntimeError);
  }
  return Outcome(types::Response{
      .status = response.status, .headers = from_wire(response.fields), .body = **std::move(body)
  });
}

const component::ExportedFunc* find_inbound_http(const component::Component& component) {
  return component.find_export("fermyon:spin/inbound-http", "", "handle-request");
}

std::expected<void, engine::Trap> call_inbound_http(
    component::ComponentInstance& instance,
    engine::Store& store,
    const component::ExportedFunc& func,
    Timers& timers,
    http::Exchange& exchange
) {
  using Handle = types::Response(types::Request);
  const auto method = std::ranges::find(kMethods, exchange.request().method);
  if (method == kMethods.end()) {
    exchange.request().body->stop_reading();
    exchange.abort(405);
    return {};
  }
  auto body = read_all(store.current_fiber(), timers, *exchange.request().body);
  if (!body) {
    return std::unexpected(as_trap(std::move(body.error())));
  }
  if (!*body) {
    exchange.abort(body->error() == BodyFault::TooLong ? 413 : 400);
    return {};
  }
  auto request = to_request(
      exchange.request(), static_cast<Method>(method - kMethods.begin()), **std::move(body)
  );
  if (!request) {
    exchange.abort(500);
    return std::unexpected(refused("a header of the request is not UTF-8"));
  }
  auto called = component::call_export<Handle>(instance, store, func, *std::move(request));
  if (!called) {
    return std::unexpected(std::move(called.error()));
  }
  if (!answer(exchange, *std::move(called))) {
    exchange.abort(500);
    return std::unexpected(refused("guest produced an impossible status or header"));
  }
  return {};
}

}  // namespace whorl::wasi::spin1
