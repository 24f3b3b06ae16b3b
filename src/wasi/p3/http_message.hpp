/// wasi:http/types of 0.3: request and response, whoever made them.
#pragma once

#include "base/local_ptr.hpp"
#include "http/exchange.hpp"
#include "http/message.hpp"
#include "wasi/p3/http_body.hpp"
#include "wit/wasi_http_types_p3.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace whorl::wasi::p3 {

/// What a message costs that a guest makes: the object and what belongs to it. Handles are many.
inline constexpr std::size_t kMessageCharge = 1024;

class Request final : public types::Request {
 public:
  using Method = types::Method;
  using Scheme = types::Scheme;
  /// What a setter tells the guest.
  using Accepted = std::expected<void, component::Unit>;

  /// A guest's.
  Request(
      const Surroundings& around,
      LocalPtr<FieldMap> headers,
      MessageBody body,
      std::optional<RequestOptions::Timeouts> options
  ) noexcept
      : around_(around),
        headers_(std::move(headers)),
        body_(std::move(body)),
        options_(options),
        charge_(around.memory) {}
  ~Request() override { tell_guest(std::unexpected(ErrorCode::connection_terminated())); }
  /// One to be answered; takes its parts out of the exchange, but for method and path, which the
  /// log names. Fields are made for guests that look at them; until then it holds the exchange.
  Request(const Surroundings& around, LocalPtr<http::Exchange> exchange);
  /// Makes the fields now, for one that may outlive its exchange: who holds that keeps its record
  /// from being written.
  void detach() { static_cast<void>(headers()); }

  [[nodiscard]] component::HostResult<Method> get_method(component::Call& call) override;
  [[nodiscard]] component::HostResult<Accepted> set_method(component::Call& call, Method method)
      override;
  [[nodiscard]] component::HostResult<std::optional<std::string>> get_path_with_query(
      component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<Accepted> set_path_with_query(
      component::Call& call, std::optional<std::string_view> path_with_query
  ) override;
  [[nodiscard]] component::HostResult<std::optional<Scheme>> get_scheme(component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<Accepted> set_scheme(
      component::Call& call, std::optional<Scheme> scheme
  ) override;
  [[nodiscard]] component::HostResult<std::optional<std::string>> get_authority(
      component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<Accepted> set_authority(
      component::Call& call, std::optional<std::string_view> authority
  ) override;
  [[nodiscard]] component::HostResult<std::optional<component::Own<types::RequestOptions>>>
  get_options(component::Call& call) override;
  [[nodiscard]] component::HostResult<component::Own<types::Fields>> get_headers(
      component::Call& call
  ) override;

  /// Charges for a guest's request and the texts it now holds. A trap without memory for it.
  [[nodiscard]] component::HostResult<Accepted> accept();
  [[nodiscard]] MessageBody take_body() noexcept { return std::move(body_); }
  [[nodiscard]] http::ClientTimeouts timeouts() const noexcept;
  /// Hands the request over for sending.
  /// @return what the guest is told of one that cannot be sent; a trap without memory for it
  [[nodiscard]] component::HostResult<std::expected<http::Request, ErrorCode>> take_for_sending();
  /// Whether there was a response: until then nothing counts as sent. A request that goes away
  /// without was not sent.
  void tell_guest(const Sent& how);

 private:
  /// Most bytes of a method, target or authority.
  static constexpr std::size_t kMaxPart = 65'534;
  [[nodiscard]] LocalPtr<FieldMap>& headers();

  const Surroundings& around_;
  Method method_ = Method::get();
  std::optional<std::string> path_with_query_;
  std::optional<Scheme> scheme_;
  std::optional<std::string> authority_;
  LocalPtr<FieldMap> headers_;         ///< null while they are in exchange_
  LocalPtr<http::Exchange> exchange_;  ///< whose fields nobody has looked at; else null
  MessageBody body_;
  std::optional<RequestOptions::Timeouts> options_;
  MemoryCharge charge_;
  LocalPtr<Transmission> sent_;  ///< while it is being sent
};

class Response final : public types::Response {
 public:
  /// A guest's.
  /// @param charge  of kMessageCharge
  Response(
      const Surroundings& around,
      LocalPtr<FieldMap> headers,
      MessageBody body,
      MemoryCharge charge = {}
  ) noexcept
      : around_(around),
        headers_(std::move(headers)),
        body_(std::move(body)),
        charge_(std::move(charge)) {}
  /// One that came over the wire.
  /// @param charge  for what the host keeps of it
  Response(const Surroundings& around, http::Response response, MemoryCharge charge);

  [[nodiscard]] component::HostResult<std::uint16_t> get_status_code(component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<std::expected<void, component::Unit>> set_status_code(
      component::Call& call, std::uint16_t status_code
  ) override;
  [[nodiscard]] component::HostResult<component::Own<types::Fields>> get_headers(
      component::Call& call
  ) override;

  [[nodiscard]] MessageBody take_body() noexcept { return std::move(body_); }
  [[nodiscard]] std::uint16_t status() const noexcept { return status_; }
  /// Hands the response over for sending.
  /// @return why it cannot be sent, for the log
  [[nodiscard]] std::expected<http::Response, const char*> take_for_sending();

 private:
  const Surroundings& around_;
  std::uint16_t status_ = 200;
  LocalPtr<FieldMap> headers_;
  MessageBody body_;
  MemoryCharge charge_;
};

}  // namespace whorl::wasi::p3
