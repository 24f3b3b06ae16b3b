/// MysqlAddress: which server, as whom, and which database. Holds secrets. @thread any (a value)
#pragma once

#include "base/result.hpp"
#include "host/net_policy/outbound_url.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace whorl::host::mysql {

struct MysqlAddress {
  net_policy::OutboundUrl url{};
  std::string database{};
  bool is_tls = false;

  /// The same server, seen by the same user: connections are interchangeable.
  [[nodiscard]] bool operator==(const MysqlAddress& other) const noexcept {
    return url.host == other.url.host && url.port == other.url.port && is_tls == other.is_tls &&
           database == other.database && url.user == other.url.user &&
           url.password == other.url.password;
  }
};

inline constexpr std::uint16_t kDefaultPort = 3306;

/// Reads `mysql://user[:password]@host[:port]/database[?ssl-mode=…]`; any mode but `disabled` is
/// TLS.
/// @return errors: InvalidInput
[[nodiscard]] Result<MysqlAddress> parse_mysql_address(std::string_view text);

/// Whether a statement may leave something on its connection that a transaction's end does not take
/// away. What procedures do inside the server is not seen.
[[nodiscard]] bool keeps_state(std::string_view statement);

}  // namespace whorl::host::mysql
