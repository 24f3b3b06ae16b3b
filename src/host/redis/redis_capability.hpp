/// Redis as a capability: what the runtime plugs in.
#pragma once

#include "host/net_policy/client_capability.hpp"
#include "host/redis/redis_hosts.hpp"

#include <array>

namespace whorl::host::redis {

/// The kind of client.
struct RedisKind {
  using Client = RedisClient;
  using Access = RedisAccess;
  static constexpr std::array<const component::HostInterface*, 3> kInterfaces{
      &wit::fermyon_spin_redis::kInterface,
      &wit::fermyon_spin_redis_v1::kInterface,
      &wit::spin_redis_redis::kInterface,
  };
  using Hosts = redis::Hosts;
};

using RedisCapability = net_policy::ClientCapability<RedisKind>;
using AppRedisCapability = net_policy::AppClientCapability<RedisKind>;

}  // namespace whorl::host::redis
