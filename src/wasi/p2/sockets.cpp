#include "wasi/p2/sockets.hpp"

namespace whorl::wasi::p2 {

component::HostResult<component::Own<wit::wasi_sockets_network::Network>>
InstanceNetworkHost::instance_network(component::Call&) {
  return std::make_unique<wit::wasi_sockets_network::Network>();
}

component::HostResult<std::expected<
    component::Own<wit::wasi_sockets_ip_name_lookup::ResolveAddressStream>,
    SocketError>>
IpNameLookupHost::resolve_addresses(
    component::Call&, wit::wasi_sockets_network::Network&, std::string_view
) {
  using Outcome = std::
      expected<component::Own<wit::wasi_sockets_ip_name_lookup::ResolveAddressStream>, SocketError>;
  return Outcome(std::unexpect, SocketError::PermanentResolverFailure);
}

component::HostResult<std::expected<component::Own<wit::wasi_sockets_tcp::TcpSocket>, SocketError>>
TcpCreateSocketHost::create_tcp_socket(
    component::Call&, wit::wasi_sockets_network::IpAddressFamily
) {
  using Outcome = std::expected<component::Own<wit::wasi_sockets_tcp::TcpSocket>, SocketError>;
  return Outcome(std::unexpect, SocketError::AccessDenied);
}

component::HostResult<std::expected<component::Own<wit::wasi_sockets_udp::UdpSocket>, SocketError>>
UdpCreateSocketHost::create_udp_socket(
    component::Call&, wit::wasi_sockets_network::IpAddressFamily
) {
  using Outcome = std::expected<component::Own<wit::wasi_sockets_udp::UdpSocket>, SocketError>;
  return Outcome(std::unexpect, SocketError::AccessDenied);
}

}  // namespace whorl::wasi::p2
