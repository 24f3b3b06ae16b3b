// Sockets of 0.3 as a guest uses them, against real peers on this machine.
#include "wasi/p3/sockets.hpp"

#include "wasi/p2/sockets_test_support.hpp"
#include "wasi/p3/udp_socket.hpp"
#include "wit/wasi_sockets_types_p3_abi.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace whorl::wasi::p3 {
namespace {

using component::Progress;
using p2::test::Listening;
using Tag = SocketError::Tag;

net_wit::IpSocketAddress v4(
    std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, int port
) {
  return net_wit::IpSocketAddress::ipv4(
      {.port = static_cast<std::uint16_t>(port), .address = {a, b, c, d}}
  );
}
net_wit::IpSocketAddress loopback(int port) {
  return v4(127, 0, 0, 1, port);
}
std::uint16_t port_of(const net_wit::IpSocketAddress& address) {
  return address.as<net_wit::Ipv4SocketAddress>().port;
}

struct World : p2::test::World {
  using p2::test::World::World;

  component::Own<net_wit::TcpSocket> tcp() {
    auto made = *types.tcp_socket_create(call, net_wit::IpAddressFamily::Ipv4);
    REQUIRE(made);
    return *std::move(made);
  }
  component::Own<net_wit::UdpSocket> udp() {
    auto made = *types.udp_socket_create(call, net_wit::IpAddressFamily::Ipv4);
    REQUIRE(made);
    return *std::move(made);
  }
  /// Lets the shard run whenever the guest waits next.
  void drive(int waits = 1) {
    for (int i = 0; i < waits; ++i) {
      fiber.then([this] { REQUIRE(run_until([this] { return fiber.is_unparked(); })); });
    }
  }

  SocketTypesHost types{around, access};
};

// --- datagrams -----------------------------------------------------------------------------------

TEST_CASE("a socket of datagrams stays bound, whoever it is connected to") {
  World world({"udp://127.0.0.1:*", "udp://0.0.0.0:0"});
  auto& call = world.call;
  auto peer = world.udp();
  REQUIRE(*peer->bind(call, loopback(0)));
  const auto theirs = **peer->get_local_address(call);
  auto other = world.udp();
  REQUIRE(*other->bind(call, loopback(0)));
  auto socket = world.udp();
  SUBCASE("by itself") {}
  SUBCASE("to any address") {
    REQUIRE(*socket->bind(call, v4(0, 0, 0, 0, 0)));
  }
  SUBCASE("to one address") {
    REQUIRE(*socket->bind(call, loopback(0)));
  }
  REQUIRE(*socket->connect(call, theirs));
  const std::uint16_t port = port_of(**socket->get_local_address(call));
  CHECK(port != 0);
  REQUIRE(*socket->connect(call, **other->get_local_address(call)));
  CHECK(port_of(**socket->get_local_address(call)) == port);
  REQUIRE(*socket->disconnect(call));
  CHECK((*socket->get_remote_address(call)).error().tag == Tag::InvalidState);
  CHECK((*socket->disconnect(call)).error().tag == Tag::InvalidState);
  CHECK(port_of(**socket->get_local_address(call)) == port);

  // And it gets what is sent there.
  REQUIRE(*peer->send(call, Bytes{'h', 'i'}, loopback(port)));
  world.drive();
  const auto received = *socket->receive(call);
  REQUIRE(received);
  CHECK(std::get<0>(*received) == Bytes{'h', 'i'});
  CHECK(std::get<1>(*received) == theirs);
}

TEST_CASE("a datagram that is sent binds its socket") {
  World world({"udp://127.0.0.1:*"});
  auto& call = world.call;
  auto peer = world.udp();
  REQUIRE(*peer->bind(call, loopback(0)));
  auto socket = world.udp();
  CHECK((*socket->get_local_address(call)).error().tag == Tag::InvalidState);
  CHECK((*socket->receive(call)).error().tag == Tag::InvalidState);
  CHECK((*socket->send(call, Bytes{1}, std::nullopt)).error().tag == Tag::InvalidArgument);
  CHECK((*socket->get_local_address(call)).error().tag == Tag::InvalidState);
  REQUIRE(*socket->send(call, Bytes{1}, **peer->get_local_address(call)));
  const std::uint16_t port = port_of(**socket->get_local_address(call));
  CHECK(port != 0);
  CHECK((*socket->bind(call, loopback(0))).error().tag == Tag::InvalidState);
  REQUIRE(*socket->send(call, Bytes{2}, **peer->get_local_address(call)));
  CHECK(port_of(**socket->get_local_address(call)) == port);
}

// --- connections ---------------------------------------------------------------------------------

/// Gives a text, and then keeps who reads it waiting.
class Text final : public component::StreamProducer<std::uint8_t> {
 public:
  explicit Text(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] Progress produce(MutableByteView room) override {
    const std::size_t count = std::min(room.size(), text_.size());
    std::copy_n(text_.begin(), count, room.begin());
    skip(count);
    return count == 0 ? Progress::blocked() : Progress::items(count);
  }
  [[nodiscard]] ByteView peek() override { return as_bytes(text_); }
  void skip(std::size_t count) override { text_.erase(0, count); }

 private:
  std::string text_;
};

/// What a future came to.
class Told final : public component::FutureConsumer<SocketOutcome<>> {
 public:
  explicit Told(std::shared_ptr<std::optional<SocketOutcome<>>> to) : to_(std::move(to)) {}
  void resolved(SocketOutcome<> value) override { *to_ = std::move(value); }
  void dropped() override {}

 private:
  std::shared_ptr<std::optional<SocketOutcome<>>> to_;
};

struct Sending : World {
  Sending() : World({"tcp://127.0.0.1:*"}) {
    socket = tcp();
    REQUIRE(*socket->set_send_buffer_size(call, 4096));
    const int small = 4096;
    REQUIRE(::setsockopt(listening.socket.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
    drive(4);
    REQUIRE(*socket->connect(call, loopback(listening.port)));
    peer = listening.accept();
    // One buffer of ours full, which is far more than the system takes.
    auto half = ByteReader(std::make_unique<Text>(std::string(kBytes, 'x'))).take_half();
    const auto stream = half.shared();
    auto done = *socket->send(call, ByteReader(std::move(half)));
    done.consume(std::make_unique<Told>(told));
    stream->drop(component::CopyEnd::Side::Writable);
  }
  static constexpr std::size_t kBytes = p2::TcpConnection::kSendBuffer;
  Listening listening;
  component::Own<net_wit::TcpSocket> socket;
  fs::Fd peer;
  std::shared_ptr<std::optional<SocketOutcome<>>> told =
      std::make_shared<std::optional<SocketOutcome<>>>();
};

TEST_CASE("what was sent is sent when nothing of it is left here") {
  Sending world;
  CHECK_FALSE(*world.told);
  std::size_t received = 0;
  char part[4096];
  const bool all = world.run_until([&] {
    const ssize_t count = ::recv(world.peer.get(), part, sizeof part, MSG_DONTWAIT);
    received += count > 0 ? static_cast<std::size_t>(count) : 0;
    return received == Sending::kBytes;
  });
  CHECK(all);
  REQUIRE(*world.told);
  CHECK((*world.told)->has_value());
  CHECK(::recv(world.peer.get(), part, sizeof part, 0) == 0);
}

TEST_CASE("what could not be sent is told with its reason") {
  Sending world;
  SUBCASE("while the guest has its socket") {}
  SUBCASE("when it has let go of it") {
    world.socket.reset();
  }
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  REQUIRE(::setsockopt(world.peer.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
  world.peer = fs::Fd();
  REQUIRE(world.run_until([&] { return world.told->has_value(); }));
  REQUIRE_FALSE((*world.told)->has_value());
  CHECK((*world.told)->error().tag == Tag::ConnectionReset);
}

// --- listening -----------------------------------------------------------------------------------

struct NoHeap final : component::GuestHeap {
  [[nodiscard]] MutableByteView memory() override { return {}; }
  [[nodiscard]] component::HostResult<std::uint32_t> reallocate(
      std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t
  ) override {
    return component::trap("nothing is made");
  }
};

TEST_CASE("who waits at a socket that listens can be asked for without being let in") {
  World world({"tcp://127.0.0.1:*"});
  world.access_to.may_listen = true;
  auto& call = world.call;
  auto socket = world.tcp();
  REQUIRE(*socket->bind(call, loopback(0)));
  auto stream = *socket->listen(call);
  REQUIRE(stream);
  const auto half = stream->take_half();
  NoHeap heap;
  component::HandleTable handles;
  component::LowerContext cx(heap, handles);
  const auto ask = [&] { return half.shared()->source()->store_into(cx, 0, 0); };
  CHECK(ask().kind == Progress::Kind::Blocked);
  auto client = world.tcp();
  world.drive(4);
  REQUIRE(*client->connect(call, **socket->get_local_address(call)));
  CHECK(ask().kind == Progress::Kind::Items);
  CHECK(ask().count == 0);
}

}  // namespace
}  // namespace whorl::wasi::p3
