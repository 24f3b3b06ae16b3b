#include "wasi/p3/udp_socket.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace whorl::wasi::p3 {
namespace {

/// A datagram is at most this long (RFC 768: 16 bits of length).
constexpr std::size_t kDatagramBytes = std::size_t{64} * 1024;

SocketOutcome<> refused(SocketError error) {
  return SocketOutcome<>(std::unexpected(std::move(error)));
}

bool same_address(const net::SocketAddress& a, const net::SocketAddress& b) noexcept {
  return a.size() == b.size() && a.port() == b.port() && p2::ip_text(a) == p2::ip_text(b);
}

}  // namespace

SocketResult<> UdpSocket::bind(component::Call&, Address local_address) {
  if (is_bound_) {
    return refused(SocketError::invalid_state());
  }
  const net::SocketAddress address = to_socket_address(local_address);
  if (auto valid = p2::check_local(address, endpoint_->is_v6); !valid) {
    return to_p3(valid);
  }
  if (!access_.network()->may_listen) {
    if (auto granted = access_.check("udp", address); !granted) {
      return to_p3(granted);
    }
  }
  if (::bind(fd(), address.data(), address.size()) != 0) {
    return refused(to_socket_error(errno));
  }
  is_bound_ = true;
  return SocketOutcome<>();
}

int UdpSocket::bind_anywhere() {
  if (is_bound_) {
    return 0;
  }
  // Here and not by the system, which without a free port says that something would block.
  const net::SocketAddress any = to_socket_address(
      endpoint_->is_v6 ? net_wit::IpSocketAddress::ipv6({}) : net_wit::IpSocketAddress::ipv4({})
  );
  if (::bind(fd(), any.data(), any.size()) != 0) {
    return errno;
  }
  is_bound_ = true;
  return 0;
}

int UdpSocket::forget_peer() {
  if (!peer_) {
    return 0;
  }
  const auto before = net::SocketAddress::of_socket(fd());
  // Linux keeps the first peer's route otherwise.
  const sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
  if (::connect(fd(), &nobody, sizeof nobody) != 0) {
    return errno;
  }
  peer_.reset();
  // It also gives up a port that it chose itself: the socket would receive nothing any more.
  const auto after = net::SocketAddress::of_socket(fd());
  if (before && after && after->port() != before->port()) {
    const net::SocketAddress again = after->with_port(before->port());
    if (::bind(fd(), again.data(), again.size()) != 0) {
      is_bound_ = false;
      return errno;
    }
  }
  return 0;
}

SocketResult<> UdpSocket::connect(component::Call&, Address remote_address) {
  const net::SocketAddress address = to_socket_address(remote_address);
  if (auto valid = p2::check_remote(address, endpoint_->is_v6); !valid) {
    return to_p3(valid);
  }
  if (auto granted = access_.check("udp", address); !granted) {
    return to_p3(granted);
  }
  if (const int error = forget_peer(); error != 0) {
    return refused(to_socket_error(error));
  }
  if (const int error = bind_anywhere(); error != 0) {
    return refused(to_socket_error(error));
  }
  if (::connect(fd(), address.data(), address.size()) != 0) {
    return refused(to_socket_error(errno));
  }
  peer_ = address;
  return SocketOutcome<>();
}

SocketResult<> UdpSocket::disconnect(component::Call&) {
  if (!peer_) {
    return refused(SocketError::invalid_state());
  }
  const int error = forget_peer();
  return error == 0 ? SocketOutcome<>() : refused(to_socket_error(error));
}

SocketOutcome<std::optional<net::SocketAddress>> UdpSocket::destination(
    const std::optional<Address>& remote_address
) const {
  using Outcome = SocketOutcome<std::optional<net::SocketAddress>>;
  if (!remote_address) {
    return peer_ ? Outcome(std::nullopt) : Outcome(std::unexpect, SocketError::invalid_argument());
  }
  const net::SocketAddress to = to_socket_address(*remote_address);
  if (auto valid = p2::check_remote(to, endpoint_->is_v6); !valid) {
    return Outcome(std::unexpect, to_p3(valid.error()));
  }
  if (peer_) {
    return same_address(*peer_, to) ? Outcome(std::nullopt)
                                    : Outcome(std::unexpect, SocketError::invalid_argument());
  }
  if (auto granted = access_.check("udp", to); !granted) {
    return Outcome(std::unexpect, to_p3(granted.error()));
  }
  return to;
}

SocketResult<> UdpSocket::send(
    component::Call& call, Bytes data, std::optional<Address> remote_address
) {
  const auto to = destination(remote_address);
  if (!to) {
    return refused(to.error());
  }
  if (const int error = bind_anywhere(); error != 0) {
    return refused(to_socket_error(error));
  }
  const auto endpoint = endpoint_;
  while (true) {
    const ssize_t count = ::sendto(
        endpoint->socket.fd(),
        data.data(),
        data.size(),
        MSG_NOSIGNAL,
        *to ? (*to)->data() : nullptr,
        *to ? (*to)->size() : 0
    );
    if (count >= 0) {
      return SocketOutcome<>();
    }
    if (errno == EAGAIN) {
      endpoint->socket.watch_writable();
      if (auto waited = wait_for_change(call, endpoint->socket); !waited) {
        return std::unexpected(std::move(waited.error()));
      }
    } else if (errno != EINTR) {
      return refused(to_socket_error(errno));
    }
  }
}

SocketResult<std::tuple<Bytes, UdpSocket::Address>> UdpSocket::receive(component::Call& call) {
  using Outcome = SocketOutcome<std::tuple<Bytes, Address>>;
  if (!is_bound_) {
    return Outcome(std::unexpect, SocketError::invalid_state());
  }
  const auto endpoint = endpoint_;
  Bytes buffer(kDatagramBytes);
  while (true) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const ssize_t count = ::recvfrom(
        endpoint->socket.fd(),
        buffer.data(),
        buffer.size(),
        0,
        reinterpret_cast<sockaddr*>(&from),
        &size
    );
    if (count >= 0) {
      const net::SocketAddress sender(reinterpret_cast<const sockaddr*>(&from), size);
      if (peer_ && !same_address(*peer_, sender)) {
        continue;
      }
      return Outcome(std::tuple(Bytes(buffer.begin(), buffer.begin() + count), to_wit(sender)));
    }
    if (errno == EAGAIN) {
      endpoint->socket.watch_readable();
      if (auto waited = wait_for_change(call, endpoint->socket); !waited) {
        return std::unexpected(std::move(waited.error()));
      }
    } else if (errno != EINTR) {
      return Outcome(std::unexpect, to_socket_error(errno));
    }
  }
}

SocketResult<UdpSocket::Address> UdpSocket::get_local_address(component::Call&) {
  using Outcome = SocketOutcome<Address>;
  if (!is_bound_) {
    return Outcome(std::unexpect, SocketError::invalid_state());
  }
  const auto address = net::SocketAddress::of_socket(fd());
  return address ? Outcome(to_wit(*address))
                 : Outcome(std::unexpect, SocketError::other(std::nullopt));
}

SocketResult<UdpSocket::Address> UdpSocket::get_remote_address(component::Call&) {
  using Outcome = SocketOutcome<Address>;
  return peer_ ? Outcome(to_wit(*peer_)) : Outcome(std::unexpect, SocketError::invalid_state());
}

component::HostResult<net_wit::IpAddressFamily> UdpSocket::get_address_family(component::Call&) {
  return endpoint_->is_v6 ? net_wit::IpAddressFamily::Ipv6 : net_wit::IpAddressFamily::Ipv4;
}

SocketResult<std::uint8_t> UdpSocket::get_unicast_hop_limit(component::Call&) {
  return to_p3(p2::hop_limit_of(fd(), endpoint_->is_v6));
}

SocketResult<> UdpSocket::set_unicast_hop_limit(component::Call&, std::uint8_t value) {
  return to_p3(p2::set_hop_limit_of(fd(), endpoint_->is_v6, value));
}

SocketResult<std::uint64_t> UdpSocket::get_receive_buffer_size(component::Call&) {
  return to_p3(p2::buffer_size_of(fd(), SO_RCVBUF));
}

SocketResult<> UdpSocket::set_receive_buffer_size(component::Call&, std::uint64_t value) {
  return to_p3(p2::set_buffer_size_of(fd(), SO_RCVBUF, value));
}

SocketResult<std::uint64_t> UdpSocket::get_send_buffer_size(component::Call&) {
  return to_p3(p2::buffer_size_of(fd(), SO_SNDBUF));
}

SocketResult<> UdpSocket::set_send_buffer_size(component::Call&, std::uint64_t value) {
  return to_p3(p2::set_buffer_size_of(fd(), SO_SNDBUF, value));
}

}  // namespace whorl::wasi::p3
