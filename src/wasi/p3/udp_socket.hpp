/// wasi:sockets/types of 0.3: udp-socket.
///
/// Binding is checked like sending: the local address must be granted, or listening. Every
/// datagram's destination is checked again.
#pragma once

#include "wasi/p2/udp_socket.hpp"
#include "wasi/p3/tcp_socket.hpp"

#include <memory>
#include <optional>
#include <tuple>
#include <utility>

namespace whorl::wasi::p3 {

class UdpSocket final : public net_wit::UdpSocket {
 public:
  using Address = net_wit::IpSocketAddress;

  UdpSocket(const SocketAccess& access, std::shared_ptr<p2::UdpEndpoint> endpoint) noexcept
      : access_(access), endpoint_(std::move(endpoint)) {}

  [[nodiscard]] SocketResult<> bind(component::Call& call, Address local_address) override;
  [[nodiscard]] SocketResult<> connect(component::Call& call, Address remote_address) override;
  [[nodiscard]] SocketResult<> disconnect(component::Call& call) override;
  [[nodiscard]] SocketResult<> send(
      component::Call& call, Bytes data, std::optional<Address> remote_address
  ) override;
  [[nodiscard]] SocketResult<std::tuple<Bytes, Address>> receive(component::Call& call) override;
  [[nodiscard]] SocketResult<Address> get_local_address(component::Call& call) override;
  [[nodiscard]] SocketResult<Address> get_remote_address(component::Call& call) override;
  [[nodiscard]] component::HostResult<net_wit::IpAddressFamily> get_address_family(
      component::Call& call
  ) override;
  [[nodiscard]] SocketResult<std::uint8_t> get_unicast_hop_limit(component::Call& call) override;
  [[nodiscard]] SocketResult<> set_unicast_hop_limit(component::Call& call, std::uint8_t value)
      override;
  [[nodiscard]] SocketResult<std::uint64_t> get_receive_buffer_size(component::Call& call) override;
  [[nodiscard]] SocketResult<> set_receive_buffer_size(component::Call& call, std::uint64_t value)
      override;
  [[nodiscard]] SocketResult<std::uint64_t> get_send_buffer_size(component::Call& call) override;
  [[nodiscard]] SocketResult<> set_send_buffer_size(component::Call& call, std::uint64_t value)
      override;

 private:
  [[nodiscard]] int fd() const noexcept { return endpoint_->socket.fd(); }
  /// Where a datagram goes; nothing: to the peer the socket is connected to.
  [[nodiscard]] SocketOutcome<std::optional<net::SocketAddress>> destination(
      const std::optional<Address>& remote_address
  ) const;
  /// To a port that the system chooses, unless it is bound. @return errno
  [[nodiscard]] int bind_anywhere();
  /// The socket stays bound as it is. @return errno
  [[nodiscard]] int forget_peer();

  const SocketAccess& access_;
  std::shared_ptr<p2::UdpEndpoint> endpoint_;
  bool is_bound_ = false;
  std::optional<net::SocketAddress> peer_;
};

}  // namespace whorl::wasi::p3
