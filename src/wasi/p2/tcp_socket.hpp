/// wasi:sockets/tcp: client connections.
///
/// Listening is granted to nobody: a service is reached through its triggers, so binding is
/// access-denied and what comes after it is never reached.
#pragma once

#include "net/watched_socket.hpp"
#include "wasi/host_memory.hpp"
#include "wasi/p2/byte_streams.hpp"
#include "wasi/p2/socket_access.hpp"
#include "wasi/p2/surroundings.hpp"
#include "wit/wasi_sockets_tcp.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <tuple>
#include <utility>

namespace whorl::wasi::p2 {

namespace tcp_wit = wit::wasi_sockets_tcp;

/// Sockets that an instance may have: each stands for a descriptor and its buffers.
inline constexpr std::size_t kSocketCharge = std::size_t{128} * 1024;

/// A socket and what has not been sent yet; shared by its handles, which may go in any order.
class TcpConnection final : public std::enable_shared_from_this<TcpConnection> {
 public:
  /// Bytes kept at most for a peer that is slow.
  static constexpr std::size_t kSendBuffer = std::size_t{64} * 1024;

  TcpConnection(async::Shard& shard, fs::Fd fd, MemoryCharge charge)
      : socket_(shard, std::move(fd)), charge_(std::move(charge)) {}
  TcpConnection(const TcpConnection&) = delete;
  TcpConnection& operator=(const TcpConnection&) = delete;

  [[nodiscard]] net::WatchedSocket& socket() noexcept { return socket_; }
  [[nodiscard]] int fd() const noexcept { return socket_.fd(); }

  // --- sending ---------------------------------------------------------------------------------
  /// Nothing more can be sent.
  [[nodiscard]] bool is_send_closed() const noexcept { return send_closed_ || send_error_ != 0; }
  [[nodiscard]] int send_error() const noexcept { return send_error_; }
  [[nodiscard]] std::size_t room() const noexcept { return pending_.empty() ? kSendBuffer : 0; }
  /// At most room().
  void send(ByteView bytes);
  /// The end, once what is pending was sent.
  void close_send();
  /// Called once, when the system has all that was sent so far, or with the error that kept it from
  /// that; at once where nothing is pending.
  using Sent = std::move_only_function<void(int error)>;
  void when_sent(Sent told);

  /// Its place among the connections that may be open.
  [[nodiscard]] http::ConnectionPermit& permit() noexcept { return permit_; }

  // --- receiving -------------------------------------------------------------------------------
  [[nodiscard]] bool is_receive_closed() const noexcept { return receive_closed_; }
  /// Why nothing more comes, an errno; 0 while nothing is wrong.
  [[nodiscard]] int receive_error() const noexcept { return receive_error_; }
  void set_receive_error(int number) noexcept { receive_error_ = number; }
  void close_receive();

 private:
  /// Sends what is pending as room appears, also while the guest does something else.
  class Flusher final : public async::Waiter {
   public:
    explicit Flusher(TcpConnection& connection) noexcept : connection_(connection) {}
    void on_event() noexcept override { connection_.flush(); }

   private:
    TcpConnection& connection_;
  };
  void flush() noexcept;

  net::WatchedSocket socket_;
  MemoryCharge charge_;
  http::ConnectionPermit permit_;
  Bytes pending_;
  Sent told_;             ///< who waits until nothing is pending
  std::size_t sent_ = 0;  ///< of pending_
  int send_error_ = 0;
  int receive_error_ = 0;
  bool send_closed_ = false;
  bool shutdown_when_sent_ = false;
  bool receive_closed_ = false;
  std::shared_ptr<TcpConnection> lingering_;  ///< itself, while the rest is sent without a guest
  Flusher flusher_{*this};
};

/// What a connection receives.
class TcpSource final : public ByteSource {
 public:
  explicit TcpSource(std::shared_ptr<TcpConnection> connection) noexcept
      : connection_(std::move(connection)) {}
  ~TcpSource() override { connection_->close_receive(); }
  [[nodiscard]] ByteView available() override;
  void consume(std::size_t count) override { begin_ += count; }
  [[nodiscard]] State state() override;
  [[nodiscard]] std::unique_ptr<IoError> failure() override;
  [[nodiscard]] async::Event* event() noexcept override { return &connection_->socket().changed(); }

 private:
  std::shared_ptr<TcpConnection> connection_;
  Bytes buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool ended_ = false;
};

/// What a connection sends.
class TcpSink final : public ByteSink {
 public:
  explicit TcpSink(std::shared_ptr<TcpConnection> connection) noexcept
      : connection_(std::move(connection)) {}
  ~TcpSink() override { connection_->close_send(); }
  [[nodiscard]] bool is_closed() override { return connection_->is_send_closed(); }
  [[nodiscard]] std::size_t room() override { return connection_->room(); }
  [[nodiscard]] std::unique_ptr<IoError> write(ByteView bytes) override;
  [[nodiscard]] async::Event* event() noexcept override { return &connection_->socket().changed(); }

 private:
  std::shared_ptr<TcpConnection> connection_;
};

class TcpSocket final : public tcp_wit::TcpSocket {
 public:
  template <class T = void>
  using Outcome = component::HostResult<SocketOutcome<T>>;
  using Address = net_wit::IpSocketAddress;
  using Streams =
      std::tuple<component::Own<tcp_wit::InputStream>, component::Own<tcp_wit::OutputStream>>;
  using Duration = tcp_wit::Duration;

  TcpSocket(
      const Surroundings& around,
      const SocketAccess& access,
      std::shared_ptr<TcpConnection> connection,
      bool is_v6
  ) noexcept
      : around_(around), access_(access), connection_(std::move(connection)), is_v6_(is_v6) {}

  [[nodiscard]] Outcome<> start_bind(
      component::Call& call, net_wit::Network& network, Address local_address
  ) override;
  [[nodiscard]] Outcome<> finish_bind(component::Call& call) override;
  [[nodiscard]] Outcome<> start_connect(
      component::Call& call, net_wit::Network& network, Address remote_address
  ) override;
  [[nodiscard]] Outcome<Streams> finish_connect(component::Call& call) override;
  [[nodiscard]] Outcome<> start_listen(component::Call& call) override;
  [[nodiscard]] Outcome<> finish_listen(component::Call& call) override;
  [[nodiscard]] Outcome<std::tuple<
      component::Own<tcp_wit::TcpSocket>,
      component::Own<tcp_wit::InputStream>,
      component::Own<tcp_wit::OutputStream>>>
  accept(component::Call& call) override;
  [[nodiscard]] Outcome<Address> local_address(component::Call& call) override;
  [[nodiscard]] Outcome<Address> remote_address(component::Call& call) override;
  [[nodiscard]] component::HostResult<bool> is_listening(component::Call& call) override;
  /// Of the candidate of November 2023: sockets of IPv6 take nothing else, and that stays so.
  [[nodiscard]] Outcome<bool> ipv6_only(component::Call& call);
  [[nodiscard]] Outcome<> set_ipv6_only(component::Call& call, bool value);
  [[nodiscard]] component::HostResult<net_wit::IpAddressFamily> address_family(component::Call& call
  ) override;
  [[nodiscard]] Outcome<> set_listen_backlog_size(component::Call& call, std::uint64_t value)
      override;
  [[nodiscard]] Outcome<bool> keep_alive_enabled(component::Call& call) override;
  [[nodiscard]] Outcome<> set_keep_alive_enabled(component::Call& call, bool value) override;
  [[nodiscard]] Outcome<Duration> keep_alive_idle_time(component::Call& call) override;
  [[nodiscard]] Outcome<> set_keep_alive_idle_time(component::Call& call, Duration value) override;
  [[nodiscard]] Outcome<Duration> keep_alive_interval(component::Call& call) override;
  [[nodiscard]] Outcome<> set_keep_alive_interval(component::Call& call, Duration value) override;
  [[nodiscard]] Outcome<std::uint32_t> keep_alive_count(component::Call& call) override;
  [[nodiscard]] Outcome<> set_keep_alive_count(component::Call& call, std::uint32_t value) override;
  [[nodiscard]] Outcome<std::uint8_t> hop_limit(component::Call& call) override;
  [[nodiscard]] Outcome<> set_hop_limit(component::Call& call, std::uint8_t value) override;
  [[nodiscard]] Outcome<std::uint64_t> receive_buffer_size(component::Call& call) override;
  [[nodiscard]] Outcome<> set_receive_buffer_size(component::Call& call, std::uint64_t value)
      override;
  [[nodiscard]] Outcome<std::uint64_t> send_buffer_size(component::Call& call) override;
  [[nodiscard]] Outcome<> set_send_buffer_size(component::Call& call, std::uint64_t value) override;
  [[nodiscard]] component::HostResult<component::Own<tcp_wit::Pollable>> subscribe(
      component::Call& call
  ) override;
  [[nodiscard]] Outcome<> shutdown(component::Call& call, tcp_wit::ShutdownType shutdown_type)
      override;

 private:
  enum class State : std::uint8_t { New, Connecting, Connected, Failed };
  [[nodiscard]] int fd() const noexcept { return connection_->fd(); }

  const Surroundings& around_;
  const SocketAccess& access_;
  std::shared_ptr<TcpConnection> connection_;
  bool is_v6_;
  State state_ = State::New;
};

}  // namespace whorl::wasi::p2
