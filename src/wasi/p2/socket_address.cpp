#include "wasi/p2/socket_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

namespace whorl::wasi::p2 {
namespace {

constexpr std::array<std::pair<int, SocketError>, 31> kCodes{{
    {EACCES, SocketError::AccessDenied},
    {EPERM, SocketError::AccessDenied},
    {EOPNOTSUPP, SocketError::NotSupported},
    {EAFNOSUPPORT, SocketError::NotSupported},
    {EPROTONOSUPPORT, SocketError::NotSupported},
    {EPFNOSUPPORT, SocketError::NotSupported},
    {ESOCKTNOSUPPORT, SocketError::NotSupported},
    {ENOPROTOOPT, SocketError::NotSupported},
    {EINVAL, SocketError::InvalidArgument},
    {EDESTADDRREQ, SocketError::InvalidArgument},
    {ENOMEM, SocketError::OutOfMemory},
    {ENOBUFS, SocketError::OutOfMemory},
    {ETIMEDOUT, SocketError::Timeout},
    {EALREADY, SocketError::ConcurrencyConflict},
    {EAGAIN, SocketError::WouldBlock},
    {EINPROGRESS, SocketError::WouldBlock},
    {EISCONN, SocketError::InvalidState},
    {ENOTCONN, SocketError::InvalidState},
    {EMFILE, SocketError::NewSocketLimit},
    {ENFILE, SocketError::NewSocketLimit},
    {EADDRNOTAVAIL, SocketError::AddressNotBindable},
    {EADDRINUSE, SocketError::AddressInUse},
    {EHOSTUNREACH, SocketError::RemoteUnreachable},
    {ENETUNREACH, SocketError::RemoteUnreachable},
    {ENETDOWN, SocketError::RemoteUnreachable},
    {EHOSTDOWN, SocketError::RemoteUnreachable},
    {ENONET, SocketError::RemoteUnreachable},
    {ECONNREFUSED, SocketError::ConnectionRefused},
    {ECONNRESET, SocketError::ConnectionReset},
    {ECONNABORTED, SocketError::ConnectionAborted},
    {EMSGSIZE, SocketError::DatagramTooLarge},
}};

constexpr std::uint64_t kNanoseconds = 1'000'000'000;
/// What Linux takes for the seconds and the count of keep-alive probes (tcp(7)).
constexpr std::uint64_t kMaxKeepAliveSeconds = 32'767;
constexpr std::uint32_t kMaxKeepAliveCount = 127;

const in6_addr& v6_of(const net::SocketAddress& address) noexcept {
  return reinterpret_cast<const sockaddr_in6*>(address.data())->sin6_addr;
}
const in_addr& v4_of(const net::SocketAddress& address) noexcept {
  return reinterpret_cast<const sockaddr_in*>(address.data())->sin_addr;
}

net_wit::Ipv4Address to_tuple(const in_addr& from) {
  std::array<std::uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &from, bytes.size());
  return {bytes[0], bytes[1], bytes[2], bytes[3]};
}

net_wit::Ipv6Address to_tuple(const in6_addr& from) {
  std::array<std::uint16_t, 8> words{};
  for (std::size_t i = 0; i < words.size(); ++i) {
    words[i] = static_cast<std::uint16_t>(from.s6_addr[2 * i] << 8 | from.s6_addr[2 * i + 1]);
  }
  return std::tuple_cat(words);
}

/// The address in `::ffff:a.b.c.d`.
std::optional<in_addr> held_v4(const net::SocketAddress& address) noexcept {
  if (!address.is_v6() || !IN6_IS_ADDR_V4MAPPED(&v6_of(address))) {
    return std::nullopt;
  }
  in_addr held{};
  std::memcpy(&held, v6_of(address).s6_addr + 12, sizeof held);
  return held;
}

SocketOutcome<> invalid_argument() {
  return SocketOutcome<>(std::unexpect, SocketError::InvalidArgument);
}

bool is_unspecified(const net::SocketAddress& address) noexcept {
  return address.is_v6() ? IN6_IS_ADDR_UNSPECIFIED(&v6_of(address)) : v4_of(address).s_addr == 0;
}

}  // namespace

net::SocketAddress to_socket_address(const net_wit::IpSocketAddress& from) {
  if (from.tag == net_wit::IpSocketAddress::Tag::Ipv4) {
    const auto& address = from.as<net_wit::Ipv4SocketAddress>();
    const auto& [a, b, c, d] = address.address;
    const std::array<std::uint8_t, 4> bytes{a, b, c, d};
    sockaddr_in system{};
    system.sin_family = AF_INET;
    system.sin_port = htons(address.port);
    std::memcpy(&system.sin_addr, bytes.data(), bytes.size());
    return {reinterpret_cast<const sockaddr*>(&system), sizeof system};
  }
  const auto& address = from.as<net_wit::Ipv6SocketAddress>();
  sockaddr_in6 system{};
  system.sin6_family = AF_INET6;
  system.sin6_port = htons(address.port);
  system.sin6_flowinfo = htonl(address.flow_info);
  system.sin6_scope_id = address.scope_id;
  std::size_t at = 0;
  std::apply(
      [&](auto... words) {
        ((system.sin6_addr.s6_addr[at] = static_cast<std::uint8_t>(words >> 8),
          system.sin6_addr.s6_addr[at + 1] = static_cast<std::uint8_t>(words & 0xff),
          at += 2),
         ...);
      },
      address.address
  );
  return {reinterpret_cast<const sockaddr*>(&system), sizeof system};
}

net_wit::IpSocketAddress to_wit(const net::SocketAddress& from) {
  if (!from.is_v6()) {
    return net_wit::IpSocketAddress::ipv4({.port = from.port(), .address = to_tuple(v4_of(from))});
  }
  const auto& system = *reinterpret_cast<const sockaddr_in6*>(from.data());
  return net_wit::IpSocketAddress::ipv6({
      .port = from.port(),
      .flow_info = ntohl(system.sin6_flowinfo),
      .address = to_tuple(v6_of(from)),
      .scope_id = system.sin6_scope_id,
  });
}

net_wit::IpAddress to_wit_ip(const net::SocketAddress& from) {
  if (!from.is_v6()) {
    return net_wit::IpAddress::ipv4(to_tuple(v4_of(from)));
  }
  if (const auto held = held_v4(from)) {
    return net_wit::IpAddress::ipv4(to_tuple(*held));
  }
  return net_wit::IpAddress::ipv6(to_tuple(v6_of(from)));
}

std::string ip_text(const net::SocketAddress& address) {
  if (const auto held = held_v4(address)) {
    std::array<char, INET_ADDRSTRLEN> text{};
    inet_ntop(AF_INET, &*held, text.data(), text.size());
    return text.data();
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* ip = address.is_v6() ? static_cast<const void*>(&v6_of(address)) : &v4_of(address);
  inet_ntop(address.data()->sa_family, ip, text.data(), text.size());
  return text.data();
}

SocketError to_socket_error(int number) noexcept {
  const auto* const found = std::ranges::find(kCodes, number, &std::pair<int, SocketError>::first);
  return found == kCodes.end() ? SocketError::Unknown : found->second;
}

std::unexpected<SocketError> socket_refused(int number) noexcept {
  return std::unexpected(to_socket_error(number));
}

SocketOutcome<> check_local(const net::SocketAddress& address, bool wants_v6) {
  const bool in_disguise = address.is_v6() && (IN6_IS_ADDR_V4MAPPED(&v6_of(address)) ||
                                               IN6_IS_ADDR_V4COMPAT(&v6_of(address)));
  if (address.is_v6() != wants_v6 || in_disguise) {
    return invalid_argument();
  }
  return {};
}

SocketOutcome<> check_remote(const net::SocketAddress& address, bool wants_v6) {
  if (is_unspecified(address) || address.port() == 0) {
    return invalid_argument();
  }
  return check_local(address, wants_v6);
}

bool is_unicast(const net::SocketAddress& address) noexcept {
  if (address.is_v6()) {
    return !IN6_IS_ADDR_MULTICAST(&v6_of(address));
  }
  const in_addr_t ip = ntohl(v4_of(address).s_addr);
  return !IN_MULTICAST(ip) && ip != INADDR_BROADCAST;
}

SocketOutcome<int> int_option(int fd, int level, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(fd, level, option, &value, &size) != 0) {
    return SocketOutcome<int>(socket_refused(errno));
  }
  return value;
}

SocketOutcome<> set_int_option(int fd, int level, int option, int value) {
  if (::setsockopt(fd, level, option, &value, sizeof value) != 0) {
    return SocketOutcome<>(socket_refused(errno));
  }
  return {};
}

SocketOutcome<std::uint8_t> hop_limit_of(int fd, bool is_v6) {
  const auto value =
      is_v6 ? int_option(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS) : int_option(fd, IPPROTO_IP, IP_TTL);
  if (!value) {
    return SocketOutcome<std::uint8_t>(std::unexpected(value.error()));
  }
  return static_cast<std::uint8_t>(std::clamp(*value, 0, 255));
}

SocketOutcome<> set_hop_limit_of(int fd, bool is_v6, std::uint8_t value) {
  if (value == 0) {
    return invalid_argument();
  }
  return is_v6 ? set_int_option(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, value)
               : set_int_option(fd, IPPROTO_IP, IP_TTL, value);
}

SocketOutcome<std::uint64_t> buffer_size_of(int fd, int option) {
  const auto value = int_option(fd, SOL_SOCKET, option);
  if (!value) {
    return SocketOutcome<std::uint64_t>(std::unexpected(value.error()));
  }
  // Linux keeps twice of what was asked for (socket(7)).
  return static_cast<std::uint64_t>(*value) / 2;
}

SocketOutcome<> set_buffer_size_of(int fd, int option, std::uint64_t value) {
  if (value == 0) {
    return invalid_argument();
  }
  constexpr std::uint64_t kMost = std::numeric_limits<int>::max() / 2;
  return set_int_option(fd, SOL_SOCKET, option, static_cast<int>(std::min(value, kMost)));
}

SocketOutcome<fs::Fd> make_socket(int type, bool is_v6) {
  fs::Fd fd(::socket(is_v6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) {
    return socket_refused(errno);
  }
  if (is_v6) {
    if (auto only = set_int_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1); !only) {
      return std::unexpected(only.error());
    }
  }
  return fd;
}

SocketOutcome<std::uint64_t> keep_alive_time_of(int fd, int option) {
  const auto seconds = int_option(fd, IPPROTO_TCP, option);
  if (!seconds) {
    return SocketOutcome<std::uint64_t>(std::unexpected(seconds.error()));
  }
  return static_cast<std::uint64_t>(*seconds) * kNanoseconds;
}

SocketOutcome<> set_keep_alive_time_of(int fd, int option, std::uint64_t value) {
  if (value == 0) {
    return invalid_argument();
  }
  const std::uint64_t rounded_up = (value - 1) / kNanoseconds + 1;
  return set_int_option(
      fd, IPPROTO_TCP, option, static_cast<int>(std::min(rounded_up, kMaxKeepAliveSeconds))
  );
}

SocketOutcome<std::uint32_t> keep_alive_count_of(int fd) {
  const auto value = int_option(fd, IPPROTO_TCP, TCP_KEEPCNT);
  if (!value) {
    return SocketOutcome<std::uint32_t>(std::unexpected(value.error()));
  }
  return static_cast<std::uint32_t>(*value);
}

SocketOutcome<> set_keep_alive_count_of(int fd, std::uint32_t value) {
  if (value == 0) {
    return invalid_argument();
  }
  const auto count = static_cast<int>(std::min(value, kMaxKeepAliveCount));
  return set_int_option(fd, IPPROTO_TCP, TCP_KEEPCNT, count);
}

SocketOutcome<net::SocketAddress> peer_of(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return SocketOutcome<net::SocketAddress>(socket_refused(errno));
  }
  return net::SocketAddress(reinterpret_cast<const sockaddr*>(&storage), size);
}

}  // namespace whorl::wasi::p2
