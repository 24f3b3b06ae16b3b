#include "http/proxy_preface.hpp"

#include "log/log.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace whorl::http {
namespace {

using State = wire::proxy::HeaderReader::State;

/// What is looked at in one go; most headers are shorter.
constexpr std::size_t kPeekBytes = 512;

std::string to_text(const wire::proxy::Source& source) {
  if (source.is_v6) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(source.port);
    std::memcpy(&address.sin6_addr, source.address.data(), sizeof(address.sin6_addr));
    return net::SocketAddress(reinterpret_cast<const sockaddr*>(&address), sizeof(address))
        .to_string();
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(source.port);
  std::memcpy(&address.sin_addr, source.address.data(), sizeof(address.sin_addr));
  return net::SocketAddress(reinterpret_cast<const sockaddr*>(&address), sizeof(address))
      .to_string();
}

}  // namespace

ProxyPreface::ProxyPreface(ServerCore& core, fs::Fd socket, std::string proxy_address)
    : core_(&core),
      socket_(std::make_unique<net::WatchedSocket>(core.shard, std::move(socket))),
      proxy_address_(std::move(proxy_address)),
      since_(core.now),
      deadline_(core.tick_after(core.options.handshake_timeout)) {}

ProxyPreface::~ProxyPreface() = default;

void ProxyPreface::start() {
  // Posted: an acceptor is at work.
  advance_soon();
}

void ProxyPreface::sweep(Tick now) {
  if (core_ != nullptr && now >= deadline_) {
    log::debug("whorl::http", "{}: no PROXY header in time", proxy_address_);
    // Not now: the core is going through its connections.
    core_->shard.post([self = shared_from_this()] { self->end(); });
  }
}

void ProxyPreface::on_drain() {
  if (!core_->is_patient) {
    deadline_ = std::min(deadline_, core_->tick_after(core_->options.linger_timeout));
  }
}

void ProxyPreface::abandon() {
  core_ = nullptr;
  readable_.stop();
  socket_.reset();
}

void ProxyPreface::advance_soon() noexcept {
  if (core_ != nullptr) {
    core_->shard.post([self = shared_from_this()] { self->advance(); });
  }
}

void ProxyPreface::advance() {
  while (core_ != nullptr) {
    std::array<std::uint8_t, kPeekBytes> bytes;
    const ssize_t count = ::recv(socket_->fd(), bytes.data(), bytes.size(), MSG_PEEK);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0 && errno == EAGAIN) {
      readable_.listen(socket_->changed());
      socket_->watch_readable();
      return;
    }
    if (count <= 0) {
      end();
      return;
    }
    const std::size_t taken = reader_.read(ByteView(bytes).first(static_cast<std::size_t>(count)));
    if (reader_.state() == State::Bad) {
      log::debug("whorl::http", "{}: {}", proxy_address_, reader_.why());
      end();
      return;
    }
    // They are there, so this takes them all.
    if (::recv(socket_->fd(), bytes.data(), taken, 0) != static_cast<ssize_t>(taken)) {
      end();
      return;
    }
    if (reader_.state() == State::Done) {
      finish();
      return;
    }
  }
}

void ProxyPreface::finish() {
  // The watched socket does not give its descriptor away.
  fs::Fd socket(::fcntl(socket_->fd(), F_DUPFD_CLOEXEC, 0));
  if (!socket.is_open()) {
    end();
    return;
  }
  ServerCore& core = *std::exchange(core_, nullptr);
  readable_.stop();
  socket_.reset();
  const auto keep = shared_from_this();
  core.admit(
      std::move(socket), reader_.source() ? to_text(*reader_.source()) : std::move(proxy_address_)
  );
  core.remove(*this);
}

void ProxyPreface::end() {
  if (core_ == nullptr) {
    return;
  }
  const auto keep = shared_from_this();
  ServerCore& core = *std::exchange(core_, nullptr);
  readable_.stop();
  socket_.reset();
  core.remove(*this);
}

}  // namespace whorl::http
