#include "wasi/p2/http_hosts.hpp"

#include "wasi/p2/http_incoming.hpp"
#include "wasi/p2/http_outgoing.hpp"

// The resources handed in here are of this process, and every resource of it is ours: that is what
// the casts rest on.
namespace whorl::wasi::p2 {

namespace types = wit::wasi_http_types;

component::HostResult<component::Own<types::Fields>> HttpTypesHost::fields_new(component::Call&) {
  return std::make_unique<p2::Fields>(
      around_.memory, make_local<FieldMap>(around_.memory), p2::Fields::Access::Mutable
  );
}

component::HostResult<std::expected<component::Own<types::Fields>, types::HeaderError>>
HttpTypesHost::fields_from_list(
    component::Call&, std::vector<std::tuple<std::string_view, ByteView>> entries
) {
  using Outcome = std::expected<component::Own<types::Fields>, types::HeaderError>;
  auto map = make_local<FieldMap>(around_.memory);
  for (const auto& [name, value] : entries) {
    auto told = to_guest(map->append(name, as_text(value)));
    if (!told) {
      return std::unexpected(std::move(told.error()));
    }
    if (!*told) {
      return Outcome(std::unexpect, std::move(told->error()));
    }
  }
  return Outcome(
      std::make_unique<p2::Fields>(around_.memory, std::move(map), p2::Fields::Access::Mutable)
  );
}

component::HostResult<component::Own<types::OutgoingRequest>> HttpTypesHost::outgoing_request_new(
    component::Call&, component::Own<types::Fields> headers
) {
  return std::make_unique<OutgoingRequest>(around_, into_map(std::move(headers)));
}

component::HostResult<component::Own<types::RequestOptions>>
HttpTypesHost::request_options_new(component::Call&) {
  return std::make_unique<RequestOptions>();
}

component::HostResult<> HttpTypesHost::response_outparam_set(
    component::Call&,
    component::Own<types::ResponseOutparam> param,
    std::expected<component::Own<types::OutgoingResponse>, ErrorCode> response
) {
  ResponseState& state = static_cast<ResponseOutparam&>(*param).state();
  if (response) {
    state.respond(static_cast<OutgoingResponse&>(**response));
  } else {
    state.refuse(response.error());
  }
  return {};
}

component::HostResult<component::Own<types::FutureTrailers>> HttpTypesHost::incoming_body_finish(
    component::Call&, component::Own<types::IncomingBody> this_
) {
  return static_cast<IncomingBody&>(*this_).finish();
}

component::HostResult<component::Own<types::OutgoingResponse>> HttpTypesHost::outgoing_response_new(
    component::Call&, component::Own<types::Fields> headers
) {
  return std::make_unique<OutgoingResponse>(around_, into_map(std::move(headers)));
}

component::HostResult<std::expected<void, types::ErrorCode>> HttpTypesHost::outgoing_body_finish(
    component::Call&,
    component::Own<types::OutgoingBody> this_,
    std::optional<component::Own<types::Fields>> trailers
) {
  std::unique_ptr<http::Fields> wire;
  if (trailers) {
    wire = std::make_unique<http::Fields>(into_wire(into_map(std::move(*trailers))));
  }
  return static_cast<OutgoingBody&>(*this_).finish(std::move(wire));
}

component::HostResult<std::optional<types::ErrorCode>> HttpTypesHost::http_error_code(
    component::Call&, types::IoError& err
) {
  return static_cast<IoError&>(err).http_code();
}

component::HostResult<
    std::expected<component::Own<types::FutureIncomingResponse>, types::ErrorCode>>
OutgoingHandlerHost::handle(
    component::Call&,
    component::Own<types::OutgoingRequest> request,
    std::optional<component::Own<types::RequestOptions>> options
) {
  using Outcome = std::expected<component::Own<types::FutureIncomingResponse>, types::ErrorCode>;
  auto& outgoing = static_cast<OutgoingRequest&>(*request);
  if (auto checked = outgoing.check(); !checked) {
    return Outcome(std::unexpect, std::move(checked.error()));
  }
  MemoryCharge charge(around_.memory);
  if (!charge.try_resize(PendingResponse::kCharge)) {
    return component::trap(kOverHostMemory);
  }
  const auto timeouts =
      options ? static_cast<RequestOptions&>(**options).timeouts() : http::ClientTimeouts();
  auto exchange = std::make_shared<http::ClientExchange>(outgoing.take_request(), timeouts);
  exchange->set_requester(std::string(context_.component_id));
  if (context_.outbound == nullptr || context_.allowed_hosts == nullptr) {
    exchange->resolve(std::unexpected(http::ClientError{http::ClientFailure::Denied, {}}));
  } else if (auto started = context_.outbound->start(*context_.allowed_hosts, exchange); !started) {
    return component::trap(std::move(started.error()));
  }
  auto pending = make_local<PendingResponse>(std::move(exchange), std::move(charge));
  return Outcome(std::make_unique<FutureIncomingResponse>(around_, std::move(pending)));
}

}  // namespace whorl::wasi::p2
