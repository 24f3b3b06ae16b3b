#include "wasi/p2/tcp_socket.hpp"

#include "net/connect.hpp"
#include "wasi/p2/poll.hpp"
#include "wasi/p2/streams.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace whorl::wasi::p2 {
namespace {

constexpr int kLingerMilliseconds = 30'000;
constexpr std::size_t kReceiveBuffer = std::size_t{32} * 1024;

template <class T = void>
SocketOutcome<T> refused(SocketError error) {
  return SocketOutcome<T>(std::unexpect, error);
}

std::unique_ptr<IoError> socket_error(std::string text) {
  return std::make_unique<IoError>(std::move(text));
}

/// Ready when an attempt to connect is over.
class ConnectReadiness final : public Readiness {
 public:
  explicit ConnectReadiness(std::shared_ptr<TcpConnection> connection) noexcept
      : connection_(std::move(connection)) {}
  [[nodiscard]] bool is_ready() override {
    if (!net::is_connecting(connection_->fd())) {
      return true;
    }
    connection_->socket().watch_writable();
    return false;
  }
  [[nodiscard]] async::Event* event() noexcept override { return &connection_->socket().changed(); }

 private:
  std::shared_ptr<TcpConnection> connection_;
};

}  // namespace

// --- TcpConnection -------------------------------------------------------------------------------

void TcpConnection::send(ByteView bytes) {
  pending_.assign(bytes.begin(), bytes.end());
  sent_ = 0;
  flush();
}

void TcpConnection::flush() noexcept {
  while (sent_ < pending_.size() && send_error_ == 0) {
    const ssize_t count =
        ::send(fd(), pending_.data() + sent_, pending_.size() - sent_, MSG_NOSIGNAL);
    if (count >= 0) {
      sent_ += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN) {
      if (!flusher_.is_linked()) {
        socket_.changed().add(flusher_);
      }
      socket_.watch_writable();
      return;
    } else if (errno != EINTR) {
      send_error_ = errno;
    }
  }
  pending_.clear();
  std::shared_ptr<TcpConnection> last;
  if (shutdown_when_sent_) {
    ::shutdown(fd(), SHUT_WR);
    last = std::move(lingering_);
  }
  if (auto told = std::exchange(told_, {})) {
    told(send_error_);
  }
}

void TcpConnection::when_sent(Sent told) {
  if (pending_.empty() || send_error_ != 0) {
    told(send_error_);
  } else {
    told_ = std::move(told);
  }
}

void TcpConnection::close_send() {
  if (send_closed_) {
    return;
  }
  send_closed_ = true;
  if (pending_.empty()) {
    ::shutdown(fd(), SHUT_WR);
    return;
  }
  // What the guest was told is sent must go out, though it may be gone before: the connection stays
  // by itself until then, or until the peer has taken nothing for too long.
  shutdown_when_sent_ = true;
  static_cast<void>(set_int_option(fd(), IPPROTO_TCP, TCP_USER_TIMEOUT, kLingerMilliseconds));
  charge_ = MemoryCharge();
  lingering_ = shared_from_this();
}

void TcpConnection::close_receive() {
  if (!receive_closed_) {
    receive_closed_ = true;
    ::shutdown(fd(), SHUT_RD);
  }
}

// --- streams -------------------------------------------------------------------------------------

ByteView TcpSource::available() {
  if (begin_ == end_ && !ended_ && connection_->receive_error() == 0 &&
      !connection_->is_receive_closed()) {
    buffer_.resize(kReceiveBuffer);
    ssize_t count = 0;
    do {
      count = ::recv(connection_->fd(), buffer_.data(), buffer_.size(), 0);
    } while (count < 0 && errno == EINTR);
    begin_ = 0;
    end_ = count > 0 ? static_cast<std::size_t>(count) : 0;
    if (count == 0) {
      ended_ = true;
    } else if (count < 0 && errno == EAGAIN) {
      connection_->socket().watch_readable();
    } else if (count < 0) {
      connection_->set_receive_error(errno);
    }
  }
  return ByteView(buffer_).subspan(begin_, end_ - begin_);
}

ByteSource::State TcpSource::state() {
  if (connection_->receive_error() != 0) {
    return State::Failed;
  }
  return (ended_ || connection_->is_receive_closed()) && begin_ == end_ ? State::Ended
                                                                        : State::Open;
}

std::unique_ptr<IoError> TcpSource::failure() {
  return socket_error("the connection is broken");
}

std::unique_ptr<IoError> TcpSink::write(ByteView bytes) {
  connection_->send(bytes);
  return connection_->send_error() == 0 ? nullptr : socket_error("the connection is broken");
}

// --- TcpSocket -----------------------------------------------------------------------------------

TcpSocket::Outcome<> TcpSocket::start_bind(component::Call&, net_wit::Network&, Address) {
  return refused(state_ == State::New ? SocketError::AccessDenied : SocketError::InvalidState);
}

TcpSocket::Outcome<> TcpSocket::finish_bind(component::Call&) {
  return refused(SocketError::NotInProgress);
}

TcpSocket::Outcome<> TcpSocket::start_connect(
    component::Call&, net_wit::Network&, Address remote_address
) {
  if (state_ == State::Connecting) {
    return refused(SocketError::ConcurrencyConflict);
  }
  if (state_ != State::New) {
    return refused(SocketError::InvalidState);
  }
  const net::SocketAddress address = to_socket_address(remote_address);
  if (auto valid = check_remote(address, is_v6_); !valid) {
    return valid;
  }
  if (!is_unicast(address)) {
    return refused(SocketError::InvalidArgument);
  }
  if (auto granted = access_.check("tcp", address); !granted) {
    return granted;
  }
  if (!connection_->permit().try_take(access_.network()->limits)) {
    http::reclaim_places(access_.network()->limits);  // idle ones of clients, for the next try
    return refused(SocketError::NewSocketLimit);
  }
  if (::connect(fd(), address.data(), address.size()) != 0 && errno != EINPROGRESS) {
    state_ = State::Failed;
    return SocketOutcome<>(socket_refused(errno));
  }
  state_ = State::Connecting;
  return SocketOutcome<>();
}

TcpSocket::Outcome<TcpSocket::Streams> TcpSocket::finish_connect(component::Call&) {
  if (state_ != State::Connecting) {
    return refused<Streams>(SocketError::NotInProgress);
  }
  const int outcome = net::connect_outcome(fd());
  if (outcome == EINPROGRESS) {
    return refused<Streams>(SocketError::WouldBlock);
  }
  if (outcome != 0) {
    state_ = State::Failed;
    return SocketOutcome<Streams>(socket_refused(outcome));
  }
  state_ = State::Connected;
  return SocketOutcome<Streams>(Streams(
      std::make_unique<InputStream>(around_.timers, make_local<TcpSource>(connection_)),
      std::make_unique<OutputStream>(around_.timers, make_local<TcpSink>(connection_))
  ));
}

TcpSocket::Outcome<> TcpSocket::start_listen(component::Call&) {
  return refused(SocketError::InvalidState);
}

TcpSocket::Outcome<> TcpSocket::finish_listen(component::Call&) {
  return refused(SocketError::NotInProgress);
}

TcpSocket::Outcome<std::tuple<
    component::Own<tcp_wit::TcpSocket>,
    component::Own<tcp_wit::InputStream>,
    component::Own<tcp_wit::OutputStream>>>
TcpSocket::accept(component::Call&) {
  return refused<std::tuple<
      component::Own<tcp_wit::TcpSocket>,
      component::Own<tcp_wit::InputStream>,
      component::Own<tcp_wit::OutputStream>>>(SocketError::InvalidState);
}

TcpSocket::Outcome<TcpSocket::Address> TcpSocket::local_address(component::Call&) {
  if (state_ != State::Connecting && state_ != State::Connected) {
    return refused<Address>(SocketError::InvalidState);
  }
  const auto address = net::SocketAddress::of_socket(fd());
  return address ? SocketOutcome<Address>(to_wit(*address))
                 : refused<Address>(SocketError::Unknown);
}

TcpSocket::Outcome<TcpSocket::Address> TcpSocket::remote_address(component::Call&) {
  if (state_ != State::Connected) {
    return refused<Address>(SocketError::InvalidState);
  }
  const auto address = peer_of(fd());
  return address ? SocketOutcome<Address>(to_wit(*address)) : refused<Address>(address.error());
}

component::HostResult<bool> TcpSocket::is_listening(component::Call&) {
  return false;
}

TcpSocket::Outcome<bool> TcpSocket::ipv6_only(component::Call&) {
  return is_v6_ ? SocketOutcome<bool>(true)
                : SocketOutcome<bool>(std::unexpect, SocketError::NotSupported);
}

TcpSocket::Outcome<> TcpSocket::set_ipv6_only(component::Call&, bool value) {
  return is_v6_ && value ? SocketOutcome<>()
                         : SocketOutcome<>(std::unexpect, SocketError::NotSupported);
}

component::HostResult<net_wit::IpAddressFamily> TcpSocket::address_family(component::Call&) {
  return is_v6_ ? net_wit::IpAddressFamily::Ipv6 : net_wit::IpAddressFamily::Ipv4;
}

TcpSocket::Outcome<> TcpSocket::set_listen_backlog_size(component::Call&, std::uint64_t value) {
  if (value == 0) {
    return refused(SocketError::InvalidArgument);
  }
  return state_ == State::New ? SocketOutcome<>() : refused(SocketError::InvalidState);
}

TcpSocket::Outcome<bool> TcpSocket::keep_alive_enabled(component::Call&) {
  const auto value = int_option(fd(), SOL_SOCKET, SO_KEEPALIVE);
  return value ? SocketOutcome<bool>(*value != 0) : refused<bool>(value.error());
}

TcpSocket::Outcome<> TcpSocket::set_keep_alive_enabled(component::Call&, bool value) {
  return set_int_option(fd(), SOL_SOCKET, SO_KEEPALIVE, value ? 1 : 0);
}

TcpSocket::Outcome<TcpSocket::Duration> TcpSocket::keep_alive_idle_time(component::Call&) {
  return keep_alive_time_of(fd(), TCP_KEEPIDLE);
}

TcpSocket::Outcome<> TcpSocket::set_keep_alive_idle_time(component::Call&, Duration value) {
  return set_keep_alive_time_of(fd(), TCP_KEEPIDLE, value);
}

TcpSocket::Outcome<TcpSocket::Duration> TcpSocket::keep_alive_interval(component::Call&) {
  return keep_alive_time_of(fd(), TCP_KEEPINTVL);
}

TcpSocket::Outcome<> TcpSocket::set_keep_alive_interval(component::Call&, Duration value) {
  return set_keep_alive_time_of(fd(), TCP_KEEPINTVL, value);
}

TcpSocket::Outcome<std::uint32_t> TcpSocket::keep_alive_count(component::Call&) {
  return keep_alive_count_of(fd());
}

TcpSocket::Outcome<> TcpSocket::set_keep_alive_count(component::Call&, std::uint32_t value) {
  return set_keep_alive_count_of(fd(), value);
}

TcpSocket::Outcome<std::uint8_t> TcpSocket::hop_limit(component::Call&) {
  return hop_limit_of(fd(), is_v6_);
}

TcpSocket::Outcome<> TcpSocket::set_hop_limit(component::Call&, std::uint8_t value) {
  return set_hop_limit_of(fd(), is_v6_, value);
}

TcpSocket::Outcome<std::uint64_t> TcpSocket::receive_buffer_size(component::Call&) {
  return buffer_size_of(fd(), SO_RCVBUF);
}

TcpSocket::Outcome<> TcpSocket::set_receive_buffer_size(component::Call&, std::uint64_t value) {
  return set_buffer_size_of(fd(), SO_RCVBUF, value);
}

TcpSocket::Outcome<std::uint64_t> TcpSocket::send_buffer_size(component::Call&) {
  return buffer_size_of(fd(), SO_SNDBUF);
}

TcpSocket::Outcome<> TcpSocket::set_send_buffer_size(component::Call&, std::uint64_t value) {
  return set_buffer_size_of(fd(), SO_SNDBUF, value);
}

component::HostResult<component::Own<tcp_wit::Pollable>> TcpSocket::subscribe(component::Call&) {
  if (state_ == State::Connecting) {
    return std::make_unique<Pollable>(around_.timers, make_local<ConnectReadiness>(connection_));
  }
  return std::make_unique<Pollable>(around_.timers, make_local<AlwaysReady>());
}

TcpSocket::Outcome<> TcpSocket::shutdown(component::Call&, tcp_wit::ShutdownType shutdown_type) {
  if (state_ != State::Connected) {
    return refused(SocketError::InvalidState);
  }
  if (shutdown_type != tcp_wit::ShutdownType::Send) {
    connection_->close_receive();
  }
  if (shutdown_type != tcp_wit::ShutdownType::Receive) {
    connection_->close_send();
  }
  return SocketOutcome<>();
}

}  // namespace whorl::wasi::p2
