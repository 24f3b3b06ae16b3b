/// ServerCore: what the connections of a server share. Private to the server. @thread shard
#pragma once

#include "async/timer.hpp"
#include "base/local_ptr.hpp"
#include "http/buffer_pool.hpp"
#include "http/pace.hpp"
#include "http/server.hpp"
#include "http/server_connection.hpp"
#include "net/acceptor.hpp"
#include "wire/http1/response.hpp"

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::http {

class Handshake;

/// What a connection speaks.
enum class Protocol : std::uint8_t { Http1, Http2 };

struct ServerCore final : ConnectionBalance::Member {
  ServerCore(async::Shard& on, Handler& to, ServerOptions with);
  ServerCore(const ServerCore&) = delete;
  ServerCore& operator=(const ServerCore&) = delete;
  ~ServerCore();

  // ConnectionBalance::Member
  void adopt(fs::Fd socket, const net::SocketAddress& peer) override;

  /// A sweep's number from which `timeout` has certainly passed.
  [[nodiscard]] Tick tick_after(async::Milliseconds timeout) const noexcept;
  [[nodiscard]] std::string_view date() noexcept { return date_cache.at(std::time(nullptr)); }

  /// A socket that this shard has accepted: keeps it, or lets a shard with fewer have it.
  void on_accept(fs::Fd socket, const net::SocketAddress& peer);
  /// Makes it a connection, after a handshake where there is TLS.
  void admit(fs::Fd socket, std::string client_address);
  /// @param client_address  whose connections are counted
  void add(LocalPtr<ServerConnection> connection, std::string_view client_address);
  /// Makes a connection of a stream that is ready for requests.
  /// @param received  what was read from it already
  void add(
      std::unique_ptr<net::Stream> stream,
      std::string client_address,
      Protocol protocol,
      std::string_view received
  );
  /// The connection has ended.
  void remove(ServerConnection& connection);
  /// The handshake is over, one way or the other; it is a connection still.
  void forget(Handshake& handshake);
  /// Ends idle connections, the longest idle first. @return how many
  std::size_t shed_idle(std::size_t count);
  void stop_accepting();
  /// Draining, and there is nothing and nothing will come.
  [[nodiscard]] bool is_empty() const noexcept;
  void close_all();
  /// close_all() at a deadline.
  void close_at(async::Deadline deadline);

  async::Shard& shard;
  Handler& handler;
  const ServerOptions options;
  const async::Milliseconds tick_length;
  const LeastRate body_rate;
  const LeastRate write_rate;
  Tick now = 1;
  bool draining = false;
  bool is_patient = false;  ///< draining with Patience::Full: close_at() ends who says nothing
  bool ended = false;       ///< by close_all()
  wire::http1::RequestHead head;  ///< scratch, used within one call only
  wire::http1::DateCache date_cache;
  BufferPool head_buffers{4 * 1024};    ///< a head fits nearly always
  BufferPool http2_buffers{16 * 1024};  ///< a frame of the usual size
  std::vector<LocalPtr<ServerConnection>> connections;
  std::list<Handshake*> handshakes;                  ///< those of `connections`, the oldest first
  std::shared_ptr<const net::TlsServerContext> tls;  ///< null: accepted connections are plain
  async::Event empty_event;

  class Listener;
  std::vector<std::unique_ptr<Listener>> listeners;

 private:
  /// Calls a function of the core when a deadline comes.
  class Alarm final : public async::Waiter {
   public:
    using Call = void (ServerCore::*)();
    Alarm(ServerCore& core, Call call) : core_(core), call_(call), timer_(core.shard) {}
    void start(async::Deadline deadline) {
      if (!is_linked()) {
        timer_.event().add(*this);
      }
      timer_.start(deadline);
    }
    void on_event() noexcept override { (core_.*call_)(); }

   private:
    ServerCore& core_;
    Call call_;
    async::Timer timer_;
  };

  /// Answers a client that has as many connections as it may have, as well as that can be done
  /// without waiting for it. @return false when it may have one more
  [[nodiscard]] bool refuse_crowd(const fs::Fd& socket, std::string_view client_address);
  /// Makes a connection of it, or of the proxy's that it is.
  void take(fs::Fd socket, const net::SocketAddress& peer);
  void leave_census(const ServerConnection& connection) noexcept;
  void note_load() noexcept;
  void start_sweeping();
  void sweep();
  void resume_accepting();

  ConnectionBalance::Seat* seat_ = nullptr;  ///< null: nothing is shared out
  bool sweeping_ = false;
  Alarm sweep_alarm_{*this, &ServerCore::sweep};
  Alarm close_alarm_{*this, &ServerCore::close_all};
};

}  // namespace whorl::http
