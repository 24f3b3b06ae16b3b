/// RedisAddress: which server, and as whom. Holds secrets: nothing of it but `url.to_destination()`
/// is for messages. @thread any (a value)
#pragma once

#include "base/result.hpp"
#include "host/net_policy/outbound_url.hpp"

#include <cstdint>
#include <string_view>

namespace whorl::host::redis {

struct RedisAddress {
  net_policy::OutboundUrl url{};
  bool is_tls = false;
  std::int64_t database = 0;

  /// The same server, seen by the same user: connections are interchangeable.
  [[nodiscard]] bool operator==(const RedisAddress& other) const noexcept {
    return url.host == other.url.host && url.port == other.url.port && is_tls == other.is_tls &&
           database == other.database && url.user == other.url.user &&
           url.password == other.url.password;
  }
};

inline constexpr std::uint16_t kDefaultPort = 6379;

/// Reads `redis://[[user]:password@]host[:port][/database]`, or `rediss://` for TLS.
/// @return errors: InvalidInput
[[nodiscard]] Result<RedisAddress> parse_redis_address(std::string_view text);

}  // namespace whorl::host::redis
