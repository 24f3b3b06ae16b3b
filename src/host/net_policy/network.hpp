/// Network: how the clients of capabilities (Redis, databases, …) reach their servers.
///
/// One per process. Whether a guest may is decided before, by its grants; here the operator's
/// blocked networks are compared with the addresses that are really connected to. All functions
/// park the calling fiber and end by their deadline. @thread shard; one object serves all shards
#pragma once

#include "async/blocking_pool.hpp"
#include "async/deadline.hpp"
#include "async/shard_local.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "host/caller.hpp"
#include "http/connection_limit.hpp"
#include "net/channel.hpp"
#include "net/ip_network.hpp"
#include "net/tls_client.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <vector>

namespace whorl::host::net_policy {

struct NetworkOptions {
  net::BlockedNetworks blocked{};
  /// Of connections of all capabilities together; empty: none.
  http::ConnectionLimits total{};
  net::TlsClientOptions tls{};
};

enum class Security : std::uint8_t { Plain, Tls };

class Network {
 public:
  explicit Network(NetworkOptions options) : options_(std::move(options)) {}
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  [[nodiscard]] const NetworkOptions& options() const noexcept { return options_; }

  /// The addresses of a host that may be connected to.
  /// @return errors: NotFound; PermissionDenied when all are blocked; DeadlineExceeded, Cancelled
  [[nodiscard]] Result<std::vector<net::SocketAddress>> resolve(
      Caller caller, const std::string& host, std::uint16_t port, async::Deadline deadline
  );
  /// A connection, with its TLS handshake done.
  /// @return errors: resolve()'s; Unavailable with the system's words; Unauthenticated (TLS)
  [[nodiscard]] Result<std::unique_ptr<net::Channel>> connect(
      Caller caller,
      const std::string& host,
      std::uint16_t port,
      Security security,
      async::Deadline deadline
  );

  /// The settings of TLS, for all shards; made when first needed, while the fiber is parked:
  /// certificates are read for them.
  /// @return errors: InvalidInput naming a file; DeadlineExceeded, Cancelled
  [[nodiscard]] Result<std::shared_ptr<const net::TlsClientContext>> tls(
      Caller caller, async::Deadline deadline
  );

 private:
  [[nodiscard]] Result<std::unique_ptr<net::Channel>> secure(
      Caller caller,
      std::unique_ptr<net::WatchedSocket> socket,
      const std::string& host,
      async::Deadline deadline
  );
  /// The same where waiting is allowed.
  [[nodiscard]] Result<std::shared_ptr<const net::TlsClientContext>> make_tls();
  [[nodiscard]] std::shared_ptr<const net::TlsClientContext> made_tls();
  /// Has `work` done beside the shard, and parks the fiber until then.
  template <class F>
  [[nodiscard]] std::invoke_result_t<F> beside(Caller caller, async::Deadline deadline, F work);

  NetworkOptions options_;
  std::mutex making_tls_;  ///< held while files are read
  std::mutex tls_mutex_;   ///< for a moment
  std::shared_ptr<const net::TlsClientContext> tls_;
  async::PerShard<async::BlockingPool> resolvers_;  ///< last: their ends wait for their work
};

/// Writes all of it. @return errors: Disconnected, DeadlineExceeded, Cancelled
[[nodiscard]] Result<> send_all(
    Caller caller, net::Channel& channel, ByteView bytes, async::Deadline deadline
);
/// Reads what is there, waiting until something is. @param into  not empty
/// @return how many bytes, 0 at the end; errors as send_all()
[[nodiscard]] Result<std::size_t> receive(
    Caller caller, net::Channel& channel, MutableByteView into, async::Deadline deadline
);

/// What the system calls an error of a connection: "Connection refused (os error 111)".
[[nodiscard]] std::string system_message(int number);

}  // namespace whorl::host::net_policy
