#include "host/net_policy/network.hpp"

#include "fs/test_folder.hpp"
#include "host/test_support.hpp"
#include "net/listener.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>

namespace whorl::host::net_policy {
namespace {

async::Deadline soon(int milliseconds) {
  return async::Deadline::after(std::chrono::milliseconds(milliseconds));
}

/// A port that accepts in the kernel's queue, and nobody answers.
net::Listeners listen() {
  auto made = net::listen_on(*net::SocketAddress::from_ip("127.0.0.1", 0), 1);
  REQUIRE(made);
  return *std::move(made);
}

TEST_CASE("connecting, sending, receiving") {
  test::Scene scene;
  Network network({});
  const net::Listeners listening = listen();
  scene.run([&] {
    const Caller caller{scene.shard, scene.fiber};
    auto channel =
        network.connect(caller, "localhost", listening.address.port(), Security::Plain, soon(5000));
    REQUIRE(channel);
    const int peer = ::accept(listening.sockets[0].get(), nullptr, nullptr);
    REQUIRE(peer >= 0);
    const fs::Fd held(peer);
    CHECK(send_all(caller, **channel, as_bytes("hello"), soon(5000)));
    std::array<char, 8> got{};
    CHECK(::recv(peer, got.data(), got.size(), 0) == 5);
    CHECK(::send(peer, "hi", 2, 0) == 2);
    std::array<std::uint8_t, 8> into{};
    CHECK(*receive(caller, **channel, into, soon(5000)) == 2);
    CHECK(receive(caller, **channel, into, soon(5)).error().kind() == ErrorKind::DeadlineExceeded);
    ::shutdown(peer, SHUT_WR);
    CHECK(*receive(caller, **channel, into, soon(5000)) == 0);
    scene.fiber.is_cancelled = true;
    CHECK(
        send_all(caller, **channel, Bytes(std::size_t{64} << 20), soon(5000)).error().kind() ==
        ErrorKind::Cancelled
    );
  });
}

TEST_CASE("certificates are read beside the shard, and waited for no longer than the caller does") {
  const fs::test::TestFolder folder;
  // Who opens this to read waits for one who writes.
  const std::string pipe = folder.path("roots");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  NetworkOptions options;
  options.tls.extra_roots_file = pipe;
  test::Scene scene;
  Network network(options);
  const net::Listeners listening = listen();
  scene.run([&] {
    const Caller caller{scene.shard, scene.fiber};
    const auto port = listening.address.port();
    const auto made = network.connect(caller, "127.0.0.1", port, Security::Tls, soon(50));
    REQUIRE_FALSE(made);
    CHECK(made.error().kind() == ErrorKind::DeadlineExceeded);
  });
  // The thread that reads ends.
  fs::Fd writer;
  while (!writer.is_open()) {
    writer = fs::Fd(::open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  }
}

TEST_CASE("no connection, and why") {
  test::Scene scene;
  std::uint16_t closed = 0;
  {
    closed = listen().address.port();
  }
  net::BlockedNetworks blocked;
  blocked.block_private();
  Network open({});
  Network guarded({.blocked = blocked});
  const net::Listeners listening = listen();
  scene.run([&] {
    const Caller caller{scene.shard, scene.fiber};
    const auto kind = [&](Network& network, const char* host, std::uint16_t port, Security tls) {
      const auto made = network.connect(caller, host, port, tls, soon(300));
      return made ? "connected" : made.error().to_line();
    };
    CHECK(kind(open, "127.0.0.1", closed, Security::Plain) == "Connection refused (os error 111)");
    CHECK(kind(open, "no.such.invalid", 1, Security::Plain).starts_with("failed to lookup address")
    );
    for (const char* host : {"127.0.0.1", "localhost", "::1", "::ffff:127.0.0.1", "10.0.0.1"}) {
      CHECK(
          kind(guarded, host, listening.address.port(), Security::Plain) ==
          "the destination's network is blocked"
      );
    }
    const auto mute =
        open.connect(caller, "127.0.0.1", listening.address.port(), Security::Tls, soon(50));
    CHECK(mute.error().kind() == ErrorKind::DeadlineExceeded);
  });
}

}  // namespace
}  // namespace whorl::host::net_policy
