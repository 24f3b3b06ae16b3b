#include "net/trusted_peers.hpp"

#include <doctest/doctest.h>

namespace whorl::net {
namespace {

TEST_CASE("who is trusted") {
  const auto trusts = [](std::string_view list, std::string_view ip, std::uint16_t port = 1) {
    TrustedPeers peers;
    REQUIRE(peers.add(list));
    return peers.contains(*SocketAddress::from_ip(ip, port));
  };
  CHECK(trusts("10.0.0.0/8", "10.1.2.3"));
  CHECK_FALSE(trusts("10.0.0.0/8", "11.1.2.3"));
  CHECK(trusts("192.0.2.1,10.0.0.0/8", "10.1.2.3"));
  CHECK(trusts("192.0.2.1", "192.0.2.1"));
  CHECK_FALSE(trusts("192.0.2.1", "192.0.2.2"));
  CHECK(trusts("10.0.0.0/8", "::ffff:10.1.2.3"));
  CHECK(trusts("fd00::/8,::1", "::1"));
  CHECK_FALSE(trusts("::/0", "10.1.2.3"));
  CHECK(trusts("unix", "0.0.0.0", 0));
  CHECK_FALSE(trusts("unix", "127.0.0.1"));
  CHECK_FALSE(trusts("0.0.0.0/0", "0.0.0.0", 0));
  for (const std::string_view bad :
       {"", "10.0.0.0/8,", "all", "10.0.0.0/33", "a/8", "10.0.0.0/8 "}) {
    CAPTURE(bad);
    CHECK_FALSE(TrustedPeers().add(bad));
  }
  CHECK(TrustedPeers().empty());
}

}  // namespace
}  // namespace whorl::net
