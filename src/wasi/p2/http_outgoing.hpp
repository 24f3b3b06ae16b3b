/// wasi:http/types, the side that makes requests: outgoing-request, request-options,
/// incoming-response, future-incoming-response.
#pragma once

#include "base/local_ptr.hpp"
#include "http/client_exchange.hpp"
#include "http/message.hpp"
#include "wasi/p2/http_body.hpp"
#include "wasi/p2/http_fields.hpp"
#include "wit/wasi_http_types.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace whorl::wasi::p2 {

class OutgoingRequest final : public wit::wasi_http_types::OutgoingRequest {
 public:
  using Method = wit::wasi_http_types::Method;
  using Scheme = wit::wasi_http_types::Scheme;
  /// What a setter tells the guest.
  using Accepted = std::expected<void, component::Unit>;

  OutgoingRequest(const Surroundings& around, LocalPtr<FieldMap> headers) noexcept
      : around_(around), headers_(std::move(headers)), charge_(around.memory) {}
  /// A request that was never sent takes no more bytes for its body.
  ~OutgoingRequest() override;

  [[nodiscard]] component::HostResult<
      std::expected<component::Own<wit::wasi_http_types::OutgoingBody>, component::Unit>>
  body(component::Call& call) override;
  [[nodiscard]] component::HostResult<Method> method(component::Call& call) override;
  [[nodiscard]] component::HostResult<Accepted> set_method(component::Call& call, Method method)
      override;
  [[nodiscard]] component::HostResult<std::optional<std::string>> path_with_query(
      component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<Accepted> set_path_with_query(
      component::Call& call, std::optional<std::string_view> path_with_query
  ) override;
  [[nodiscard]] component::HostResult<std::optional<Scheme>> scheme(component::Call& call) override;
  [[nodiscard]] component::HostResult<Accepted> set_scheme(
      component::Call& call, std::optional<Scheme> scheme
  ) override;
  [[nodiscard]] component::HostResult<std::optional<std::string>> authority(component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<Accepted> set_authority(
      component::Call& call, std::optional<std::string_view> authority
  ) override;
  [[nodiscard]] component::HostResult<component::Own<wit::wasi_http_types::Fields>> headers(
      component::Call& call
  ) override;

  /// Checks what the guest put together; the setters have checked each part.
  /// @return the error `outgoing-handler.handle` answers with
  [[nodiscard]] std::expected<void, ErrorCode> check() const;
  /// Hands the request over for sending; the guest's handles of its body stay good.
  [[nodiscard]] http::Request take_request();

 private:
  /// Most bytes of a method, target or authority.
  static constexpr std::size_t kMaxPart = 65'534;
  /// Charges for the texts now held.
  [[nodiscard]] component::HostResult<Accepted> accept();

  const Surroundings& around_;
  Method method_ = Method::get();
  std::optional<std::string> path_with_query_;
  std::optional<Scheme> scheme_;
  std::optional<std::string> authority_;
  LocalPtr<FieldMap> headers_;
  LocalPtr<OutgoingBodyState> body_;
  MemoryCharge charge_;
};

class RequestOptions final : public wit::wasi_http_types::RequestOptions {
 public:
  using Duration = wit::wasi_http_types::Duration;
  using Timeout = component::HostResult<std::optional<Duration>>;
  using Accepted = component::HostResult<std::expected<void, component::Unit>>;

  [[nodiscard]] Timeout connect_timeout(component::Call& call) override;
  [[nodiscard]] Accepted set_connect_timeout(
      component::Call& call, std::optional<Duration> duration
  ) override;
  [[nodiscard]] Timeout first_byte_timeout(component::Call& call) override;
  [[nodiscard]] Accepted set_first_byte_timeout(
      component::Call& call, std::optional<Duration> duration
  ) override;
  [[nodiscard]] Timeout between_bytes_timeout(component::Call& call) override;
  [[nodiscard]] Accepted set_between_bytes_timeout(
      component::Call& call, std::optional<Duration> duration
  ) override;

  /// What was not set is as long as the host allows.
  [[nodiscard]] http::ClientTimeouts timeouts() const noexcept;

 private:
  std::optional<Duration> connect_;
  std::optional<Duration> first_byte_;
  std::optional<Duration> between_bytes_;
};

class IncomingResponse final : public wit::wasi_http_types::IncomingResponse {
 public:
  /// @param charge  for what the host keeps of it
  IncomingResponse(const Surroundings& around, http::Response response, MemoryCharge charge = {});
  /// A body that nobody took will not be read.
  ~IncomingResponse() override;

  [[nodiscard]] component::HostResult<std::uint16_t> status(component::Call& call) override;
  [[nodiscard]] component::HostResult<component::Own<wit::wasi_http_types::Fields>> headers(
      component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<
      std::expected<component::Own<wit::wasi_http_types::IncomingBody>, component::Unit>>
  consume(component::Call& call) override;

 private:
  const Surroundings& around_;
  std::uint16_t status_;
  LocalPtr<FieldMap> headers_;
  LocalPtr<http::BodyPipe> body_;  ///< null once consumed
  MemoryCharge charge_;
};

/// What the guest is told when there is no response.
[[nodiscard]] ErrorCode to_error_code(http::ClientFailure failure);

/// A response that may still be on its way. When the last share goes, nobody wants it any more.
class PendingResponse final : public Readiness {
 public:
  /// What the host keeps for a request under way: the buffers of the connection and the response.
  static constexpr std::size_t kCharge = 2 * http::BodyPipe::kDefaultCapacity;

  PendingResponse(std::shared_ptr<http::ClientExchange> exchange, MemoryCharge charge) noexcept
      : exchange_(std::move(exchange)), charge_(std::move(charge)) {}
  ~PendingResponse() override { exchange_->abandon(); }

  [[nodiscard]] bool is_ready() override { return exchange_->is_resolved(); }
  [[nodiscard]] async::Event* event() noexcept override { return &exchange_->resolved_event(); }
  /// The outcome, once; only when ready.
  [[nodiscard]] std::optional<http::ClientExchange::Outcome> take() {
    return exchange_->take_outcome();
  }
  [[nodiscard]] MemoryCharge take_charge() noexcept { return std::move(charge_); }

 private:
  std::shared_ptr<http::ClientExchange> exchange_;
  MemoryCharge charge_;
};

class FutureIncomingResponse final : public wit::wasi_http_types::FutureIncomingResponse {
 public:
  using Response = std::expected<component::Own<wit::wasi_http_types::IncomingResponse>, ErrorCode>;
  FutureIncomingResponse(const Surroundings& around, LocalPtr<PendingResponse> pending) noexcept
      : around_(around), pending_(std::move(pending)) {}
  [[nodiscard]] component::HostResult<component::Own<wit::wasi_http_types::Pollable>> subscribe(
      component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<std::optional<std::expected<Response, component::Unit>>> get(
      component::Call& call
  ) override;

 private:
  const Surroundings& around_;
  LocalPtr<PendingResponse> pending_;
};

}  // namespace whorl::wasi::p2
