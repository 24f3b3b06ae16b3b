/// wasi:sockets of 0.3: making sockets, looking up names. What sockets may reach is decided by
/// p2::SocketAccess; sockets themselves: p3/tcp_socket.hpp, p3/udp_socket.hpp.
#pragma once

#include "wasi/p3/tcp_socket.hpp"
#include "wit/wasi_sockets_ip_name_lookup_p3.hpp"

namespace whorl::wasi::p3 {

class SocketTypesHost final : public net_wit::Host {
 public:
  SocketTypesHost(const Surroundings& around, const SocketAccess& access) noexcept
      : around_(around), access_(access) {}
  [[nodiscard]] SocketResult<component::Own<net_wit::TcpSocket>> tcp_socket_create(
      component::Call& call, net_wit::IpAddressFamily address_family
  ) override;
  [[nodiscard]] SocketResult<component::Own<net_wit::UdpSocket>> udp_socket_create(
      component::Call& call, net_wit::IpAddressFamily address_family
  ) override;

 private:
  const Surroundings& around_;
  const SocketAccess& access_;
};

/// Looks up names that a grant says; all others are permanent-resolver-failure.
class IpNameLookupHost final : public wit::wasi_sockets_ip_name_lookup_p3::Host {
 public:
  using LookupError = wit::wasi_sockets_ip_name_lookup_p3::ErrorCode;
  explicit IpNameLookupHost(SocketAccess& access) noexcept : access_(access) {}
  [[nodiscard]] component::HostResult<std::expected<std::vector<net_wit::IpAddress>, LookupError>>
  resolve_addresses(component::Call& call, std::string name) override;

 private:
  SocketAccess& access_;
};

}  // namespace whorl::wasi::p3
