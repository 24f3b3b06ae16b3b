#include "wasi/p3/http_hosts.hpp"

#include "wasi/p2/http_outgoing.hpp"

// The resources handed in here are of this process, and every resource of it is ours: that is what
// the casts rest on.
namespace whorl::wasi::p3 {

component::HostResult<component::Own<types::Fields>> HttpTypesHost::fields_new(component::Call&) {
  return std::make_unique<Fields>(FieldsHandle(around_.memory));
}

component::HostResult<std::expected<component::Own<types::Fields>, types::HeaderError>>
HttpTypesHost::fields_from_list(
    component::Call&, std::vector<std::tuple<std::string_view, ByteView>> entries
) {
  using Outcome = std::expected<component::Own<types::Fields>, types::HeaderError>;
  FieldsHandle handle(around_.memory);
  for (const auto& [name, value] : entries) {
    auto told = to_guest(handle.append(name, value));
    if (!told) {
      return std::unexpected(std::move(told.error()));
    }
    if (!*told) {
      return Outcome(std::unexpect, std::move(told->error()));
    }
  }
  return Outcome(std::make_unique<Fields>(std::move(handle)));
}

component::HostResult<std::tuple<component::Own<types::Request>, SentReader>>
HttpTypesHost::request_new(
    component::Call&,
    component::Own<types::Fields> headers,
    std::optional<ByteReader> contents,
    TrailersReader trailers,
    std::optional<component::Own<types::RequestOptions>> options
) {
  auto [body, sent] = MessageBody::of_guest(std::move(contents), std::move(trailers));
  std::optional<RequestOptions::Timeouts> timeouts;
  if (options) {
    timeouts = static_cast<RequestOptions&>(**options).timeouts();
  }
  auto request =
      std::make_unique<Request>(around_, into_map(std::move(headers)), std::move(body), timeouts);
  if (auto accepted = request->accept(); !accepted) {
    return std::unexpected(std::move(accepted.error()));
  }
  return std::tuple<component::Own<types::Request>, SentReader>(
      std::move(request), std::move(sent)
  );
}

component::HostResult<std::tuple<ByteReader, TrailersReader>> HttpTypesHost::request_consume_body(
    component::Call&, component::Own<types::Request> this_, SentReader res
) {
  return static_cast<Request&>(*this_).take_body().consume(around_, std::move(res));
}

component::HostResult<component::Own<types::RequestOptions>>
HttpTypesHost::request_options_new(component::Call&) {
  return std::make_unique<RequestOptions>();
}

component::HostResult<std::tuple<component::Own<types::Response>, SentReader>>
HttpTypesHost::response_new(
    component::Call&,
    component::Own<types::Fields> headers,
    std::optional<ByteReader> contents,
    TrailersReader trailers
) {
  MemoryCharge charge(around_.memory);
  if (!charge.try_resize(kMessageCharge)) {
    return component::trap(kOverHostMemory);
  }
  auto [body, sent] = MessageBody::of_guest(std::move(contents), std::move(trailers));
  return std::tuple<component::Own<types::Response>, SentReader>(
      std::make_unique<Response>(
          around_, into_map(std::move(headers)), std::move(body), std::move(charge)
      ),
      std::move(sent)
  );
}

component::HostResult<std::tuple<ByteReader, TrailersReader>> HttpTypesHost::response_consume_body(
    component::Call&, component::Own<types::Response> this_, SentReader res
) {
  return static_cast<Response&>(*this_).take_body().consume(around_, std::move(res));
}

component::HostResult<std::expected<component::Own<types::Response>, ErrorCode>>
HttpClientHost::send(component::Call& call, component::Own<types::Request> request) {
  using Outcome = std::expected<component::Own<types::Response>, ErrorCode>;
  auto& outgoing = static_cast<Request&>(*request);
  MemoryCharge charge(around_.memory);
  if (!charge.try_resize(p2::PendingResponse::kCharge)) {
    return component::trap(kOverHostMemory);
  }
  const http::ClientTimeouts timeouts = outgoing.timeouts();
  auto taken = outgoing.take_for_sending();
  if (!taken) {
    return std::unexpected(std::move(taken.error()));
  }
  if (!*taken) {
    return Outcome(std::unexpect, std::move(taken->error()));
  }
  auto exchange = std::make_shared<http::ClientExchange>(**std::move(taken), timeouts);
  exchange->set_requester(std::string(context_.component_id));
  if (context_.outbound == nullptr || context_.allowed_hosts == nullptr) {
    exchange->resolve(std::unexpected(http::ClientError{http::ClientFailure::Denied, {}}));
  } else if (auto started = context_.outbound->start(*context_.allowed_hosts, exchange); !started) {
    return component::trap(std::move(started.error()));
  }
  // Lets go of the exchange when the guest gives up.
  p2::PendingResponse pending(std::move(exchange), std::move(charge));
  if (auto waited = wait_for(call.fiber, around_.timers, pending); !waited) {
    return std::unexpected(std::move(waited.error()));
  }
  auto outcome = pending.take();
  if (!outcome || !*outcome) {
    const auto failure = outcome ? outcome->error().failure : http::ClientFailure::Internal;
    const ErrorCode error = to_p3(p2::to_error_code(failure));
    outgoing.tell_guest(std::unexpected(error));
    return Outcome(std::unexpect, error);
  }
  outgoing.tell_guest({});
  return Outcome(std::make_unique<Response>(around_, std::move(**outcome), pending.take_charge()));
}

}  // namespace whorl::wasi::p3
