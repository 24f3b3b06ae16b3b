/// Server: HTTP/1.0, 1.1 and 2 on one shard, over TCP or TLS.
///
/// Requests of a connection are answered one after the other, pipelined or not; bodies stream in
/// both directions at once. What a client may make the server hold or wait for is bounded by
/// ServerOptions. @thread shard
///
/// @spec RFC 9110, RFC 9112
#pragma once

#include "async/deadline.hpp"
#include "async/event.hpp"
#include "async/shard.hpp"
#include "fs/file.hpp"
#include "http/client_census.hpp"
#include "http/connection_balance.hpp"
#include "http/exchange.hpp"
#include "net/stream.hpp"
#include "net/tls_server.hpp"
#include "net/trusted_peers.hpp"
#include "wire/http1/request.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace whorl::http {

struct ServerOptions {
  Scheme scheme = Scheme::Http;
  wire::http1::HeadLimits head;
  /// Bytes of a body kept for a handler that does not read, in each direction.
  std::size_t body_buffer_bytes = BodyPipe::kServedCapacity;
  /// A longer request body is refused (413) or cut (ResourceLimit).
  std::uint64_t max_body_bytes = UINT64_MAX;
  /// Bytes of a body that nobody reads which are taken to keep the connection usable.
  std::size_t drain_bytes = 64 * 1024;
  /// Connections beyond this wait in the kernel.
  std::size_t max_connections = 16 * 1024;
  /// Counts the connections of each client; one more than it may have is refused (429). Null: they
  /// are not counted.
  std::shared_ptr<ClientCensus> clients{};
  /// Shares connections out among the servers that have it, which are on shards of their own. Null:
  /// each keeps what it accepts.
  std::shared_ptr<ConnectionBalance> balance{};
  /// TLS handshakes at once; for one more the oldest is given up.
  std::size_t max_handshakes = 1024;
  /// From accepting a connection to the end of its TLS handshake.
  async::Milliseconds handshake_timeout{10'000};
  /// Whose connections begin with a header of the PROXY protocol, which is to come as fast as a
  /// handshake; everybody else's begin as usual.
  net::TrustedPeers proxies{};
  /// Requests of one HTTP/2 connection at once; one more is refused.
  std::uint32_t max_streams = 128;
  /// Bytes of all request bodies of one HTTP/2 connection that wait for handlers to read them.
  std::uint32_t http2_window_bytes = 1024 * 1024;
  /// From the first byte of a head to its end: 408. Also how long a new connection may say nothing.
  async::Milliseconds header_timeout{30'000};
  /// Between requests.
  async::Milliseconds idle_timeout{75'000};
  /// Without a byte of a body that the handler waits for.
  async::Milliseconds body_timeout{60'000};
  /// Without the client taking a byte of the response.
  async::Milliseconds write_timeout{60'000};
  /// Bytes of a body in a second that a client must send on average while the handler waits for
  /// them and has not answered yet (408), or take of an answer. 0: any.
  std::uint64_t min_body_rate = 240;
  std::uint64_t min_write_rate = 240;
  /// How long it may do less.
  async::Milliseconds rate_grace{20'000};
  /// For a client to notice that its connection was closed early, before it is reset; and for a
  /// new connection to begin its first request once the server drains.
  async::Milliseconds linger_timeout{2'000};
  /// For a request of a kept connection that is on its way when the server begins to drain.
  async::Milliseconds drain_grace{500};
};

/// How long a server that drains waits for clients that say nothing.
enum class Patience : std::uint8_t {
  Brief,  ///< ServerOptions::drain_grace, or linger_timeout before the first request
  /// Until the deadline: nothing tells a client of HTTP/1 that its kept connection is about to end,
  /// and a request that crosses the end is lost (RFC 9112 §9.3.1). HTTP/2 has GOAWAY for that.
  Full,
};

struct ServerCore;

class Server {
 public:
  /// @param shard, handler  outlive the server
  Server(async::Shard& shard, Handler& handler, ServerOptions options = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  /// As close_all(). Not from inside Handler::handle().
  ~Server();

  /// Serves a listening socket of this shard (net::listen_on()), beside those given before.
  void listen(fs::Fd listening);
  /// From now on accepted connections begin with a TLS handshake by these settings; those that
  /// were accepted before keep theirs. ServerOptions::scheme is to say https.
  void set_tls(std::shared_ptr<const net::TlsServerContext> tls) noexcept;
  /// Serves a connection that was accepted elsewhere, without TLS of ours.
  /// @param client_address  "ip:port"
  void serve(std::unique_ptr<net::Stream> stream, std::string client_address);

  /// Begins to drain: takes the connections that wait in the kernel, closes the listening sockets.
  /// Connections finish what they do, with `connection: close` or GOAWAY; idle ones end when
  /// nothing comes within drain_grace.
  void stop_accepting();
  /// stop_accepting(), and when the deadline comes, close_all(). Then is_empty().
  void drain(async::Deadline deadline, Patience patience = Patience::Brief);
  /// Closes every connection now; their handlers learn that the client is gone. Not from inside
  /// Handler::handle().
  void close_all();
  /// Nothing is accepted and no connection is left.
  [[nodiscard]] bool is_empty() const noexcept;
  /// Fires when is_empty() becomes true.
  [[nodiscard]] async::Event& empty_event() noexcept;
  [[nodiscard]] std::size_t connection_count() const noexcept;

 private:
  std::unique_ptr<ServerCore> core_;
};

}  // namespace whorl::http
