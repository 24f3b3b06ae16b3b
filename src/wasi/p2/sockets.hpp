/// wasi:sockets for a component without a network: there is a network object, and everything that
/// would use it is refused.
#pragma once

#include "wit/wasi_sockets_instance_network.hpp"
#include "wit/wasi_sockets_ip_name_lookup.hpp"
#include "wit/wasi_sockets_network.hpp"
#include "wit/wasi_sockets_tcp_create_socket.hpp"
#include "wit/wasi_sockets_udp_create_socket.hpp"

namespace whorl::wasi::p2 {

using SocketError = wit::wasi_sockets_network::ErrorCode;

class InstanceNetworkHost final : public wit::wasi_sockets_instance_network::Host {
 public:
  [[nodiscard]] component::HostResult<component::Own<wit::wasi_sockets_network::Network>>
  instance_network(component::Call& call) override;
};

/// Names are never looked up, as other hosts of services have it: permanent-resolver-failure.
class IpNameLookupHost final : public wit::wasi_sockets_ip_name_lookup::Host {
 public:
  [[nodiscard]] component::HostResult<std::expected<
      component::Own<wit::wasi_sockets_ip_name_lookup::ResolveAddressStream>,
      SocketError>>
  resolve_addresses(
      component::Call& call, wit::wasi_sockets_network::Network& network, std::string_view name
  ) override;
};

class TcpCreateSocketHost final : public wit::wasi_sockets_tcp_create_socket::Host {
 public:
  [[nodiscard]] component::HostResult<
      std::expected<component::Own<wit::wasi_sockets_tcp::TcpSocket>, SocketError>>
  create_tcp_socket(
      component::Call& call, wit::wasi_sockets_network::IpAddressFamily address_family
  ) override;
};

class UdpCreateSocketHost final : public wit::wasi_sockets_udp_create_socket::Host {
 public:
  [[nodiscard]] component::HostResult<
      std::expected<component::Own<wit::wasi_sockets_udp::UdpSocket>, SocketError>>
  create_udp_socket(
      component::Call& call, wit::wasi_sockets_network::IpAddressFamily address_family
  ) override;
};

}  // namespace whorl::wasi::p2
