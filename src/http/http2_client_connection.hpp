/// Http2ClientConnection: one HTTP/2 connection to a server, which carries requests of many guests.
///
/// A coroutine moves its bytes for as long as it lives: it answers pings and hears goodbyes also
/// while no request is under way. It has one place among the open connections, however many
/// requests it carries. Private to the client. @thread shard
#pragma once

#include "async/awaitable.hpp"
#include "async/event.hpp"
#include "http/client_core.hpp"
#include "http/http2_client_session.hpp"
#include "http/relay.hpp"

#include <cstdint>
#include <memory>

namespace whorl::http {

class Http2ClientConnection final : public Http2ClientSession::Owner,
                                    public std::enable_shared_from_this<Http2ClientConnection> {
 public:
  /// @param core        who keeps it, or made it for one request
  /// @param connection  after its handshake
  Http2ClientConnection(
      std::shared_ptr<ClientCore> core, Destination to, ClientCore::Connection connection
  );
  Http2ClientConnection(const Http2ClientConnection&) = delete;
  Http2ClientConnection& operator=(const Http2ClientConnection&) = delete;
  ~Http2ClientConnection();

  /// Begins to move bytes. Once.
  void start();
  [[nodiscard]] Http2ClientSession& session() noexcept { return session_; }
  [[nodiscard]] const Destination& destination() const noexcept { return to_; }
  /// Takes requests.
  [[nodiscard]] bool is_open() const noexcept { return !is_retired_ && session_.is_open(); }
  [[nodiscard]] bool is_idle() const noexcept { return session_.is_idle(); }
  /// When no request was under way any more.
  [[nodiscard]] async::Clock::time_point idle_since() const noexcept { return idle_since_; }
  /// Takes no more requests: something about it is wrong. Those under way go on.
  void retire();
  /// Closes it and gives its place back, now. Requests under way fail.
  void close(std::string_view why);

  // Http2ClientSession::Owner
  void on_session_wake() noexcept override { wake_.notify(); }
  void on_http1_required() noexcept override;

 private:
  /// What a try to go on came to.
  enum class Move : std::uint8_t { Progress, Blocked, Ended };

  static async::Awaitable<> run(std::shared_ptr<Http2ClientConnection> self);
  [[nodiscard]] Move turn();
  [[nodiscard]] Move read();
  [[nodiscard]] Move write();
  void note_idleness();
  /// Until when it waits for something to happen.
  [[nodiscard]] async::Deadline patience() const;

  std::weak_ptr<ClientCore> core_;
  async::Shard& shard_;
  const std::chrono::seconds idle_time_;
  Destination to_;
  std::unique_ptr<net::Channel> channel_;  ///< null: closed
  ConnectionPermit permit_;
  async::Event wake_;
  Relay on_socket_{wake_};
  Http2ClientSession session_;  ///< wakes us in its end, too
  Bytes buffer_;
  async::Clock::time_point idle_since_;
  async::Deadline last_;  ///< when it is closed although not everything is said
  bool was_busy_ = false;
  bool is_retired_ = false;
};

}  // namespace whorl::http
