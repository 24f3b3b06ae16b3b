#include "net/last_call.hpp"

#include "fs/test_folder.hpp"
#include "net/listener_sources.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace whorl::net {
namespace {

fs::Fd accept_from(const Listeners& listeners) {
  return fs::Fd(::accept4(listeners.sockets[0].get(), nullptr, nullptr, SOCK_CLOEXEC));
}

/// On loopback the whole handshake has taken place when connect() returns.
fs::Fd connect_to(const SocketAddress& address, int& result) {
  fs::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  result = ::connect(fd.get(), address.data(), address.size()) == 0 ? 0 : errno;
  return fd;
}

TEST_CASE("nobody begins to connect, and who was connected is accepted") {
  auto listeners = listen_on(*SocketAddress::from_ip("127.0.0.1", 0), 1);
  REQUIRE(listeners);
  int result = 0;
  const fs::Fd before = connect_to(listeners->address, result);
  CHECK(result == EINPROGRESS);
  REQUIRE(drop_new_handshakes(*listeners));

  const fs::Fd late = connect_to(listeners->address, result);
  CHECK(result == EINPROGRESS);
  const fs::Fd accepted = accept_from(*listeners);
  REQUIRE(accepted.is_open());
  CHECK_FALSE(accept_from(*listeners).is_open());

  // The accepted socket has the filter, too, and works.
  char byte = 'a';
  CHECK(::send(before.get(), &byte, 1, MSG_NOSIGNAL) == 1);
  byte = 0;
  CHECK(::recv(accepted.get(), &byte, 1, 0) == 1);
  CHECK(byte == 'a');
}

TEST_CASE("a handshake that has begun ends") {
  auto listeners = listen_on(*SocketAddress::from_ip("127.0.0.1", 0), 1);
  REQUIRE(listeners);
  // With this option a handshake is not over for the listener until there are bytes.
  const int seconds = 5;
  REQUIRE(
      ::setsockopt(
          listeners->sockets[0].get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds
      ) == 0
  );
  int result = 0;
  const fs::Fd client = connect_to(listeners->address, result);
  CHECK_FALSE(accept_from(*listeners).is_open());
  REQUIRE(drop_new_handshakes(*listeners));
  CHECK(has_open_handshakes(listeners->address) == true);
  CHECK(::send(client.get(), "a", 1, MSG_NOSIGNAL) == 1);
  CHECK(accept_from(*listeners).is_open());
  CHECK(has_open_handshakes(listeners->address) == false);
}

TEST_CASE("clients of a Unix socket are refused, and who was connected is accepted") {
  const fs::test::TestFolder folder;
  const std::string path = folder.path("socket");
  {
    auto listeners = listen_on_unix(path, 2);
    REQUIRE(listeners);
    CHECK_FALSE(drop_new_handshakes(*listeners));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    const auto connects = [&](const fs::Fd& fd) {
      return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    };
    const fs::Fd before(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const fs::Fd late(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK(connects(before));
    refuse_unix_clients(*listeners);
    CHECK_FALSE(connects(late));
    CHECK(accept_from(*listeners).is_open());
    CHECK_FALSE(accept_from(*listeners).is_open());
  }
}

}  // namespace
}  // namespace whorl::net
