#include "net/address.hpp"

#include "async/error_code.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <array>
#include <charconv>
#include <cstring>
#include <memory>

namespace whorl::net {
namespace {

sockaddr_in& as_v4(sockaddr_storage& storage) {
  return reinterpret_cast<sockaddr_in&>(storage);
}
sockaddr_in6& as_v6(sockaddr_storage& storage) {
  return reinterpret_cast<sockaddr_in6&>(storage);
}
const sockaddr_in& as_v4(const sockaddr_storage& storage) {
  return reinterpret_cast<const sockaddr_in&>(storage);
}
const sockaddr_in6& as_v6(const sockaddr_storage& storage) {
  return reinterpret_cast<const sockaddr_in6&>(storage);
}

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (code != std::errc() || end != text.data() + text.size()) {
    return fail(ErrorKind::InvalidInput, "invalid port value");
  }
  return port;
}

struct FreeAddresses {
  void operator()(addrinfo* list) const noexcept { freeaddrinfo(list); }
};

Result<SocketAddress> resolve_name(const std::string& name, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  if (const int code = getaddrinfo(name.c_str(), nullptr, &hints, &raw); code != 0) {
    return fail(
        ErrorKind::NotFound, "failed to lookup address information: {}", gai_strerror(code)
    );
  }
  const std::unique_ptr<addrinfo, FreeAddresses> list(raw);
  const auto preferred = SocketAddress::from_ip("127.0.0.1", port);
  for (const addrinfo* entry = list.get(); entry != nullptr; entry = entry->ai_next) {
    const SocketAddress address = SocketAddress(entry->ai_addr, entry->ai_addrlen).with_port(port);
    if (address.to_string() == preferred->to_string()) {
      return address;
    }
  }
  return SocketAddress(list->ai_addr, list->ai_addrlen).with_port(port);
}

}  // namespace

SocketAddress::SocketAddress() noexcept : storage_{} {
  storage_.ss_family = AF_INET;
}

SocketAddress::SocketAddress(const sockaddr* address, socklen_t size) noexcept : SocketAddress() {
  const bool is_ip =
      address != nullptr && ((address->sa_family == AF_INET && size >= sizeof(sockaddr_in)) ||
                             (address->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)));
  if (is_ip) {
    storage_ = {};
    std::memcpy(
        &storage_,
        address,
        address->sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6)
    );
  }
}

Result<SocketAddress> SocketAddress::from_ip(std::string_view ip, std::uint16_t port) {
  const std::string text(ip);
  SocketAddress address;
  if (text.contains('\0')) {
    return fail(ErrorKind::InvalidInput, "a NUL is in no IP address");
  }
  if (inet_pton(AF_INET, text.c_str(), &as_v4(address.storage_).sin_addr) == 1) {
    return address.with_port(port);
  }
  address.storage_ = {};
  address.storage_.ss_family = AF_INET6;
  if (inet_pton(AF_INET6, text.c_str(), &as_v6(address.storage_).sin6_addr) == 1) {
    return address.with_port(port);
  }
  return fail(ErrorKind::InvalidInput, "\"{}\" is no IP address", ip);
}

Result<SocketAddress> SocketAddress::of_socket(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return async::errno_to_error(errno, "getsockname");
  }
  return SocketAddress(reinterpret_cast<const sockaddr*>(&storage), size);
}

std::uint16_t SocketAddress::port() const noexcept {
  return ntohs(is_v6() ? as_v6(storage_).sin6_port : as_v4(storage_).sin_port);
}

SocketAddress SocketAddress::with_port(std::uint16_t port) const noexcept {
  SocketAddress other = *this;
  if (is_v6()) {
    as_v6(other.storage_).sin6_port = htons(port);
  } else {
    as_v4(other.storage_).sin_port = htons(port);
  }
  return other;
}

std::string SocketAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_v6()) {
    inet_ntop(AF_INET6, &as_v6(storage_).sin6_addr, text.data(), text.size());
    return fmt::format("[{}]:{}", text.data(), port());
  }
  inet_ntop(AF_INET, &as_v4(storage_).sin_addr, text.data(), text.size());
  return fmt::format("{}:{}", text.data(), port());
}

socklen_t SocketAddress::size() const noexcept {
  return is_v6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

Result<SocketAddress> resolve_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return fail(ErrorKind::InvalidInput, "invalid socket address");
  }
  WHORL_TRY(const std::uint16_t port, parse_port(text.substr(colon + 1)));
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[')) {
    if (!host.ends_with(']')) {
      return fail(ErrorKind::InvalidInput, "invalid socket address");
    }
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos) {
      return fail(ErrorKind::InvalidInput, "invalid socket address");
    }
  }
  if (auto address = SocketAddress::from_ip(host, port)) {
    return address;
  }
  return resolve_name(std::string(host), port);
}

}  // namespace whorl::net
