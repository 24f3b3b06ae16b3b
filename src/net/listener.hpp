/// Listening sockets: one per shard, all on the same address.
#pragma once

#include "base/result.hpp"
#include "fs/file.hpp"
#include "net/address.hpp"

#include <string>
#include <vector>

namespace whorl::net {

/// Sockets that listen on one address through SO_REUSEPORT; the kernel spreads connections.
struct Listeners {
  SocketAddress address;  ///< with the port really bound
  std::string unix_path;  ///< instead of an address; empty: it is one
  std::vector<fs::Fd> sockets;
  /// Other processes may listen on the same sockets: closing ours resets nobody, and no client may
  /// be kept from them.
  bool is_shared = false;

  /// "1.2.3.4:80", "[::1]:80", "unix:/path".
  [[nodiscard]] std::string to_string() const {
    return unix_path.empty() ? address.to_string() : "unix:" + unix_path;
  }
};

/// Binds and listens. Port 0 lets the system choose, once for all sockets. Another process on the
/// port is noticed even if it shares ports, too.
///
/// @param count  how many sockets, one for each shard
/// @return  AlreadyExists: "<addr> is already in use. To have Spin search for a free port, use the
///          --find-free-port option."; any other failure under "Unable to listen on <addr>"
[[nodiscard]] Result<Listeners> listen_on(const SocketAddress& address, unsigned count);

/// Tries the address's port and the nine after it.
/// @return  Unavailable with Spin's words when none is free; listen_on()'s failures otherwise
[[nodiscard]] Result<Listeners> listen_on_free_port(const SocketAddress& address, unsigned count);

/// Sets what accepted connections inherit, which saves calls for each: no delay, and a bound on
/// what the kernel holds for a client that does not read. Of a TCP socket.
void prepare_for_clients(const fs::Fd& listening) noexcept;

}  // namespace whorl::net
