/// wasi:sockets/types of 0.3: tcp-socket.
#pragma once

#include "wasi/p2/socket_access.hpp"
#include "wasi/p2/surroundings.hpp"
#include "wasi/p2/tcp_socket.hpp"
#include "wasi/p3/channels.hpp"
#include "wasi/p3/error.hpp"
#include "wit/wasi_sockets_types_p3.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <utility>

namespace whorl::wasi::p3 {

namespace net_wit = wit::wasi_sockets_types_p3;
using p2::SocketAccess;
using p2::Surroundings;

/// What a function of the interface tells the guest.
template <class T = void>
using SocketOutcome = std::expected<T, SocketError>;
/// The same, or a trap.
template <class T = void>
using SocketResult = component::HostResult<SocketOutcome<T>>;

[[nodiscard]] net::SocketAddress to_socket_address(const net_wit::IpSocketAddress& from);
[[nodiscard]] net_wit::IpSocketAddress to_wit(const net::SocketAddress& from);
/// What 0.2 would tell, in the words of 0.3.
template <class T>
[[nodiscard]] SocketOutcome<T> to_p3(p2::SocketOutcome<T> from) {
  if (!from) {
    return std::unexpected(to_p3(from.error()));
  }
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return *std::move(from);
  }
}
/// From Linux's error number.
[[nodiscard]] SocketError to_socket_error(int number);
/// A wait for an event of a socket, in a function that is async; a trap when the guest is ended.
[[nodiscard]] component::HostResult<> wait_for_change(
    component::Call& call, net::WatchedSocket& socket
);

class TcpSocket final : public net_wit::TcpSocket {
 public:
  using Address = net_wit::IpSocketAddress;
  using Duration = net_wit::Duration;

  enum class State : std::uint8_t { New, Bound, Listening, Connecting, Connected, Failed };

  TcpSocket(
      const Surroundings& around,
      const SocketAccess& access,
      std::shared_ptr<p2::TcpConnection> connection,
      bool is_v6,
      State state = State::New
  ) noexcept
      : around_(around),
        access_(access),
        connection_(std::move(connection)),
        is_v6_(is_v6),
        state_(state) {}

  [[nodiscard]] SocketResult<> bind(component::Call& call, Address local_address) override;
  [[nodiscard]] SocketResult<> connect(component::Call& call, Address remote_address) override;
  [[nodiscard]] SocketResult<component::StreamReader<component::Own<net_wit::TcpSocket>>> listen(
      component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<DoneFuture<SocketError>> send(
      component::Call& call, ByteReader data
  ) override;
  [[nodiscard]] component::HostResult<ReadChannel<SocketError>> receive(component::Call& call
  ) override;
  [[nodiscard]] SocketResult<Address> get_local_address(component::Call& call) override;
  [[nodiscard]] SocketResult<Address> get_remote_address(component::Call& call) override;
  [[nodiscard]] component::HostResult<bool> get_is_listening(component::Call& call) override;
  [[nodiscard]] component::HostResult<net_wit::IpAddressFamily> get_address_family(
      component::Call& call
  ) override;
  [[nodiscard]] SocketResult<> set_listen_backlog_size(component::Call& call, std::uint64_t value)
      override;
  [[nodiscard]] SocketResult<bool> get_keep_alive_enabled(component::Call& call) override;
  [[nodiscard]] SocketResult<> set_keep_alive_enabled(component::Call& call, bool value) override;
  [[nodiscard]] SocketResult<Duration> get_keep_alive_idle_time(component::Call& call) override;
  [[nodiscard]] SocketResult<> set_keep_alive_idle_time(component::Call& call, Duration value)
      override;
  [[nodiscard]] SocketResult<Duration> get_keep_alive_interval(component::Call& call) override;
  [[nodiscard]] SocketResult<> set_keep_alive_interval(component::Call& call, Duration value)
      override;
  [[nodiscard]] SocketResult<std::uint32_t> get_keep_alive_count(component::Call& call) override;
  [[nodiscard]] SocketResult<> set_keep_alive_count(component::Call& call, std::uint32_t value)
      override;
  [[nodiscard]] SocketResult<std::uint8_t> get_hop_limit(component::Call& call) override;
  [[nodiscard]] SocketResult<> set_hop_limit(component::Call& call, std::uint8_t value) override;
  [[nodiscard]] SocketResult<std::uint64_t> get_receive_buffer_size(component::Call& call) override;
  [[nodiscard]] SocketResult<> set_receive_buffer_size(component::Call& call, std::uint64_t value)
      override;
  [[nodiscard]] SocketResult<std::uint64_t> get_send_buffer_size(component::Call& call) override;
  [[nodiscard]] SocketResult<> set_send_buffer_size(component::Call& call, std::uint64_t value)
      override;

 private:
  [[nodiscard]] int fd() const noexcept { return connection_->fd(); }

  const Surroundings& around_;
  const SocketAccess& access_;
  std::shared_ptr<p2::TcpConnection> connection_;
  bool is_v6_;
  State state_;
  bool is_sending_ = false;
  bool is_receiving_ = false;
  int backlog_ = 128;
};

}  // namespace whorl::wasi::p3
