/// wasi:sockets: the network, making sockets, looking up names. What sockets may reach is decided
/// by SocketAccess; sockets themselves: p2/tcp_socket.hpp, p2/udp_socket.hpp.
#pragma once

#include "wasi/p2/socket_access.hpp"
#include "wasi/p2/surroundings.hpp"
#include "wit/wasi_sockets_instance_network.hpp"
#include "wit/wasi_sockets_ip_name_lookup.hpp"
#include "wit/wasi_sockets_network.hpp"
#include "wit/wasi_sockets_tcp_create_socket.hpp"
#include "wit/wasi_sockets_udp_create_socket.hpp"

namespace whorl::wasi::p2 {

class InstanceNetworkHost final : public wit::wasi_sockets_instance_network::Host {
 public:
  [[nodiscard]] component::HostResult<component::Own<wit::wasi_sockets_network::Network>>
  instance_network(component::Call& call) override;
};

/// Looks up names that a grant says; all others are permanent-resolver-failure, as other hosts of
/// services answer every one.
class IpNameLookupHost final : public wit::wasi_sockets_ip_name_lookup::Host {
 public:
  IpNameLookupHost(const Surroundings& around, SocketAccess& access) noexcept
      : around_(around), access_(access) {}
  [[nodiscard]] component::HostResult<std::expected<
      component::Own<wit::wasi_sockets_ip_name_lookup::ResolveAddressStream>,
      SocketError>>
  resolve_addresses(
      component::Call& call, wit::wasi_sockets_network::Network& network, std::string_view name
  ) override;

 private:
  const Surroundings& around_;
  SocketAccess& access_;
};

class TcpCreateSocketHost final : public wit::wasi_sockets_tcp_create_socket::Host {
 public:
  TcpCreateSocketHost(const Surroundings& around, const SocketAccess& access) noexcept
      : around_(around), access_(access) {}
  [[nodiscard]] component::HostResult<
      std::expected<component::Own<wit::wasi_sockets_tcp::TcpSocket>, SocketError>>
  create_tcp_socket(
      component::Call& call, wit::wasi_sockets_network::IpAddressFamily address_family
  ) override;

 private:
  const Surroundings& around_;
  const SocketAccess& access_;
};

class UdpCreateSocketHost final : public wit::wasi_sockets_udp_create_socket::Host {
 public:
  UdpCreateSocketHost(const Surroundings& around, const SocketAccess& access) noexcept
      : around_(around), access_(access) {}
  [[nodiscard]] component::HostResult<
      std::expected<component::Own<wit::wasi_sockets_udp::UdpSocket>, SocketError>>
  create_udp_socket(
      component::Call& call, wit::wasi_sockets_network::IpAddressFamily address_family
  ) override;

 private:
  const Surroundings& around_;
  const SocketAccess& access_;
};

}  // namespace whorl::wasi::p2
