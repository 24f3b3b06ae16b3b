/// wasi:http/types, the side a service answers on: incoming-request, outgoing-response,
/// response-outparam.
#pragma once

#include "base/local_ptr.hpp"
#include "http/exchange.hpp"
#include "wasi/p2/http_body.hpp"
#include "wasi/p2/http_fields.hpp"
#include "wit/wasi_http_types.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace whorl::wasi::p2 {

/// The method as the interface has it: a case for each common one, case-sensitive.
[[nodiscard]] wit::wasi_http_types::Method to_method(std::string_view name);
/// The method as it goes over the wire.
[[nodiscard]] std::string to_text(const wit::wasi_http_types::Method& method);

/// The request being answered. Takes the parts it needs out of the exchange's request.
class IncomingRequest final : public wit::wasi_http_types::IncomingRequest {
 public:
  IncomingRequest(const Surroundings& around, LocalPtr<http::Exchange> exchange) noexcept
      : around_(around), exchange_(std::move(exchange)) {}
  /// A body that nobody took will not be read.
  ~IncomingRequest() override;

  [[nodiscard]] component::HostResult<wit::wasi_http_types::Method> method(component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<std::optional<std::string>> path_with_query(
      component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<std::optional<wit::wasi_http_types::Scheme>> scheme(
      component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<std::optional<std::string>> authority(component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<component::Own<wit::wasi_http_types::Fields>> headers(
      component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<
      std::expected<component::Own<wit::wasi_http_types::IncomingBody>, component::Unit>>
  consume(component::Call& call) override;

 private:
  const Surroundings& around_;
  LocalPtr<http::Exchange> exchange_;
  LocalPtr<FieldMap> headers_;  ///< made when first asked for
  bool consumed_ = false;
};

class OutgoingResponse final : public wit::wasi_http_types::OutgoingResponse {
 public:
  OutgoingResponse(const Surroundings& around, LocalPtr<FieldMap> headers) noexcept
      : around_(around), headers_(std::move(headers)) {}
  /// A response that was never sent takes no more bytes for its body.
  ~OutgoingResponse() override;

  [[nodiscard]] component::HostResult<std::uint16_t> status_code(component::Call& call) override;
  [[nodiscard]] component::HostResult<std::expected<void, component::Unit>> set_status_code(
      component::Call& call, std::uint16_t status_code
  ) override;
  [[nodiscard]] component::HostResult<component::Own<wit::wasi_http_types::Fields>> headers(
      component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<
      std::expected<component::Own<wit::wasi_http_types::OutgoingBody>, component::Unit>>
  body(component::Call& call) override;

  [[nodiscard]] std::uint16_t status() const noexcept { return status_; }
  /// Hands the parts over for sending.
  struct Parts {
    LocalPtr<FieldMap> headers;
    LocalPtr<OutgoingBodyState> body;  ///< null: the guest never asked for it
  };
  [[nodiscard]] Parts take_parts() noexcept { return {std::move(headers_), std::move(body_)}; }

 private:
  const Surroundings& around_;
  std::uint16_t status_ = 200;
  LocalPtr<FieldMap> headers_;
  LocalPtr<OutgoingBodyState> body_;
};

/// What became of the answer of one call of the handler.
class ResponseState {
 public:
  explicit ResponseState(LocalPtr<http::Exchange> exchange) noexcept
      : exchange_(std::move(exchange)) {}

  /// The guest's answer.
  void respond(OutgoingResponse& response);
  /// The guest answered with an error: the client gets 500.
  void refuse(const ErrorCode& error);
  /// The call has returned. A response that the guest never gave becomes 500; a body that it left
  /// open without dropping it ends here.
  /// @return why the answer is not the guest's own, null if it is
  [[nodiscard]] const char* conclude();

 private:
  LocalPtr<http::Exchange> exchange_;
  LocalPtr<OutgoingBodyState> body_;
  bool answered_ = false;
  const char* failure_ = nullptr;
};

class ResponseOutparam final : public wit::wasi_http_types::ResponseOutparam {
 public:
  explicit ResponseOutparam(LocalPtr<ResponseState> state) noexcept : state_(std::move(state)) {}
  [[nodiscard]] ResponseState& state() noexcept { return *state_; }

 private:
  LocalPtr<ResponseState> state_;
};

}  // namespace whorl::wasi::p2
