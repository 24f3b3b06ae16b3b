/// wasi:http/types and wasi:http/outgoing-handler: constructors, statics and free functions.
#pragma once

#include "wasi/context.hpp"
#include "wasi/p2/surroundings.hpp"
#include "wit/wasi_http_outgoing_handler.hpp"
#include "wit/wasi_http_types.hpp"

namespace whorl::wasi::p2 {

class HttpTypesHost final : public wit::wasi_http_types::Host {
 public:
  using Fields = wit::wasi_http_types::Fields;
  using ErrorCode = wit::wasi_http_types::ErrorCode;

  explicit HttpTypesHost(const Surroundings& around) noexcept : around_(around) {}

  [[nodiscard]] component::HostResult<component::Own<Fields>> fields_new(component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<
      std::expected<component::Own<Fields>, wit::wasi_http_types::HeaderError>>
  fields_from_list(
      component::Call& call, std::vector<std::tuple<std::string_view, ByteView>> entries
  ) override;
  [[nodiscard]] component::HostResult<component::Own<wit::wasi_http_types::OutgoingRequest>>
  outgoing_request_new(component::Call& call, component::Own<Fields> headers) override;
  [[nodiscard]] component::HostResult<component::Own<wit::wasi_http_types::RequestOptions>>
  request_options_new(component::Call& call) override;
  [[nodiscard]] component::HostResult<> response_outparam_set(
      component::Call& call,
      component::Own<wit::wasi_http_types::ResponseOutparam> param,
      std::expected<component::Own<wit::wasi_http_types::OutgoingResponse>, ErrorCode> response
  ) override;
  [[nodiscard]] component::HostResult<component::Own<wit::wasi_http_types::FutureTrailers>>
  incoming_body_finish(
      component::Call& call, component::Own<wit::wasi_http_types::IncomingBody> this_
  ) override;
  [[nodiscard]] component::HostResult<component::Own<wit::wasi_http_types::OutgoingResponse>>
  outgoing_response_new(component::Call& call, component::Own<Fields> headers) override;
  [[nodiscard]] component::HostResult<std::expected<void, ErrorCode>> outgoing_body_finish(
      component::Call& call,
      component::Own<wit::wasi_http_types::OutgoingBody> this_,
      std::optional<component::Own<Fields>> trailers
  ) override;
  [[nodiscard]] component::HostResult<std::optional<ErrorCode>> http_error_code(
      component::Call& call, wit::wasi_http_types::IoError& err
  ) override;

 private:
  const Surroundings& around_;
};

/// Starts requests where the context says, as far as it grants them. What is denied the guest
/// learns from the future, not from the call.
class OutgoingHandlerHost final : public wit::wasi_http_outgoing_handler::Host {
 public:
  OutgoingHandlerHost(const Surroundings& around, const InstanceContext& context) noexcept
      : around_(around), context_(context) {}
  [[nodiscard]] component::HostResult<std::expected<
      component::Own<wit::wasi_http_types::FutureIncomingResponse>,
      wit::wasi_http_types::ErrorCode>>
  handle(
      component::Call& call,
      component::Own<wit::wasi_http_types::OutgoingRequest> request,
      std::optional<component::Own<wit::wasi_http_types::RequestOptions>> options
  ) override;

 private:
  const Surroundings& around_;
  const InstanceContext& context_;
};

}  // namespace whorl::wasi::p2
