/// Client: carries out requests over the network, HTTP/1.1 over TCP or TLS.
///
/// One per shard. Each request is a coroutine that ends by itself when its exchange is abandoned or
/// the reader of its response goes away. Connections that served a request whole wait a little for
/// another one to the same place.
/// @thread shard
/// @spec RFC 9112, RFC 9110 §9.2.2 (when a request is sent a second time)
#pragma once

#include "async/shard.hpp"
#include "http/client_exchange.hpp"
#include "net/ip_network.hpp"
#include "net/tls_client.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace whorl::http {

struct ClientOptions {
  net::TlsClientOptions tls;
  net::BlockedNetworks blocked;
  std::size_t max_connections = 4096;  ///< open at a time; 0 makes no connection at all
  std::size_t max_idle = 64;           ///< 0: no connection is used twice
  std::chrono::seconds idle_time{30};  ///< after which an idle one is not used any more
};

/// Where a request goes.
struct Destination {
  bool is_tls = false;
  std::string host;  ///< lower case; an IPv6 address without brackets
  std::uint16_t port = 0;
  [[nodiscard]] bool operator==(const Destination&) const = default;
};
/// Reads "host", "host:port", "[v6]:port"; the port is the scheme's by default. Nothing for what
/// is no authority, and for one with user information.
[[nodiscard]] std::optional<Destination> parse_destination(
    Scheme scheme, std::string_view authority
);

class Client {
 public:
  /// @param shard  outlives the client and its requests
  Client(async::Shard& shard, ClientOptions options);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  /// Requests under way are not waited for; a name lookup is.
  ~Client();

  /// Carries out a request; its exchange is resolved later, never inside this call.
  void send(std::shared_ptr<ClientExchange> exchange);

  [[nodiscard]] async::Shard& shard() noexcept;
  /// Connections that wait for another request.
  [[nodiscard]] std::size_t idle_connections() const noexcept;

 private:
  std::shared_ptr<class ClientCore> core_;
};

}  // namespace whorl::http
