/// wasi:sockets/udp: sockets that send and receive datagrams.
///
/// Binding is checked like sending: the local address must be granted. Every datagram's destination
/// is checked again.
#pragma once

#include "net/watched_socket.hpp"
#include "wasi/host_memory.hpp"
#include "wasi/p2/socket_access.hpp"
#include "wasi/p2/surroundings.hpp"
#include "wasi/readiness.hpp"
#include "wit/wasi_sockets_udp.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace whorl::wasi::p2 {

namespace udp_wit = wit::wasi_sockets_udp;

/// What a socket and its streams share.
struct UdpEndpoint {
  UdpEndpoint(async::Shard& shard, fs::Fd fd, bool v6, MemoryCharge for_socket)
      : socket(shard, std::move(fd)), is_v6(v6), charge(std::move(for_socket)) {}

  net::WatchedSocket socket;
  bool is_v6;
  MemoryCharge charge;
  http::ConnectionPermit permit;
};

class IncomingDatagramStream final : public udp_wit::IncomingDatagramStream {
 public:
  /// Datagrams and bytes of them that one call gives at most.
  static constexpr std::size_t kMaxDatagrams = 64;
  static constexpr std::size_t kMaxBytes = std::size_t{256} * 1024;

  /// @param peer  datagrams of others are dropped; nothing: all are given
  IncomingDatagramStream(
      const Surroundings& around,
      std::shared_ptr<UdpEndpoint> endpoint,
      std::optional<net::SocketAddress> peer,
      std::shared_ptr<void> token
  ) noexcept
      : around_(around),
        endpoint_(std::move(endpoint)),
        peer_(std::move(peer)),
        token_(std::move(token)) {}
  [[nodiscard]] component::HostResult<SocketOutcome<std::vector<udp_wit::IncomingDatagram>>>
  receive(component::Call& call, std::uint64_t max_results) override;
  [[nodiscard]] component::HostResult<component::Own<udp_wit::Pollable>> subscribe(
      component::Call& call
  ) override;

 private:
  const Surroundings& around_;
  std::shared_ptr<UdpEndpoint> endpoint_;
  std::optional<net::SocketAddress> peer_;
  std::shared_ptr<void> token_;  ///< says that streams are there
};

class OutgoingDatagramStream final : public udp_wit::OutgoingDatagramStream {
 public:
  /// Datagrams that one check permits.
  static constexpr std::uint64_t kPermit = 64;

  OutgoingDatagramStream(
      const Surroundings& around,
      const SocketAccess& access,
      std::shared_ptr<UdpEndpoint> endpoint,
      std::optional<net::SocketAddress> peer,
      std::shared_ptr<void> token
  ) noexcept
      : around_(around),
        access_(access),
        endpoint_(std::move(endpoint)),
        peer_(std::move(peer)),
        token_(std::move(token)) {}
  [[nodiscard]] component::HostResult<SocketOutcome<std::uint64_t>> check_send(component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<SocketOutcome<std::uint64_t>> send(
      component::Call& call, std::vector<udp_wit::OutgoingDatagram> datagrams
  ) override;
  [[nodiscard]] component::HostResult<component::Own<udp_wit::Pollable>> subscribe(
      component::Call& call
  ) override;

 private:
  [[nodiscard]] SocketOutcome<net::SocketAddress> destination(
      const udp_wit::OutgoingDatagram& datagram
  ) const;

  const Surroundings& around_;
  const SocketAccess& access_;
  std::shared_ptr<UdpEndpoint> endpoint_;
  std::optional<net::SocketAddress> peer_;
  std::shared_ptr<void> token_;
  std::uint64_t permitted_ = 0;
};

class UdpSocket final : public udp_wit::UdpSocket {
 public:
  template <class T = void>
  using Outcome = component::HostResult<SocketOutcome<T>>;
  using Address = net_wit::IpSocketAddress;
  using Streams = std::tuple<
      component::Own<udp_wit::IncomingDatagramStream>,
      component::Own<udp_wit::OutgoingDatagramStream>>;

  UdpSocket(
      const Surroundings& around, const SocketAccess& access, std::shared_ptr<UdpEndpoint> endpoint
  ) noexcept
      : around_(around), access_(access), endpoint_(std::move(endpoint)) {}

  [[nodiscard]] Outcome<> start_bind(
      component::Call& call, net_wit::Network& network, Address local_address
  ) override;
  [[nodiscard]] Outcome<> finish_bind(component::Call& call) override;
  [[nodiscard]] Outcome<Streams> stream(
      component::Call& call, std::optional<Address> remote_address
  ) override;
  [[nodiscard]] Outcome<Address> local_address(component::Call& call) override;
  [[nodiscard]] Outcome<Address> remote_address(component::Call& call) override;
  /// Of the candidate of November 2023: sockets of IPv6 take nothing else, and that stays so.
  [[nodiscard]] Outcome<bool> ipv6_only(component::Call& call);
  [[nodiscard]] Outcome<> set_ipv6_only(component::Call& call, bool value);
  [[nodiscard]] component::HostResult<net_wit::IpAddressFamily> address_family(component::Call& call
  ) override;
  [[nodiscard]] Outcome<std::uint8_t> unicast_hop_limit(component::Call& call) override;
  [[nodiscard]] Outcome<> set_unicast_hop_limit(component::Call& call, std::uint8_t value) override;
  [[nodiscard]] Outcome<std::uint64_t> receive_buffer_size(component::Call& call) override;
  [[nodiscard]] Outcome<> set_receive_buffer_size(component::Call& call, std::uint64_t value)
      override;
  [[nodiscard]] Outcome<std::uint64_t> send_buffer_size(component::Call& call) override;
  [[nodiscard]] Outcome<> set_send_buffer_size(component::Call& call, std::uint64_t value) override;
  [[nodiscard]] component::HostResult<component::Own<udp_wit::Pollable>> subscribe(
      component::Call& call
  ) override;

 private:
  enum class State : std::uint8_t { New, BindStarted, Bound };
  [[nodiscard]] int fd() const noexcept { return endpoint_->socket.fd(); }
  [[nodiscard]] SocketOutcome<> connect_to(const std::optional<net::SocketAddress>& peer);

  const Surroundings& around_;
  const SocketAccess& access_;
  std::shared_ptr<UdpEndpoint> endpoint_;
  State state_ = State::New;
  std::optional<net::SocketAddress> peer_;
  std::weak_ptr<void> streams_;  ///< alive while a stream is
};

}  // namespace whorl::wasi::p2
