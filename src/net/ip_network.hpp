/// IpNetwork: an address range in CIDR notation; BlockedNetworks: where nothing may connect to.
/// @thread any (values)
#pragma once

#include "net/address.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace whorl::net {

/// The bytes of an address in network order: 4 or 16.
struct IpBytes {
  std::array<std::uint8_t, 16> bytes{};
  bool is_v6 = false;
  [[nodiscard]] static IpBytes of(const SocketAddress& address) noexcept;
};

class IpNetwork {
 public:
  /// Reads `10.0.0.0/8` or `fc00::/7`; bits behind the prefix are ignored.
  [[nodiscard]] static std::optional<IpNetwork> parse(std::string_view text) noexcept;
  /// Whether an address of the same family lies in it.
  [[nodiscard]] bool contains(const IpBytes& address) const noexcept;

 private:
  IpBytes base_;
  unsigned prefix_ = 0;
};

/// Whether an address is reachable over the public network, as far as its number tells (RFC 6890
/// and its registries). IPv4 addresses inside IPv6 ones are judged as IPv4.
[[nodiscard]] bool is_globally_routable(const SocketAddress& address) noexcept;

/// What an operator forbids, whatever the grants say.
class BlockedNetworks {
 public:
  void add(const IpNetwork& network) { networks_.push_back(network); }
  /// Blocks every address that is not globally routable.
  void block_private() noexcept { private_ = true; }
  /// IPv4 addresses inside IPv6 ones (mapped, NAT64, 6to4 and others) are checked as IPv4 too.
  [[nodiscard]] bool blocks(const SocketAddress& address) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return !private_ && networks_.empty(); }

 private:
  std::vector<IpNetwork> networks_;
  bool private_ = false;
};

}  // namespace whorl::net
