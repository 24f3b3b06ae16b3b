#include "net/listener_sources.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace whorl::net {
namespace {

constexpr int kBacklog = 4096;
constexpr int kFirstInherited = 3;
constexpr int kMaxInherited = 64;

Error unix_error(const std::string& path, int error_number) {
  return fs::errno_error(error_number).context(fmt::format("Unable to listen on unix:{}", path));
}

/// A path as the kernel takes it; nothing when it is too long.
std::optional<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return std::nullopt;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

/// Whether a process accepts connections there.
bool is_alive(const sockaddr_un& address) {
  const fs::Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
             0 ||
         errno == EAGAIN;
}

Result<fs::Fd> duplicate_one(int fd) {
  fs::Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy.is_open()) {
    return fs::errno_error(errno).context("cannot share a listening socket");
  }
  return copy;
}

std::optional<int> number_of(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) {
    return std::nullopt;
  }
  int value = 0;
  const char* end = text + std::strlen(text);
  const auto parsed = std::from_chars(text, end, value);
  return parsed.ec == std::errc() && parsed.ptr == end ? std::optional(value) : std::nullopt;
}

}  // namespace

Result<Listeners> listen_on_unix(const std::string& path, unsigned count) {
  const auto address = unix_address(path);
  if (!address) {
    return unix_error(path, ENAMETOOLONG);
  }
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode) || is_alive(*address)) {
      return fail(
          ErrorKind::AlreadyExists,
          "unix:{} is already in use{}",
          path,
          S_ISSOCK(info.st_mode) ? "" : ", and is no socket"
      );
    }
    ::unlink(path.c_str());
  }
  fs::Fd first(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!first.is_open() ||
      ::bind(first.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0 ||
      ::listen(first.get(), kBacklog) != 0) {
    return unix_error(path, errno);
  }
  Listeners listeners;
  listeners.unix_path = path;
  listeners.sockets.push_back(std::move(first));
  while (listeners.sockets.size() < count) {
    WHORL_TRY(fs::Fd next, duplicate_one(listeners.sockets.front().get()));
    listeners.sockets.push_back(std::move(next));
  }
  return listeners;
}

Result<Listeners> describe_listener(fs::Fd socket) {
  int listens = 0;
  socklen_t size = sizeof(listens);
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) {
    return fail(ErrorKind::InvalidInput, "descriptor {} is no socket that listens", socket.get());
  }
  sockaddr_storage storage{};
  size = sizeof(storage);
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return fs::errno_error(errno).context("cannot see what a socket listens on");
  }
  Listeners listeners;
  if (storage.ss_family == AF_UNIX) {
    const auto& address = reinterpret_cast<const sockaddr_un&>(storage);
    listeners.unix_path =
        std::string(address.sun_path, ::strnlen(address.sun_path, sizeof(address.sun_path)));
  } else {
    listeners.address = SocketAddress(reinterpret_cast<const sockaddr*>(&storage), size);
    prepare_for_clients(socket);
  }
  const int flags = ::fcntl(socket.get(), F_GETFL);
  ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK);
  ::fcntl(socket.get(), F_SETFD, FD_CLOEXEC);
  listeners.sockets.push_back(std::move(socket));
  return listeners;
}

Result<std::vector<Listeners>> inherited_listeners(unsigned count) {
  std::vector<Listeners> all;
  const auto process = number_of("LISTEN_PID");
  const auto passed = number_of("LISTEN_FDS");
  if (!process || *process != ::getpid() || !passed) {
    return all;
  }
  ::unsetenv("LISTEN_PID");
  ::unsetenv("LISTEN_FDS");
  ::unsetenv("LISTEN_FDNAMES");
  const int end = kFirstInherited + std::clamp(*passed, 0, kMaxInherited);
  for (int fd = kFirstInherited; fd < end; ++fd) {
    WHORL_TRY(Listeners one, describe_listener(fs::Fd(fd)).context("LISTEN_FDS"));
    one.is_shared = true;
    while (one.sockets.size() < count) {
      WHORL_TRY(fs::Fd next, duplicate_one(fd));
      one.sockets.push_back(std::move(next));
    }
    all.push_back(std::move(one));
  }
  return all;
}

Result<Listeners> duplicate(const Listeners& listeners) {
  Listeners copy;
  copy.address = listeners.address;
  copy.unix_path = listeners.unix_path;
  copy.is_shared = listeners.is_shared;
  for (const fs::Fd& socket : listeners.sockets) {
    WHORL_TRY(fs::Fd next, duplicate_one(socket.get()));
    copy.sockets.push_back(std::move(next));
  }
  return copy;
}

Result<std::vector<std::vector<fs::Fd>>> spread(Listeners listeners, unsigned count) {
  std::vector<std::vector<fs::Fd>> sets(count);
  const std::size_t there = listeners.sockets.size();
  for (std::size_t i = there; i < count; ++i) {
    WHORL_TRY(fs::Fd copy, duplicate_one(listeners.sockets[i % there].get()));
    sets[i].push_back(std::move(copy));
  }
  for (std::size_t i = 0; i < there; ++i) {
    sets[i % count].push_back(std::move(listeners.sockets[i]));
  }
  return sets;
}

}  // namespace whorl::net
