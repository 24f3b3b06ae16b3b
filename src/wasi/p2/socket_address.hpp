/// Addresses and errors of wasi:sockets, to and from the system's. @thread any
#pragma once

#include "fs/file.hpp"
#include "net/address.hpp"
#include "wit/wasi_sockets_network.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

namespace whorl::wasi::p2 {

namespace net_wit = wit::wasi_sockets_network;
using SocketError = net_wit::ErrorCode;

/// What a function of the interfaces tells the guest.
template <class T = void>
using SocketOutcome = std::expected<T, SocketError>;

[[nodiscard]] net::SocketAddress to_socket_address(const net_wit::IpSocketAddress& from);
[[nodiscard]] net_wit::IpSocketAddress to_wit(const net::SocketAddress& from);
/// An IPv4 address that IPv6 holds becomes one of IPv4.
[[nodiscard]] net_wit::IpAddress to_wit_ip(const net::SocketAddress& from);
/// The address without port and brackets, as to_wit_ip() has it.
[[nodiscard]] std::string ip_text(const net::SocketAddress& address);

[[nodiscard]] SocketError to_socket_error(int number) noexcept;
[[nodiscard]] std::unexpected<SocketError> socket_refused(int number) noexcept;

/// Why an address cannot be one to bind to: of another family, or an IPv4 one in disguise, which
/// would be judged as another address than it is.
[[nodiscard]] SocketOutcome<> check_local(const net::SocketAddress& address, bool wants_v6);
/// The same for one to talk to, which also must have an address and a port.
[[nodiscard]] SocketOutcome<> check_remote(const net::SocketAddress& address, bool wants_v6);
/// Neither multicast nor broadcast.
[[nodiscard]] bool is_unicast(const net::SocketAddress& address) noexcept;

/// A non-blocking socket; an IPv6 one talks to IPv6 addresses only.
/// @param type  SOCK_STREAM or SOCK_DGRAM
[[nodiscard]] SocketOutcome<fs::Fd> make_socket(int type, bool is_v6);

/// Options that TCP and UDP sockets share. Values of 0 are InvalidArgument; others are brought
/// within what the system takes.
[[nodiscard]] SocketOutcome<std::uint8_t> hop_limit_of(int fd, bool is_v6);
[[nodiscard]] SocketOutcome<> set_hop_limit_of(int fd, bool is_v6, std::uint8_t value);
/// @param option  SO_RCVBUF or SO_SNDBUF
[[nodiscard]] SocketOutcome<std::uint64_t> buffer_size_of(int fd, int option);
[[nodiscard]] SocketOutcome<> set_buffer_size_of(int fd, int option, std::uint64_t value);
/// @param option  TCP_KEEPIDLE or TCP_KEEPINTVL; the time is in nanoseconds, the system's in
/// seconds
[[nodiscard]] SocketOutcome<std::uint64_t> keep_alive_time_of(int fd, int option);
[[nodiscard]] SocketOutcome<> set_keep_alive_time_of(int fd, int option, std::uint64_t value);
[[nodiscard]] SocketOutcome<std::uint32_t> keep_alive_count_of(int fd);
[[nodiscard]] SocketOutcome<> set_keep_alive_count_of(int fd, std::uint32_t value);
/// Who a socket is connected to.
[[nodiscard]] SocketOutcome<net::SocketAddress> peer_of(int fd);
[[nodiscard]] SocketOutcome<int> int_option(int fd, int level, int option);
[[nodiscard]] SocketOutcome<> set_int_option(int fd, int level, int option, int value);

}  // namespace whorl::wasi::p2
