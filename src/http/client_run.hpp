/// ClientRun: one request of a client, from its destination to the end of its response. Private to
/// the client.
///
/// A coroutine that does what can be done now and then waits for one event, to which everything
/// that can change something is relayed: the socket, both bodies, the requester. Sending the
/// request and receiving the response go on side by side. @thread shard
#pragma once

#include "async/awaitable.hpp"
#include "async/event.hpp"
#include "base/local_ptr.hpp"
#include "http/client_core.hpp"
#include "http/http2_client_stream.hpp"
#include "http/read_buffer.hpp"
#include "http/relay.hpp"
#include "http/request_writer.hpp"
#include "wire/http1/body.hpp"
#include "wire/http1/response_head.hpp"

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace whorl::http {

class ClientRun {
 public:
  ClientRun(std::shared_ptr<ClientCore> core, std::shared_ptr<ClientExchange> exchange)
      : core_(std::move(core)), exchange_(std::move(exchange)) {}
  ClientRun(const ClientRun&) = delete;
  ClientRun& operator=(const ClientRun&) = delete;

  /// The whole of it.
  static async::Awaitable<> run(
      std::shared_ptr<ClientCore> core, std::shared_ptr<ClientExchange> exchange
  );

 private:
  /// Why there is no response; nothing when nobody wants to know any more.
  using Failed = std::optional<ClientError>;
  template <class T = void>
  using Step = std::expected<T, Failed>;
  using Channel = std::unique_ptr<net::Channel>;
  using Addresses = std::vector<net::SocketAddress>;

  /// What a try to go on came to.
  enum class Move : std::uint8_t { Progress, Blocked, Ended };

  [[nodiscard]] static Step<> gone() { return std::unexpected(Failed()); }
  [[nodiscard]] static std::unexpected<Failed> failed(ClientFailure failure, std::string text) {
    return std::unexpected(Failed(ClientError{failure, std::move(text)}));
  }

  // client_connect.cpp
  /// Takes the place of a new connection.
  async::Awaitable<Step<>> enter(async::Deadline deadline);
  async::Awaitable<Step<Addresses>> lookup(async::Deadline deadline);
  async::Awaitable<Step<Channel>> connect(async::Deadline deadline);
  async::Awaitable<Step<std::unique_ptr<net::WatchedSocket>>> connect_to(
      net::SocketAddress address, async::Deadline deadline, async::Deadline share
  );
  async::Awaitable<Step<Channel>> secure(
      std::unique_ptr<net::WatchedSocket> socket, async::Deadline deadline
  );
  /// Waits for wake_. @return gone when the exchange was abandoned, or ConnectionTimeout
  async::Awaitable<Step<>> wait_connecting(async::Deadline deadline);

  // client_http2.cpp
  async::Awaitable<Step<bool>> join_http2(async::Deadline deadline);
  [[nodiscard]] Step<> judge_protocol();
  async::Awaitable<Step<>> transfer_http2();
  /// Whether the request may be sent again, over this or a new connection.
  [[nodiscard]] bool may_retry(const Http2ClientStream& stream, bool was_used) const;
  /// The request is made by HTTP/1.1, where HTTP/2 would have been spoken.
  void use_http1() noexcept;
  /// Does so where the place is known to want that, and the request may be made so.
  void heed_place();
  [[nodiscard]] async::Deadline http2_deadline(const Http2ClientStream& stream) const;
  void break_off_http2(Http2ClientStream& stream);

  // client_run.cpp
  [[nodiscard]] static async::Deadline after(std::chrono::nanoseconds delay);
  [[nodiscard]] bool may_repeat() const;
  async::Awaitable<Step<>> go();
  /// Gets a connection: channel_ for HTTP/1.1, or http2_.
  async::Awaitable<Step<>> obtain(async::Deadline deadline);
  async::Awaitable<Step<>> make_connection(async::Deadline deadline);
  async::Awaitable<Step<>> transfer();
  async::Awaitable<> wait_transfer();
  /// Whether the request may be sent again over a new connection.
  [[nodiscard]] bool may_retry() const;
  [[nodiscard]] Move write();
  [[nodiscard]] Move read();
  [[nodiscard]] Move read_head();
  [[nodiscard]] Move read_body();
  [[nodiscard]] Move fill();
  [[nodiscard]] Move take_head(std::string_view text);
  void deliver(const wire::http1::ResponseHead& head);
  /// No response, or a cut one.
  [[nodiscard]] Move break_off(ClientFailure failure, std::string text);
  void end_connection();
  [[nodiscard]] bool is_full() const { return response_ != nullptr && is_blocked_by_reader_; }

  std::shared_ptr<ClientCore> core_;
  std::shared_ptr<ClientExchange> exchange_;
  Destination to_;
  async::Event wake_;
  Relay on_abandoned_{wake_};
  Relay on_socket_{wake_};
  Relay on_request_body_{wake_};
  Relay on_response_body_{wake_};

  ConnectionPermit permit_;
  bool has_place_ = false;  ///< the permit was taken
  Channel channel_;
  std::shared_ptr<Http2ClientConnection> http2_;
  unsigned tries_ = 0;    ///< requests over HTTP/2 that failed
  bool retries_ = false;  ///< the last of them is sent again
  bool is_reused_ = false;
  RequestWriter writer_;
  bool write_failed_ = false;
  ReadBuffer buffer_;
  wire::http1::ResponseScanner scanner_;
  wire::http1::BodyDecoder decoder_;
  wire::http1::ResponseFraming framing_ = wire::http1::ResponseFraming::None;
  unsigned interim_ = 0;       ///< 1xx responses so far
  bool received_any_ = false;  ///< a byte of a response
  bool keep_alive_ = false;
  bool is_blocked_by_reader_ = false;
  bool ended_well_ = false;
  LocalPtr<BodyPipe> response_;  ///< null until the head was delivered
  Failed failure_;
  async::Deadline deadline_;
};

}  // namespace whorl::http
