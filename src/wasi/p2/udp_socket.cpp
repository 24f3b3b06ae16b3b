#include "wasi/p2/udp_socket.hpp"

#include "wasi/p2/poll.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace whorl::wasi::p2 {
namespace {

/// A datagram is at most this long (RFC 768: 16 bits of length).
constexpr std::size_t kDatagramBytes = std::size_t{64} * 1024;

template <class T = void>
SocketOutcome<T> refused(SocketError error) {
  return SocketOutcome<T>(std::unexpect, error);
}

bool same_address(const net::SocketAddress& a, const net::SocketAddress& b) noexcept {
  return a.size() == b.size() && a.port() == b.port() && ip_text(a) == ip_text(b);
}

/// Ready when the system would take or give a datagram, or an error.
class DatagramReadiness final : public Readiness {
 public:
  DatagramReadiness(std::shared_ptr<UdpEndpoint> endpoint, short events) noexcept
      : endpoint_(std::move(endpoint)), events_(events) {}
  [[nodiscard]] bool is_ready() override {
    pollfd entry{endpoint_->socket.fd(), events_, 0};
    if (::poll(&entry, 1, 0) != 0) {
      return true;
    }
    if (events_ == POLLIN) {
      endpoint_->socket.watch_readable();
    } else {
      endpoint_->socket.watch_writable();
    }
    return false;
  }
  [[nodiscard]] async::Event* event() noexcept override { return &endpoint_->socket.changed(); }

 private:
  std::shared_ptr<UdpEndpoint> endpoint_;
  short events_;
};

}  // namespace

// --- IncomingDatagramStream ----------------------------------------------------------------------

component::HostResult<SocketOutcome<std::vector<udp_wit::IncomingDatagram>>>
IncomingDatagramStream::receive(component::Call&, std::uint64_t max_results) {
  using Outcome = SocketOutcome<std::vector<udp_wit::IncomingDatagram>>;
  std::vector<udp_wit::IncomingDatagram> received;
  Bytes buffer(kDatagramBytes);
  std::size_t bytes = 0;
  const auto most = std::min<std::uint64_t>(max_results, kMaxDatagrams);
  while (received.size() < most && bytes < kMaxBytes) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const ssize_t count = ::recvfrom(
        endpoint_->socket.fd(),
        buffer.data(),
        buffer.size(),
        0,
        reinterpret_cast<sockaddr*>(&from),
        &size
    );
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      const bool is_end = errno == EAGAIN || !received.empty();
      return is_end ? Outcome(std::move(received)) : Outcome(socket_refused(errno));
    }
    const net::SocketAddress sender(reinterpret_cast<const sockaddr*>(&from), size);
    if (peer_ && !same_address(*peer_, sender)) {
      continue;
    }
    bytes += static_cast<std::size_t>(count);
    received.push_back({Bytes(buffer.begin(), buffer.begin() + count), to_wit(sender)});
  }
  return Outcome(std::move(received));
}

component::HostResult<component::Own<udp_wit::Pollable>>
IncomingDatagramStream::subscribe(component::Call&) {
  return std::make_unique<Pollable>(
      around_.timers, make_local<DatagramReadiness>(endpoint_, POLLIN)
  );
}

// --- OutgoingDatagramStream ----------------------------------------------------------------------

component::HostResult<SocketOutcome<std::uint64_t>>
OutgoingDatagramStream::check_send(component::Call&) {
  permitted_ = DatagramReadiness(endpoint_, POLLOUT).is_ready() ? kPermit : 0;
  return SocketOutcome<std::uint64_t>(permitted_);
}

SocketOutcome<net::SocketAddress> OutgoingDatagramStream::destination(
    const udp_wit::OutgoingDatagram& datagram
) const {
  using Outcome = SocketOutcome<net::SocketAddress>;
  if (!datagram.remote_address) {
    return peer_ ? Outcome(*peer_) : Outcome(std::unexpect, SocketError::InvalidArgument);
  }
  const net::SocketAddress to = to_socket_address(*datagram.remote_address);
  if (auto valid = check_remote(to, endpoint_->is_v6); !valid) {
    return Outcome(std::unexpected(valid.error()));
  }
  if (peer_ && !same_address(*peer_, to)) {
    return Outcome(std::unexpect, SocketError::InvalidArgument);
  }
  if (auto granted = access_.check("udp", to); !granted) {
    return Outcome(std::unexpected(granted.error()));
  }
  return to;
}

component::HostResult<SocketOutcome<std::uint64_t>> OutgoingDatagramStream::send(
    component::Call&, std::vector<udp_wit::OutgoingDatagram> datagrams
) {
  using Outcome = SocketOutcome<std::uint64_t>;
  if (datagrams.size() > permitted_) {
    return component::trap("the guest sent more datagrams than check-send permitted");
  }
  permitted_ -= datagrams.size();
  std::uint64_t sent = 0;
  for (const udp_wit::OutgoingDatagram& datagram : datagrams) {
    const auto to = destination(datagram);
    if (!to) {
      return sent > 0 ? Outcome(sent) : Outcome(std::unexpected(to.error()));
    }
    const bool is_connected = peer_.has_value();
    ssize_t count = 0;
    do {
      count = ::sendto(
          endpoint_->socket.fd(),
          datagram.data.data(),
          datagram.data.size(),
          MSG_NOSIGNAL,
          is_connected ? nullptr : to->data(),
          is_connected ? 0 : to->size()
      );
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
      const bool is_success = sent > 0 || errno == EAGAIN;
      return is_success ? Outcome(sent) : Outcome(socket_refused(errno));
    }
    ++sent;
  }
  return Outcome(sent);
}

component::HostResult<component::Own<udp_wit::Pollable>>
OutgoingDatagramStream::subscribe(component::Call&) {
  return std::make_unique<Pollable>(
      around_.timers, make_local<DatagramReadiness>(endpoint_, POLLOUT)
  );
}

// --- UdpSocket -----------------------------------------------------------------------------------

UdpSocket::Outcome<> UdpSocket::start_bind(
    component::Call&, net_wit::Network&, Address local_address
) {
  if (state_ != State::New) {
    return refused(SocketError::InvalidState);
  }
  const net::SocketAddress address = to_socket_address(local_address);
  if (auto valid = check_local(address, endpoint_->is_v6); !valid) {
    return valid;
  }
  if (auto granted = access_.check("udp", address); !granted) {
    return granted;
  }
  if (::bind(fd(), address.data(), address.size()) != 0) {
    return SocketOutcome<>(socket_refused(errno));
  }
  state_ = State::BindStarted;
  return SocketOutcome<>();
}

UdpSocket::Outcome<> UdpSocket::finish_bind(component::Call&) {
  if (state_ != State::BindStarted) {
    return refused(SocketError::NotInProgress);
  }
  state_ = State::Bound;
  return SocketOutcome<>();
}

SocketOutcome<> UdpSocket::connect_to(const std::optional<net::SocketAddress>& peer) {
  if (peer_) {
    // Linux keeps the first peer's route otherwise.
    const sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
    if (::connect(fd(), &nobody, sizeof nobody) != 0) {
      return SocketOutcome<>(socket_refused(errno));
    }
    peer_.reset();
  }
  if (peer && ::connect(fd(), peer->data(), peer->size()) != 0) {
    return SocketOutcome<>(socket_refused(errno));
  }
  peer_ = peer;
  return {};
}

UdpSocket::Outcome<UdpSocket::Streams> UdpSocket::stream(
    component::Call&, std::optional<Address> remote_address
) {
  if (state_ != State::Bound) {
    return refused<Streams>(SocketError::InvalidState);
  }
  if (!streams_.expired()) {
    return component::trap("udp-socket.stream was called before its streams were dropped");
  }
  std::optional<net::SocketAddress> peer;
  if (remote_address) {
    peer = to_socket_address(*remote_address);
    auto valid = check_remote(*peer, endpoint_->is_v6);
    auto granted = valid ? access_.check("udp", *peer) : std::move(valid);
    if (!granted) {
      return refused<Streams>(granted.error());
    }
  }
  if (auto connected = connect_to(peer); !connected) {
    return refused<Streams>(connected.error());
  }
  const std::shared_ptr<void> token = std::make_shared<bool>();
  streams_ = token;
  return SocketOutcome<Streams>(Streams(
      std::make_unique<IncomingDatagramStream>(around_, endpoint_, peer_, token),
      std::make_unique<OutgoingDatagramStream>(around_, access_, endpoint_, peer_, token)
  ));
}

UdpSocket::Outcome<UdpSocket::Address> UdpSocket::local_address(component::Call&) {
  if (state_ == State::New) {
    return refused<Address>(SocketError::InvalidState);
  }
  const auto address = net::SocketAddress::of_socket(fd());
  return address ? SocketOutcome<Address>(to_wit(*address))
                 : refused<Address>(SocketError::Unknown);
}

UdpSocket::Outcome<UdpSocket::Address> UdpSocket::remote_address(component::Call&) {
  return peer_ ? SocketOutcome<Address>(to_wit(*peer_))
               : refused<Address>(SocketError::InvalidState);
}

UdpSocket::Outcome<bool> UdpSocket::ipv6_only(component::Call&) {
  return endpoint_->is_v6 ? SocketOutcome<bool>(true)
                          : SocketOutcome<bool>(std::unexpect, SocketError::NotSupported);
}

UdpSocket::Outcome<> UdpSocket::set_ipv6_only(component::Call&, bool value) {
  return endpoint_->is_v6 && value ? SocketOutcome<>()
                                   : SocketOutcome<>(std::unexpect, SocketError::NotSupported);
}

component::HostResult<net_wit::IpAddressFamily> UdpSocket::address_family(component::Call&) {
  return endpoint_->is_v6 ? net_wit::IpAddressFamily::Ipv6 : net_wit::IpAddressFamily::Ipv4;
}

UdpSocket::Outcome<std::uint8_t> UdpSocket::unicast_hop_limit(component::Call&) {
  return hop_limit_of(fd(), endpoint_->is_v6);
}

UdpSocket::Outcome<> UdpSocket::set_unicast_hop_limit(component::Call&, std::uint8_t value) {
  return set_hop_limit_of(fd(), endpoint_->is_v6, value);
}

UdpSocket::Outcome<std::uint64_t> UdpSocket::receive_buffer_size(component::Call&) {
  return buffer_size_of(fd(), SO_RCVBUF);
}

UdpSocket::Outcome<> UdpSocket::set_receive_buffer_size(component::Call&, std::uint64_t value) {
  return set_buffer_size_of(fd(), SO_RCVBUF, value);
}

UdpSocket::Outcome<std::uint64_t> UdpSocket::send_buffer_size(component::Call&) {
  return buffer_size_of(fd(), SO_SNDBUF);
}

UdpSocket::Outcome<> UdpSocket::set_send_buffer_size(component::Call&, std::uint64_t value) {
  return set_buffer_size_of(fd(), SO_SNDBUF, value);
}

component::HostResult<component::Own<udp_wit::Pollable>> UdpSocket::subscribe(component::Call&) {
  return std::make_unique<Pollable>(around_.timers, make_local<AlwaysReady>());
}

}  // namespace whorl::wasi::p2
