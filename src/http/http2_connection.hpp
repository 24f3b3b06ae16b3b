/// Http2Connection: the bytes of one HTTP/2 connection, between its stream and its session.
///
/// It goes in turns: whatever happens, bytes, room, an event of a request, a turn does what can be
/// done now. A client that does not read is not read from either. Private to the server.
/// @thread shard
#pragma once

#include "base/local_ptr.hpp"
#include "http/http2_session.hpp"
#include "http/server_core.hpp"
#include "net/stream.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace whorl::http {

class Http2Connection final : public ServerConnection,
                              public net::StreamSink,
                              public Http2Session::Owner,
                              public EnableLocalFromThis<Http2Connection> {
 public:
  /// @param received  what was read from the stream already
  Http2Connection(
      ServerCore& core,
      std::unique_ptr<net::Stream> stream,
      std::string client_address,
      std::string_view received
  );
  ~Http2Connection() override;

  // ServerConnection
  void start() override;
  void sweep(Tick now) override;
  [[nodiscard]] bool is_idle() const noexcept override { return session_.is_idle() && !lingers_; }
  [[nodiscard]] Tick idle_since() const noexcept override { return session_.idle_since(); }
  void close_idle() override;
  void on_drain() override { session_.begin_drain(); }
  void abandon() override;

  // net::StreamSink
  void on_read(net::ReadEnd end, std::size_t count) override;
  void on_writable() override;
  MutableByteView lend_room() noexcept override;
  void return_room() noexcept override;
  // Http2Session::Owner
  void on_session_wake() noexcept override { wake(); }

 private:
  void wake() noexcept;
  void turn();
  bool flush();
  void start_read();
  void linger();
  /// Closes and leaves the core.
  void close();

  ServerCore* core_;  ///< null once it has ended
  std::unique_ptr<net::Stream> stream_;
  Http2Session session_;
  std::uint8_t* buffer_ = nullptr;  ///< of the core's pool; while a read brings bytes
  Tick write_deadline_ = 0;         ///< 0: none
  Tick linger_deadline_ = 0;
  bool woken_ = false;
  bool in_turn_ = false;
  bool reading_ = false;
  bool waits_writable_ = false;
  bool broken_ = false;   ///< nothing can be sent or received any more
  bool lingers_ = false;  ///< everything is said; the client is to close
};

}  // namespace whorl::http
