// Sockets of 0.3 as a guest uses them, against real peers on this machine.
#include "wasi/p3/sockets.hpp"

#include "net/listener.hpp"
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
using Tag = SocketError::Tag;

net_wit::IpSocketAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, int port) {
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

struct Listening {
  Listening() {
    auto made = net::listen_on(*net::SocketAddress::from_ip("127.0.0.1", 0), 1);
    REQUIRE(made);
    socket = std::move(made->sockets[0]);
    port = made->address.port();
  }
  fs::Fd accept() {
    pollfd entry{socket.get(), POLLIN, 0};
    REQUIRE(::poll(&entry, 1, 20'000) == 1);
    fs::Fd peer(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
    REQUIRE(peer.is_open());
    return peer;
  }
  fs::Fd socket;
  int port = 0;
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

}  // namespace
}  // namespace whorl::wasi::p3
