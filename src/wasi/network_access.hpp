/// NetworkAccess: what the sockets of a guest need of their shard.
#pragma once

#include "async/shard.hpp"
#include "http/connection_limit.hpp"
#include "net/ip_network.hpp"

namespace whorl::wasi {

/// One per shard; outlives its instances. @thread shard
struct NetworkAccess {
  async::Shard& shard;
  /// Where nothing connects to, whatever is granted.
  net::BlockedNetworks blocked;
  /// Of sockets that are connected (TCP) or there (UDP); beyond them a guest is refused at once.
  http::ConnectionLimits limits = {};
  /// Whether guests may bind and listen. A service is reached through its triggers, so it may not;
  /// a command may, where whoever runs it says so.
  bool may_listen = false;
};

}  // namespace whorl::wasi
