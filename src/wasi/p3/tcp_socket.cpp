#include "wasi/p3/tcp_socket.hpp"

#include "async/timer.hpp"
#include "net/connect.hpp"
#include "wit/wasi_sockets_types_p3_abi.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace whorl::wasi::p3 {
namespace {

using component::Progress;
using OwnSocket = component::Own<net_wit::TcpSocket>;

/// The connections that come in at a socket that listens.
class AcceptProducer final : public component::StreamProducer<OwnSocket> {
 public:
  AcceptProducer(
      const Surroundings& around,
      const SocketAccess& access,
      std::shared_ptr<p2::TcpConnection> listener,
      bool is_v6
  )
      : around_(around),
        access_(access),
        listener_(std::move(listener)),
        is_v6_(is_v6),
        pause_(access.network()->shard) {}

  [[nodiscard]] Progress produce(std::size_t room, std::vector<OwnSocket>& items) override {
    if (room == 0 && is_somebody_there()) {
      return Progress::items(0);
    }
    bool is_full = false;
    while (items.size() < room) {
      MemoryCharge charge(around_.memory);
      http::ConnectionPermit permit;
      is_full =
          !charge.try_resize(p2::kSocketCharge) || !permit.try_take(access_.network()->limits);
      if (is_full) {
        break;
      }
      fs::Fd fd(::accept4(listener_->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (fd.is_open()) {
        auto connection = std::make_shared<p2::TcpConnection>(
            access_.network()->shard, std::move(fd), std::move(charge)
        );
        connection->permit() = std::move(permit);
        items.push_back(std::make_unique<TcpSocket>(
            around_, access_, std::move(connection), is_v6_, TcpSocket::State::Connected
        ));
      } else if (errno == EINVAL || errno == EBADF) {
        return items.empty() ? Progress::dropped() : Progress::last(items.size());
      } else if (errno != EINTR && errno != ECONNABORTED) {
        // No descriptor or memory left for it, or what may not be over at once.
        is_full = errno != EAGAIN;
        break;
      }
    }
    if (!items.empty()) {
      return Progress::items(items.size());
    }
    if (is_full) {
      // Somebody waits, so that being told of it again would be at once. Nothing says when others
      // are closed: it is tried again after a while.
      pause_.start(async::Deadline::after(kPause));
      retry_.arm(&pause_.event());
    } else {
      listener_->socket().watch_readable();
      retry_.arm(&listener_->socket().changed());
    }
    return Progress::blocked();
  }

 private:
  static constexpr async::Milliseconds kPause{50};

  [[nodiscard]] bool is_somebody_there() const noexcept {
    pollfd entry{listener_->fd(), POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
  }

  const Surroundings& around_;
  const SocketAccess& access_;
  std::shared_ptr<p2::TcpConnection> listener_;
  bool is_v6_;
  async::Timer pause_;
  Retry retry_{*this};
};

SocketOutcome<> refused(SocketError error) {
  return SocketOutcome<>(std::unexpected(std::move(error)));
}

p2::net_wit::IpSocketAddress to_p2(const net_wit::IpSocketAddress& from) {
  if (from.tag == net_wit::IpSocketAddress::Tag::Ipv4) {
    const auto& address = from.as<net_wit::Ipv4SocketAddress>();
    return p2::net_wit::IpSocketAddress::ipv4({.port = address.port, .address = address.address});
  }
  const auto& address = from.as<net_wit::Ipv6SocketAddress>();
  return p2::net_wit::IpSocketAddress::ipv6({
      .port = address.port,
      .flow_info = address.flow_info,
      .address = address.address,
      .scope_id = address.scope_id,
  });
}

}  // namespace

net::SocketAddress to_socket_address(const net_wit::IpSocketAddress& from) {
  return p2::to_socket_address(to_p2(from));
}

net_wit::IpSocketAddress to_wit(const net::SocketAddress& from) {
  const auto same = p2::to_wit(from);
  if (same.tag == p2::net_wit::IpSocketAddress::Tag::Ipv4) {
    const auto& address = same.as<p2::net_wit::Ipv4SocketAddress>();
    return net_wit::IpSocketAddress::ipv4({.port = address.port, .address = address.address});
  }
  const auto& address = same.as<p2::net_wit::Ipv6SocketAddress>();
  return net_wit::IpSocketAddress::ipv6({
      .port = address.port,
      .flow_info = address.flow_info,
      .address = address.address,
      .scope_id = address.scope_id,
  });
}

SocketError to_socket_error(int number) {
  return number == EPIPE ? SocketError::connection_broken() : to_p3(p2::to_socket_error(number));
}

component::HostResult<> wait_for_change(component::Call& call, net::WatchedSocket& socket) {
  if (call.fiber == nullptr) {
    return component::trap("a start function may not wait");
  }
  if (!async::wait_on(*call.fiber, socket.changed())) {
    return component::trap("the guest is being ended");
  }
  return {};
}

SocketResult<> TcpSocket::bind(component::Call&, Address local_address) {
  if (state_ != State::New) {
    return refused(SocketError::invalid_state());
  }
  const net::SocketAddress address = to_socket_address(local_address);
  if (auto valid = p2::check_local(address, is_v6_); !valid) {
    return to_p3(valid);
  }
  if (!p2::is_unicast(address)) {
    return refused(SocketError::invalid_argument());
  }
  if (!access_.network()->may_listen) {
    return refused(SocketError::access_denied());
  }
  // As other hosts have it: an address is free again as soon as nobody listens at it.
  if (auto set = p2::set_int_option(fd(), SOL_SOCKET, SO_REUSEADDR, 1); !set) {
    return to_p3(set);
  }
  if (::bind(fd(), address.data(), address.size()) != 0) {
    return refused(to_socket_error(errno));
  }
  state_ = State::Bound;
  return SocketOutcome<>();
}

SocketResult<> TcpSocket::connect(component::Call& call, Address remote_address) {
  if (state_ != State::New && state_ != State::Bound) {
    return refused(SocketError::invalid_state());
  }
  const net::SocketAddress address = to_socket_address(remote_address);
  if (auto valid = p2::check_remote(address, is_v6_); !valid) {
    return to_p3(valid);
  }
  if (!p2::is_unicast(address)) {
    return refused(SocketError::invalid_argument());
  }
  if (auto granted = access_.check("tcp", address); !granted) {
    return to_p3(granted);
  }
  if (!connection_->permit().try_take(access_.network()->limits)) {
    http::reclaim_places(access_.network()->limits);  // idle ones of clients, for the next try
    return refused(to_p3(p2::SocketError::NewSocketLimit));
  }
  if (::connect(fd(), address.data(), address.size()) != 0 && errno != EINPROGRESS) {
    state_ = State::Failed;
    // Linux says so where no port is left to bind to.
    return refused(errno == EADDRNOTAVAIL ? SocketError::address_in_use() : to_socket_error(errno));
  }
  state_ = State::Connecting;
  // The guest may drop its handle while it waits.
  const auto connection = connection_;
  while (net::is_connecting(connection->fd())) {
    connection->socket().watch_writable();
    if (auto waited = wait_for_change(call, connection->socket()); !waited) {
      return std::unexpected(std::move(waited.error()));
    }
  }
  const int outcome = net::connect_outcome(connection->fd());
  if (outcome != 0) {
    state_ = State::Failed;
    return refused(to_socket_error(outcome));
  }
  state_ = State::Connected;
  return SocketOutcome<>();
}

SocketResult<component::StreamReader<component::Own<net_wit::TcpSocket>>>
TcpSocket::listen(component::Call&) {
  using Stream = component::StreamReader<OwnSocket>;
  using Outcome = SocketOutcome<Stream>;
  if (state_ != State::New && state_ != State::Bound) {
    return Outcome(std::unexpect, SocketError::invalid_state());
  }
  if (!access_.network()->may_listen) {
    return Outcome(std::unexpect, SocketError::access_denied());
  }
  if (::listen(fd(), backlog_) != 0) {
    return Outcome(std::unexpect, to_socket_error(errno));
  }
  state_ = State::Listening;
  return Outcome(Stream(std::make_unique<AcceptProducer>(around_, access_, connection_, is_v6_)));
}

component::HostResult<DoneFuture<SocketError>> TcpSocket::send(component::Call&, ByteReader data) {
  if (state_ != State::Connected || std::exchange(is_sending_, true)) {
    return DoneFuture<SocketError>::ready(refused(SocketError::invalid_state()));
  }
  component::FutureWriter<SocketOutcome<>> done;
  auto future = done.reader();
  write_to(
      std::move(data),
      make_local<p2::TcpSink>(connection_),
      [connection = connection_, done = std::move(done)](WriteEnd) mutable {
        // What the guest has written may still wait for room in the system's buffer.
        connection->when_sent([done = std::move(done)](int error) mutable {
          done.resolve(error == 0 ? SocketOutcome<>() : refused(to_socket_error(error)));
        });
      }
  );
  return future;
}

component::HostResult<ReadChannel<SocketError>> TcpSocket::receive(component::Call&) {
  if (state_ != State::Connected || std::exchange(is_receiving_, true)) {
    return failed_channel<SocketError>(SocketError::invalid_state());
  }
  return read_channel<SocketError>(
      make_local<p2::TcpSource>(connection_),
      [connection = connection_](const IoError&) {
        return to_socket_error(connection->receive_error());
      }
  );
}

SocketResult<TcpSocket::Address> TcpSocket::get_local_address(component::Call&) {
  using Outcome = SocketOutcome<Address>;
  if (state_ == State::New || state_ == State::Failed) {
    return Outcome(std::unexpect, SocketError::invalid_state());
  }
  const auto address = net::SocketAddress::of_socket(fd());
  return address ? Outcome(to_wit(*address))
                 : Outcome(std::unexpect, SocketError::other(std::nullopt));
}

SocketResult<TcpSocket::Address> TcpSocket::get_remote_address(component::Call&) {
  using Outcome = SocketOutcome<Address>;
  if (state_ != State::Connected) {
    return Outcome(std::unexpect, SocketError::invalid_state());
  }
  const auto address = p2::peer_of(fd());
  return address ? Outcome(to_wit(*address)) : Outcome(std::unexpect, to_p3(address.error()));
}

component::HostResult<bool> TcpSocket::get_is_listening(component::Call&) {
  return state_ == State::Listening;
}

component::HostResult<net_wit::IpAddressFamily> TcpSocket::get_address_family(component::Call&) {
  return is_v6_ ? net_wit::IpAddressFamily::Ipv6 : net_wit::IpAddressFamily::Ipv4;
}

SocketResult<> TcpSocket::set_listen_backlog_size(component::Call&, std::uint64_t value) {
  if (value == 0) {
    return refused(SocketError::invalid_argument());
  }
  backlog_ = static_cast<int>(std::min<std::uint64_t>(value, SOMAXCONN));
  switch (state_) {
    case State::New:
    case State::Bound:
      return SocketOutcome<>();
    case State::Listening:
      // Calling it again sets the new size.
      return ::listen(fd(), backlog_) == 0 ? SocketOutcome<>() : refused(to_socket_error(errno));
    default:
      return refused(SocketError::invalid_state());
  }
}

SocketResult<bool> TcpSocket::get_keep_alive_enabled(component::Call&) {
  const auto value = p2::int_option(fd(), SOL_SOCKET, SO_KEEPALIVE);
  return value ? SocketOutcome<bool>(*value != 0)
               : SocketOutcome<bool>(std::unexpect, to_p3(value.error()));
}

SocketResult<> TcpSocket::set_keep_alive_enabled(component::Call&, bool value) {
  return to_p3(p2::set_int_option(fd(), SOL_SOCKET, SO_KEEPALIVE, value ? 1 : 0));
}

SocketResult<TcpSocket::Duration> TcpSocket::get_keep_alive_idle_time(component::Call&) {
  return to_p3(p2::keep_alive_time_of(fd(), TCP_KEEPIDLE));
}

SocketResult<> TcpSocket::set_keep_alive_idle_time(component::Call&, Duration value) {
  return to_p3(p2::set_keep_alive_time_of(fd(), TCP_KEEPIDLE, value));
}

SocketResult<TcpSocket::Duration> TcpSocket::get_keep_alive_interval(component::Call&) {
  return to_p3(p2::keep_alive_time_of(fd(), TCP_KEEPINTVL));
}

SocketResult<> TcpSocket::set_keep_alive_interval(component::Call&, Duration value) {
  return to_p3(p2::set_keep_alive_time_of(fd(), TCP_KEEPINTVL, value));
}

SocketResult<std::uint32_t> TcpSocket::get_keep_alive_count(component::Call&) {
  return to_p3(p2::keep_alive_count_of(fd()));
}

SocketResult<> TcpSocket::set_keep_alive_count(component::Call&, std::uint32_t value) {
  return to_p3(p2::set_keep_alive_count_of(fd(), value));
}

SocketResult<std::uint8_t> TcpSocket::get_hop_limit(component::Call&) {
  return to_p3(p2::hop_limit_of(fd(), is_v6_));
}

SocketResult<> TcpSocket::set_hop_limit(component::Call&, std::uint8_t value) {
  return to_p3(p2::set_hop_limit_of(fd(), is_v6_, value));
}

SocketResult<std::uint64_t> TcpSocket::get_receive_buffer_size(component::Call&) {
  return to_p3(p2::buffer_size_of(fd(), SO_RCVBUF));
}

SocketResult<> TcpSocket::set_receive_buffer_size(component::Call&, std::uint64_t value) {
  return to_p3(p2::set_buffer_size_of(fd(), SO_RCVBUF, value));
}

SocketResult<std::uint64_t> TcpSocket::get_send_buffer_size(component::Call&) {
  return to_p3(p2::buffer_size_of(fd(), SO_SNDBUF));
}

SocketResult<> TcpSocket::set_send_buffer_size(component::Call&, std::uint64_t value) {
  return to_p3(p2::set_buffer_size_of(fd(), SO_SNDBUF, value));
}

}  // namespace whorl::wasi::p3
