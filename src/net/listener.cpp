#include "net/listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace whorl::net {
namespace {

// What the kernel keeps of connections not yet accepted; it caps this at net.core.somaxconn.
constexpr int kBacklog = 4096;
constexpr unsigned kPortsTried = 10;

Error listen_error(const SocketAddress& address, int error_number) {
  if (error_number == EADDRINUSE) {
    return fail(
        ErrorKind::AlreadyExists,
        "{} is already in use. To have Spin search for a free port, use the --find-free-port "
        "option.",
        address.to_string()
    );
  }
  return fs::errno_error(error_number)
      .context(fmt::format("Unable to listen on {}", address.to_string()));
}

bool set_option(int fd, int level, int option) noexcept {
  const int on = 1;
  return setsockopt(fd, level, option, &on, sizeof(on)) == 0;
}

enum class Share : bool { No, Yes };

// What the kernel takes of an answer beyond what the client's window lets it send. Without a bound
// it is megabytes for each client that reads slowly, and a container is charged for them. Enough
// for a millisecond at 1 Gbit/s, after which there is room again.
constexpr int kUnsentBytes = 128 * 1024;

/// @param share  Yes lets the socket join others of this process on the port
Result<fs::Fd> bind_socket(const SocketAddress& address, Share share) {
  const int family = address.is_v6() ? AF_INET6 : AF_INET;
  fs::Fd fd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const bool bound = fd.is_open() && set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR) &&
                     (share == Share::No || set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT)) &&
                     bind(fd.get(), address.data(), address.size()) == 0;
  if (!bound) {
    return listen_error(address, errno);
  }
  return fd;
}

Result<> start_listening(const fs::Fd& fd, const SocketAddress& address) {
  prepare_for_clients(fd);
  if (listen(fd.get(), kBacklog) != 0) {
    return listen_error(address, errno);
  }
  return {};
}

}  // namespace

void prepare_for_clients(const fs::Fd& listening) noexcept {
  (void)set_option(listening.get(), IPPROTO_TCP, TCP_NODELAY);
  const int bytes = kUnsentBytes;
  (void)setsockopt(listening.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes));
}

Result<Listeners> listen_on(const SocketAddress& address, unsigned count) {
  Listeners listeners;
  // The first socket is bound alone, so that a port in use is noticed although its owner shares
  // it; only then is it opened for its siblings.
  WHORL_TRY(fs::Fd first, bind_socket(address, Share::No));
  WHORL_TRY(listeners.address, SocketAddress::of_socket(first.get()));
  if (!set_option(first.get(), SOL_SOCKET, SO_REUSEPORT)) {
    return listen_error(address, errno);
  }
  listeners.sockets.push_back(std::move(first));
  while (listeners.sockets.size() < count) {
    WHORL_TRY(fs::Fd next, bind_socket(listeners.address, Share::Yes));
    listeners.sockets.push_back(std::move(next));
  }
  for (const fs::Fd& fd : listeners.sockets) {
    WHORL_CHECKED(start_listening(fd, listeners.address));
  }
  return listeners;
}

Result<Listeners> listen_on_free_port(const SocketAddress& address, unsigned count) {
  const unsigned first = address.port();
  if (first == 0) {
    return listen_on(address, count);
  }
  for (unsigned port = first; port < first + kPortsTried; ++port) {
    if (port > UINT16_MAX) {
      return fail(
          ErrorKind::Unavailable,
          "Couldn't find a free port as we've reached the maximum port number. Consider retrying "
          "with a lower base port."
      );
    }
    auto listeners = listen_on(address.with_port(static_cast<std::uint16_t>(port)), count);
    if (listeners || listeners.error().kind() != ErrorKind::AlreadyExists) {
      return listeners;
    }
  }
  return fail(
      ErrorKind::Unavailable,
      "Couldn't find a free port in the range {}-{}. Consider retrying with a different base port.",
      first,
      first + kPortsTried
  );
}

}  // namespace whorl::net
