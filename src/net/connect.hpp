/// The connecting side of sockets: from a host's name to a connected descriptor.
#pragma once

#include "base/result.hpp"
#include "fs/file.hpp"
#include "net/address.hpp"

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace whorl::net {

/// Addresses of one name that are tried, at most.
inline constexpr std::size_t kMaxAddresses = 16;

/// The addresses of a host: of an IP address, itself, at once; of a name, what the system's
/// resolver says, in its order. Blocks: for the blocking pool, unless `host` is an IP address.
/// @return NotFound
[[nodiscard]] Result<std::vector<SocketAddress>> resolve_host(
    const std::string& host, std::uint16_t port
);

/// Starts connecting to an address. The socket is non-blocking, close-on-exec, TCP_NODELAY; when it
/// is writable connect_outcome() tells what came of it.
/// @return an errno
[[nodiscard]] std::expected<fs::Fd, int> start_connect(const SocketAddress& to);
/// Whether it is still not known what came of it.
[[nodiscard]] bool is_connecting(int fd) noexcept;
/// 0 when connected, EINPROGRESS while it is not known, else why not. A failure is told once: the
/// system forgets it.
[[nodiscard]] int connect_outcome(int fd) noexcept;

}  // namespace whorl::net
