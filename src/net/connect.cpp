#include "net/connect.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>

namespace whorl::net {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const noexcept { freeaddrinfo(list); }
};

}  // namespace

Result<std::vector<SocketAddress>> resolve_host(const std::string& host, std::uint16_t port) {
  if (auto address = SocketAddress::from_ip(host, port)) {
    return std::vector<SocketAddress>{*address};
  }
  if (host.contains('\0')) {
    // The resolver would see another name than whoever judged this one.
    return fail(ErrorKind::NotFound, "a NUL is in no name");
  }
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* raw = nullptr;
  if (const int code = getaddrinfo(host.c_str(), nullptr, &hints, &raw); code != 0) {
    return fail(
        ErrorKind::NotFound, "failed to lookup address information: {}", gai_strerror(code)
    );
  }
  const std::unique_ptr<addrinfo, FreeAddresses> list(raw);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* entry = list.get(); entry != nullptr && addresses.size() < kMaxAddresses;
       entry = entry->ai_next) {
    addresses.push_back(SocketAddress(entry->ai_addr, entry->ai_addrlen).with_port(port));
  }
  return addresses;
}

std::expected<fs::Fd, int> start_connect(const SocketAddress& to) {
  fs::Fd socket(
      ::socket(to.data()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)
  );
  if (!socket.is_open()) {
    return std::unexpected(errno);
  }
  const int on = 1;
  // A connection without it works too, only later.
  static_cast<void>(::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
  if (::connect(socket.get(), to.data(), to.size()) != 0 && errno != EINPROGRESS) {
    return std::unexpected(errno);
  }
  return socket;
}

bool is_connecting(int fd) noexcept {
  pollfd entry{fd, POLLOUT, 0};
  return ::poll(&entry, 1, 0) == 0;
}

int connect_outcome(int fd) noexcept {
  if (is_connecting(fd)) {
    return EINPROGRESS;
  }
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace whorl::net
