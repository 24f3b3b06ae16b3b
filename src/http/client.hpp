/// Client: carries out requests over the network, HTTP/1.1 and HTTP/2 over TCP or TLS.
///
/// One per shard. Each request is a coroutine that ends by itself when its exchange is abandoned or
/// the reader of its response goes away. Connections that served a request whole wait a little for
/// another one to the same place. HTTP/2 is spoken where a server chooses it during the handshake
/// of TLS, or where it is known beforehand: then one connection to a place carries all requests.
/// @thread shard
/// @spec RFC 9112, RFC 9113, RFC 9110 §9.2.2 (when a request is sent a second time)
#pragma once

#include "async/shard.hpp"
#include "http/client_exchange.hpp"
#include "http/connection_limit.hpp"
#include "net/ip_network.hpp"
#include "net/tls_client.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::http {

/// Trust and identity for some components and hosts.
struct TlsRule {
  std::vector<std::string> component_ids;
  std::vector<std::string> hosts;  ///< lower case, without ports
  net::TlsClientOptions tls;
};

struct ClientOptions {
  net::TlsClientOptions tls;       ///< where no rule fits
  std::vector<TlsRule> tls_rules;  ///< the first that fits component and host counts
  net::BlockedNetworks blocked;
  /// Of open connections, idle ones included. A request waits for its place as long as it may wait
  /// for its connection; where a limit is 0 it fails at once.
  ConnectionLimits limits = {std::make_shared<ConnectionLimit>(kDefaultConnections)};
  std::size_t max_idle = 64;  ///< 0: no connection is used twice, nor for two requests
  bool offers_http2 = true;   ///< to servers, during the handshake of TLS
  /// Requests with exactly this authority, over plain TCP, are made by HTTP/2; empty: none are.
  std::string http2_authority;
  std::chrono::seconds idle_time{30};  ///< after which an idle one is not used any more

  static constexpr std::uint64_t kDefaultConnections = 4096;
};

/// Where a request goes.
struct Destination {
  bool is_tls = false;
  std::string host;  ///< lower case; an IPv6 address without brackets
  std::uint16_t port = 0;
  /// Which TLS settings: 0 those of the client, else one more than the index of a rule. Connections
  /// made under different ones are never shared.
  std::size_t tls_profile = 0;
  bool knows_http2 = false;  ///< it is spoken from the first byte, without being agreed on
  bool only_http1 = false;   ///< HTTP/2 is not offered: the server wants none for the request
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
  /// Connections that wait for another request, those of HTTP/2 included.
  [[nodiscard]] std::size_t idle_connections() const noexcept;
  /// Connections of HTTP/2, idle or not, that take requests.
  [[nodiscard]] std::size_t http2_connections() const noexcept;

 private:
  std::shared_ptr<class ClientCore> core_;
};

}  // namespace whorl::http
