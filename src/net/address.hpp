/// Socket addresses, and the text forms that commands and logs use.
/// @thread any (values)
#pragma once

#include "base/result.hpp"

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace whorl::net {

/// An IPv4 or IPv6 address with a port.
class SocketAddress {
 public:
  /// 0.0.0.0:0
  SocketAddress() noexcept;
  /// Takes over what the kernel or the resolver filled in; other families become 0.0.0.0:0.
  SocketAddress(const sockaddr* address, socklen_t size) noexcept;
  /// `ip` is 1.2.3.4 or ::1, without brackets. @return InvalidInput for anything else
  [[nodiscard]] static Result<SocketAddress> from_ip(std::string_view ip, std::uint16_t port);
  /// The local address of a bound socket.
  [[nodiscard]] static Result<SocketAddress> of_socket(int fd);

  [[nodiscard]] std::uint16_t port() const noexcept;
  [[nodiscard]] SocketAddress with_port(std::uint16_t port) const noexcept;
  [[nodiscard]] bool is_v6() const noexcept { return storage_.ss_family == AF_INET6; }
  /// "1.2.3.4:80" or "[::1]:80".
  [[nodiscard]] std::string to_string() const;

  [[nodiscard]] const sockaddr* data() const noexcept [[clang::lifetimebound]] {
    return reinterpret_cast<const sockaddr*>(&storage_);
  }
  [[nodiscard]] socklen_t size() const noexcept;

 private:
  sockaddr_storage storage_;
};

/// Reads `IP:PORT`, `[IPv6]:PORT` or `NAME:PORT`. Of a name's addresses 127.0.0.1 is preferred,
/// else the first one is taken. Blocks while a name is resolved: for start-up.
/// @return InvalidInput: "invalid socket address", "invalid port value"; NotFound: the resolver's
[[nodiscard]] Result<SocketAddress> resolve_listen_address(std::string_view text);

}  // namespace whorl::net
