#include "net/handover.hpp"

#include "net/listener_sources.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace whorl::net {
namespace {

// What one message can carry (SCM_MAX_FD).
constexpr std::size_t kMaxSockets = 253;
constexpr std::size_t kMaxSets = 64;
constexpr int kAnswerTimeoutMs = 10'000;
// The message: this word, the number of sets, the number of sockets in each, which has the highest
// bit where a service manager holds them, too.
constexpr std::uint32_t kMagic = 0x31'4c'52'57;
constexpr std::uint32_t kShared = 0x8000'0000;
constexpr char kServing = 'S';

using Message = std::array<std::uint32_t, 2 + kMaxSets>;

bool is_same_user(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
}

constexpr std::size_t kControlBytes = CMSG_SPACE(kMaxSockets * sizeof(int));

bool send_sockets(int to, const std::vector<Listeners>& listeners) {
  Message message{kMagic, static_cast<std::uint32_t>(listeners.size())};
  std::vector<int> fds;
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    message[2 + i] = static_cast<std::uint32_t>(listeners[i].sockets.size()) |
                     (listeners[i].is_shared ? kShared : 0);
    for (const fs::Fd& socket : listeners[i].sockets) {
      fds.push_back(socket.get());
    }
  }
  if (fds.empty() || fds.size() > kMaxSockets) {
    return false;
  }
  std::vector<std::uint8_t> control(CMSG_SPACE(fds.size() * sizeof(int)));
  iovec part{message.data(), sizeof(message)};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  cmsghdr* entry = CMSG_FIRSTHDR(&header);
  entry->cmsg_level = SOL_SOCKET;
  entry->cmsg_type = SCM_RIGHTS;
  entry->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
  std::memcpy(CMSG_DATA(entry), fds.data(), fds.size() * sizeof(int));
  return ::sendmsg(to, &header, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof(message));
}

/// Takes the descriptors of a message; all of them, so that none leaks.
std::vector<fs::Fd> take_descriptors(msghdr& header) {
  std::vector<fs::Fd> fds;
  for (cmsghdr* entry = CMSG_FIRSTHDR(&header); entry != nullptr;
       entry = CMSG_NXTHDR(&header, entry)) {
    if (entry->cmsg_level != SOL_SOCKET || entry->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const std::size_t count = (entry->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(entry) + i * sizeof(int), sizeof(fd));
      fds.emplace_back(fd);
    }
  }
  return fds;
}

Result<std::vector<Listeners>> receive_sockets(int from) {
  Message message{};
  std::vector<std::uint8_t> control(kControlBytes);
  iovec part{message.data(), sizeof(message)};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(from, &header, MSG_CMSG_CLOEXEC | MSG_WAITALL);
  std::vector<fs::Fd> fds = take_descriptors(header);
  if (size != static_cast<ssize_t>(sizeof(message)) || message[0] != kMagic ||
      message[1] > kMaxSets) {
    return fail(ErrorKind::Disconnected, "the running process did not hand its sockets over");
  }
  std::vector<Listeners> all;
  std::size_t used = 0;
  for (std::size_t set = 0; set < message[1]; ++set) {
    Listeners listeners;
    listeners.is_shared = (message[2 + set] & kShared) != 0;
    const std::uint32_t count = message[2 + set] & ~kShared;
    for (std::uint32_t i = 0; i < count && used < fds.size(); ++i) {
      WHORL_TRY(Listeners one, describe_listener(std::move(fds[used++])));
      listeners.address = one.address;
      listeners.unix_path = one.unix_path;
      listeners.sockets.push_back(std::move(one.sockets.front()));
    }
    if (listeners.sockets.empty()) {
      return fail(ErrorKind::Disconnected, "the running process handed too few sockets over");
    }
    all.push_back(std::move(listeners));
  }
  return all;
}

}  // namespace

Result<HandoverOffer> HandoverOffer::open(std::string path) {
  // Who offered here before has handed over or is gone.
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode)) {
    ::unlink(path.c_str());
  }
  const mode_t before = ::umask(0177);
  auto listeners = listen_on_unix(path, 1);
  ::umask(before);
  if (!listeners) {
    return listeners.take_error();
  }
  return HandoverOffer(std::move(path), std::move(listeners->sockets.front()));
}

HandoverOffer::HandoverOffer(std::string path, fs::Fd listening) noexcept
    : path_(std::move(path)), listening_(std::move(listening)) {
  (void)::lstat(path_.c_str(), &made_);
}

HandoverOffer::~HandoverOffer() {
  if (listening_.is_open() && has_path()) {
    ::unlink(path_.c_str());
  }
}

/// A file's number may be used again at once, hence the time.
bool HandoverOffer::has_path() const noexcept {
  struct stat now{};
  return ::lstat(path_.c_str(), &now) == 0 && now.st_ino == made_.st_ino &&
         now.st_dev == made_.st_dev && now.st_mtim.tv_sec == made_.st_mtim.tv_sec &&
         now.st_mtim.tv_nsec == made_.st_mtim.tv_nsec;
}

int HandoverOffer::fd() const noexcept {
  return successor_.is_open() ? successor_.get() : listening_.get();
}

bool HandoverOffer::on_readable(const std::vector<Listeners>& listeners) {
  if (!successor_.is_open()) {
    give(listeners);
    return false;
  }
  char said = 0;
  const ssize_t count = ::recv(successor_.get(), &said, 1, MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) {
    return false;
  }
  if (count == 1 && said == kServing) {
    // The path is the successor's now.
    listening_ = fs::Fd();
    return true;
  }
  successor_ = fs::Fd();
  if (!has_path()) {
    // It had begun to offer in our place.
    if (auto again = open(path_)) {
      *this = *std::move(again);
    }
  }
  return false;
}

void HandoverOffer::give(const std::vector<Listeners>& listeners) {
  fs::Fd asking(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (asking.is_open() && is_same_user(asking.get()) && send_sockets(asking.get(), listeners)) {
    successor_ = std::move(asking);
  }
}

void Takeover::finish() noexcept {
  if (predecessor.is_open()) {
    (void)::send(predecessor.get(), &kServing, 1, MSG_NOSIGNAL);
    predecessor = fs::Fd();
  }
}

Result<Takeover> take_over(const std::string& path) {
  Takeover takeover;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return fail(ErrorKind::InvalidInput, "the path '{}' is too long for a socket", path);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  fs::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) {
      return takeover;
    }
    return fs::errno_error(errno).context(fmt::format("cannot take over at '{}'", path));
  }
  if (!is_same_user(fd.get())) {
    return fail(ErrorKind::PermissionDenied, "the process at '{}' is somebody else's", path);
  }
  pollfd waiting{fd.get(), POLLIN, 0};
  if (::poll(&waiting, 1, kAnswerTimeoutMs) != 1) {
    return fail(ErrorKind::DeadlineExceeded, "the process at '{}' does not answer", path);
  }
  WHORL_TRY(takeover.listeners, receive_sockets(fd.get()));
  takeover.predecessor = std::move(fd);
  return takeover;
}

}  // namespace whorl::net
