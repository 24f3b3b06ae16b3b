/// ClientExchange: one request that a guest or the host makes, shared by who wants the answer and
/// who carries it out.
///
/// The mirror of Exchange: the requester fills in the request and waits for resolved_event(); the
/// carrier (Client, or Outbound for what stays within the process) calls resolve() once. Either
/// side may go away first. @thread shard
#pragma once

#include "async/event.hpp"
#include "http/message.hpp"

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace whorl::telemetry {
class OpenSpan;
}

namespace whorl::http {

/// Why there is no response.
enum class ClientFailure : std::uint8_t {
  Denied,             ///< no grant covers the destination
  InvalidUri,         ///< the authority or path cannot be requested
  UnsupportedScheme,  ///< neither http nor https
  NameNotFound,       ///< the name has no address
  AddressProhibited,  ///< every address of the name is in a blocked network
  ConnectionRefused,
  ConnectionTimeout,  ///< no connection in time
  ConnectionFailed,   ///< any other reason not to get one
  ReadTimeout,        ///< no response in time
  ConnectionLimit,    ///< as many connections are open as may be
  Tls,                ///< handshake or certificate
  HeadTooLong,        ///< of the response
  Protocol,           ///< no HTTP response, or the connection broke before one
  Internal,
};

/// A failure with words for a log; they name no secret, but may name the destination.
struct ClientError {
  ClientFailure failure = ClientFailure::Internal;
  std::string text;
};

/// How long a request may take. Durations, because each starts when the step before is over.
struct ClientTimeouts {
  static constexpr std::chrono::nanoseconds kDefault = std::chrono::seconds(600);
  std::chrono::nanoseconds connect = kDefault;        ///< name lookup, TCP and TLS together
  std::chrono::nanoseconds first_byte = kDefault;     ///< from the connection to the head
  std::chrono::nanoseconds between_bytes = kDefault;  ///< while the reader waits for more
};

/// When a connection that served another request may be used.
enum class ConnectionReuse : std::uint8_t {
  Idempotent,  ///< for methods that may be repeated (RFC 9110 §9.2.2)
  Always,      ///< the requester bears that the server may just have closed it
};

/// Which versions of HTTP a request may be made by.
enum class HttpVersions : std::uint8_t {
  Any,        ///< what the server chooses; HTTP/1.1 over plain TCP
  Http2Only,  ///< HTTP/2, over plain TCP without asking; a failure where the server does not
};

class ClientExchange {
 public:
  using Outcome = std::expected<Response, ClientError>;

  /// @param request  its authority is the destination ("host" or "host:port") and becomes the Host
  ///                 field; its fields have no host and no framing of their own but
  ///                 content-length; its body is null when there is none
  ClientExchange(Request request, ClientTimeouts timeouts)
      : request_(std::move(request)), timeouts_(timeouts) {}
  ClientExchange(const ClientExchange&) = delete;
  ClientExchange& operator=(const ClientExchange&) = delete;

  /// Who asks: a component's id, which may have TLS settings of its own.
  void set_requester(std::string component_id) { requester_ = std::move(component_id); }
  [[nodiscard]] const std::string& requester() const noexcept { return requester_; }

  void set_reuse(ConnectionReuse reuse) noexcept { reuse_ = reuse; }
  [[nodiscard]] ConnectionReuse reuse() const noexcept { return reuse_; }

  void set_versions(HttpVersions versions) noexcept { versions_ = versions; }
  [[nodiscard]] HttpVersions versions() const noexcept { return versions_; }

  // --- requester's side ------------------------------------------------------------------------
  [[nodiscard]] bool is_resolved() const noexcept { return resolved_; }
  /// The outcome, once; nothing when it was taken before or is not there yet. The body of the
  /// response may still be on its way.
  [[nodiscard]] std::optional<Outcome> take_outcome() {
    return std::exchange(outcome_, std::nullopt);
  }
  /// Fires when resolved.
  [[nodiscard]] async::Event& resolved_event() noexcept { return resolved_event_; }
  /// No answer is wanted any more: the request is ended, a response that nobody took is not read.
  void abandon();

  // --- carrier's side --------------------------------------------------------------------------
  /// The request; the carrier may move its parts out.
  [[nodiscard]] Request& request() noexcept { return request_; }
  [[nodiscard]] const ClientTimeouts& timeouts() const noexcept { return timeouts_; }
  [[nodiscard]] bool is_abandoned() const noexcept { return abandoned_; }
  /// Fires when abandoned.
  [[nodiscard]] async::Event& abandoned_event() noexcept { return abandoned_event_; }
  /// The span that ends when it is resolved; null: none.
  void set_span(std::shared_ptr<telemetry::OpenSpan> span) noexcept { span_ = std::move(span); }
  /// Gives the outcome. Once only. A failure ends the request's body.
  void resolve(Outcome outcome);

 private:
  Request request_;
  ClientTimeouts timeouts_;
  std::string requester_;
  ConnectionReuse reuse_ = ConnectionReuse::Idempotent;
  HttpVersions versions_ = HttpVersions::Any;
  std::optional<Outcome> outcome_;
  std::shared_ptr<telemetry::OpenSpan> span_;
  bool resolved_ = false;
  bool abandoned_ = false;
  async::Event resolved_event_;
  async::Event abandoned_event_;
};

}  // namespace whorl::http
