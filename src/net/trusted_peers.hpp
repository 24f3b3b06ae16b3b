/// TrustedPeers: who may say on whose behalf it connects (the PROXY protocol). @thread any (a
/// value)
#pragma once

#include "base/result.hpp"
#include "net/address.hpp"
#include "net/ip_network.hpp"

#include <string_view>
#include <vector>

namespace whorl::net {

class TrustedPeers {
 public:
  /// Adds what a list with commas names: networks (`10.0.0.0/8`), addresses, and `unix` for whoever
  /// connects over a Unix socket. @return InvalidInput: what is none of these
  [[nodiscard]] Result<> add(std::string_view list);
  [[nodiscard]] bool empty() const noexcept { return !unix_ && networks_.empty(); }
  /// @param peer  as accepted; one without an address is of a Unix socket. IPv4 addresses inside
  ///              IPv6 ones are IPv4
  [[nodiscard]] bool contains(const SocketAddress& peer) const noexcept;

 private:
  std::vector<IpNetwork> networks_;
  bool unix_ = false;
};

}  // namespace whorl::net
