/// PgAddress: which servers, and as whom; read from a URL or from libpq's keywords. Holds secrets.
/// @thread any (a value)
#pragma once

#include "base/result.hpp"
#include "net/address.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::host::postgres {

struct PgAddress {
  struct Server {
    std::string host;  ///< lower case; an IPv6 address without brackets
    std::uint16_t port = 5432;
    /// `postgres://host:port`, for messages.
    [[nodiscard]] std::string to_destination() const;
    [[nodiscard]] bool operator==(const Server&) const = default;
  };
  std::vector<Server> servers;  ///< tried in this order; at least one
  /// Other settings, of those a guest may choose.
  std::vector<std::pair<std::string, std::string>> settings;
  std::string ca_root;  ///< PEM, trusted instead of the system's; empty: none

  [[nodiscard]] bool operator==(const PgAddress&) const = default;
};

/// Bytes of an address.
inline constexpr std::size_t kMaxPgAddress = 4096;

/// @return errors: Unavailable (no library), InvalidInput; nothing of the text is in the message
[[nodiscard]] Result<PgAddress> parse_pg_address(std::string_view text);

/// What libpq is given: every setting that it would otherwise take from the host's surroundings
/// (environment, files of the user) is said.
/// @param resolved   addresses with the index of their server, in the order they are tried
/// @param root_file  path of the trusted roots
[[nodiscard]] std::string to_conninfo(
    const PgAddress& address,
    const std::vector<std::pair<std::size_t, net::SocketAddress>>& resolved,
    std::string_view root_file
);

}  // namespace whorl::host::postgres
