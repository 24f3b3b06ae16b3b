#include "wasi/p3/sockets.hpp"

#include "net/connect.hpp"
#include "wasi/p3/udp_socket.hpp"

#include <sys/socket.h>

namespace whorl::wasi::p3 {
namespace {

net_wit::IpAddress to_wit_ip(const net::SocketAddress& from) {
  const auto same = p2::to_wit_ip(from);
  return same.tag == p2::net_wit::IpAddress::Tag::Ipv4
             ? net_wit::IpAddress::ipv4(same.as<p2::net_wit::Ipv4Address>())
             : net_wit::IpAddress::ipv6(same.as<p2::net_wit::Ipv6Address>());
}

}  // namespace

SocketResult<component::Own<net_wit::TcpSocket>> SocketTypesHost::tcp_socket_create(
    component::Call&, net_wit::IpAddressFamily address_family
) {
  using Outcome = SocketOutcome<component::Own<net_wit::TcpSocket>>;
  if (access_.network() == nullptr) {
    return Outcome(std::unexpect, SocketError::access_denied());
  }
  MemoryCharge charge(around_.memory);
  if (!charge.try_resize(p2::kSocketCharge)) {
    return Outcome(std::unexpect, to_p3(p2::SocketError::NewSocketLimit));
  }
  const bool is_v6 = address_family == net_wit::IpAddressFamily::Ipv6;
  auto fd = p2::make_socket(SOCK_STREAM, is_v6);
  if (!fd) {
    return Outcome(std::unexpect, to_p3(fd.error()));
  }
  auto connection = std::make_shared<p2::TcpConnection>(
      access_.network()->shard, *std::move(fd), std::move(charge)
  );
  return Outcome(std::make_unique<TcpSocket>(around_, access_, std::move(connection), is_v6));
}

SocketResult<component::Own<net_wit::UdpSocket>> SocketTypesHost::udp_socket_create(
    component::Call&, net_wit::IpAddressFamily address_family
) {
  using Outcome = SocketOutcome<component::Own<net_wit::UdpSocket>>;
  if (access_.network() == nullptr) {
    return Outcome(std::unexpect, SocketError::access_denied());
  }
  MemoryCharge charge(around_.memory);
  if (!charge.try_resize(p2::kSocketCharge)) {
    return Outcome(std::unexpect, to_p3(p2::SocketError::NewSocketLimit));
  }
  const bool is_v6 = address_family == net_wit::IpAddressFamily::Ipv6;
  auto fd = p2::make_socket(SOCK_DGRAM, is_v6);
  if (!fd) {
    return Outcome(std::unexpect, to_p3(fd.error()));
  }
  auto endpoint = std::make_shared<p2::UdpEndpoint>(
      access_.network()->shard, *std::move(fd), is_v6, std::move(charge)
  );
  if (!endpoint->permit.try_take(access_.network()->limits)) {
    http::reclaim_places(access_.network()->limits);  // idle ones of clients, for the next try
    return Outcome(std::unexpect, to_p3(p2::SocketError::NewSocketLimit));
  }
  return Outcome(std::make_unique<UdpSocket>(access_, std::move(endpoint)));
}

component::HostResult<std::expected<std::vector<net_wit::IpAddress>, IpNameLookupHost::LookupError>>
IpNameLookupHost::resolve_addresses(component::Call& call, std::string name) {
  using Outcome = std::expected<std::vector<net_wit::IpAddress>, LookupError>;
  auto wanted = p2::SocketAccess::parse_name(name);
  if (!wanted) {
    return Outcome(std::unexpect, LookupError::invalid_argument());
  }
  if (wanted->address) {
    return Outcome({to_wit_ip(*wanted->address)});
  }
  if (!access_.may_look_up(wanted->text)) {
    return Outcome(std::unexpect, LookupError::permanent_resolver_failure());
  }
  auto found = run_blocking(access_.blocking(), call.fiber, [name = wanted->text] {
    return net::resolve_host(name, 0);
  });
  if (!found) {
    return found.error().kind() == ErrorKind::Cancelled
               ? component::HostResult<Outcome>(component::trap("the guest is being ended"))
               : Outcome(std::unexpect, LookupError::temporary_resolver_failure());
  }
  if (!*found) {
    return Outcome(std::unexpect, LookupError::name_unresolvable());
  }
  access_.learn(wanted->text, **found);
  std::vector<net_wit::IpAddress> addresses;
  for (const net::SocketAddress& address : **found) {
    addresses.push_back(to_wit_ip(address));
  }
  return Outcome(std::move(addresses));
}

}  // namespace whorl::wasi::p3
