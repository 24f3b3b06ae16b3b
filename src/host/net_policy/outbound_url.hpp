/// OutboundUrl: the address of a server as a guest or an operator writes it, taken apart.
///
/// What is checked against the grants and what is connected to are the fields of one such value, so
/// that they cannot differ. Credentials in it are secrets: only to_destination() is for messages.
/// @thread any (a value)
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::host::net_policy {

struct OutboundUrl {
  std::string scheme{};                   ///< lower case
  std::string user{};                     ///< decoded
  std::optional<std::string> password{};  ///< decoded
  std::string host{};                     ///< lower case; an IPv6 address without brackets
  std::uint16_t port = 0;
  bool has_port = false;  ///< whether the port was written, not assumed
  std::string path{};     ///< decoded, with its slash; may be empty
  /// Decoded, in order.
  std::vector<std::pair<std::string, std::string>> query{};

  /// `scheme://host[:port]`, for people: no credentials. The port is said where it was written.
  [[nodiscard]] std::string to_destination() const;
  /// The value of a key of the query, the first one.
  [[nodiscard]] const std::string* find(std::string_view key) const noexcept;
};

/// Reads `scheme://[user[:password]@]host[:port][/path][?query]`.
///
/// Hosts are names of letters, digits, `-`, `_` and `.`, or IP addresses as they are written
/// ordinarily: other spellings of numbers (`0x7f.1`, `2130706433`) are no hosts, since resolvers
/// read them differently from grants.
/// @param scheme        stands in front of a text without one, as in Spin
/// @param default_port  0: a port must be written
/// @return errors: InvalidInput; nothing of the text is in the message
[[nodiscard]] Result<OutboundUrl> parse_outbound_url(
    std::string_view text, std::string_view scheme, std::uint16_t default_port
);

}  // namespace whorl::host::net_policy
