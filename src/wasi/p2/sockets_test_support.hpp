/// What tests of sockets share: a component with grants, on a shard that the test drives.
#pragma once

#include "net/listener.hpp"
#include "wasi/p2/sockets.hpp"
#include "wasi/p2/tcp_socket.hpp"
#include "wasi/p2/udp_socket.hpp"
#include "wasi/test_support.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace whorl::wasi::p2::test {

using component::Own;
using Family = net_wit::IpAddressFamily;
using Code = SocketError;

inline net_wit::IpSocketAddress v4(
    std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, int port
) {
  return net_wit::IpSocketAddress::ipv4(
      {.port = static_cast<std::uint16_t>(port), .address = {a, b, c, d}}
  );
}
inline net_wit::IpSocketAddress loopback(int port) {
  return v4(127, 0, 0, 1, port);
}
inline net_wit::IpSocketAddress parse(const char* ip, int port) {
  return to_wit(*net::SocketAddress::from_ip(ip, static_cast<std::uint16_t>(port)));
}

/// Somebody who listens on this machine.
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

/// A component with grants, on a shard that the test drives.
struct World : wasi::test::Scene {
  explicit World(const std::vector<std::string>& grants) : access_to{shard, {}} {
    auto parsed = http::AllowedHosts::parse(grants);
    REQUIRE(parsed);
    allowed = *std::move(parsed);
  }

  Own<tcp_wit::TcpSocket> tcp(Family family = Family::Ipv4) {
    auto made = *TcpCreateSocketHost(around, access).create_tcp_socket(call, family);
    REQUIRE(made);
    return *std::move(made);
  }
  Own<udp_wit::UdpSocket> udp(Family family = Family::Ipv4) {
    auto made = *UdpCreateSocketHost(around, access).create_udp_socket(call, family);
    REQUIRE(made);
    return *std::move(made);
  }
  /// What start-connect tells: nothing when the attempt was started.
  std::optional<Code> connect(const net_wit::IpSocketAddress& to, Family family = Family::Ipv4) {
    auto socket = tcp(family);
    const auto started = *socket->start_connect(call, network, to);
    return started ? std::nullopt : std::optional(started.error());
  }
  template <class Done>
  bool run_until(Done done) {
    for (int round = 0; round < 2'000'000 && !done(); ++round) {
      if (!shard.poll()) {
        std::this_thread::yield();
      }
    }
    return done();
  }
  TcpSocket::Streams connected(tcp_wit::TcpSocket& socket, int port) {
    REQUIRE(*socket.start_connect(call, network, loopback(port)));
    auto pollable = *socket.subscribe(call);
    REQUIRE(run_until([&] { return *pollable->ready(call); }));
    auto streams = *socket.finish_connect(call);
    REQUIRE(streams);
    return *std::move(streams);
  }
  std::string read_all(tcp_wit::InputStream& in) {
    std::string text;
    REQUIRE(run_until([&] {
      auto piece = *in.read(call, 65536);
      if (!piece) {
        CHECK(piece.error().tag == wit::wasi_io_streams::StreamError::Tag::Closed);
        return true;
      }
      text += as_text(*piece);
      return false;
    }));
    return text;
  }

  async::Shard shard{0};
  NetworkAccess access_to;
  http::AllowedHosts allowed;
  InstanceContext context{
      .timers = timers,
      .standard_output = out,
      .standard_error = err,
      .environment = {},
      .network = &access_to,
      .allowed_hosts = &allowed,
  };
  SocketAccess access{context};
  net_wit::Network network;
};

}  // namespace whorl::wasi::p2::test
