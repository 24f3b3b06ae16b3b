#include "net/ip_network.hpp"

#include <doctest/doctest.h>

namespace whorl::net {
namespace {

SocketAddress ip(const char* text) {
  return *SocketAddress::from_ip(text, 0);
}

TEST_CASE("networks") {
  for (const char* bad :
       {"", "1.2.3.4", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/8x", "::1/129", "x/8", "/8"
       }) {
    CAPTURE(bad);
    CHECK_FALSE(IpNetwork::parse(bad));
  }
  const auto contains = [](const char* network, const char* address) {
    return IpNetwork::parse(network)->contains(IpBytes::of(ip(address)));
  };
  CHECK(contains("8.8.8.8/16", "8.8.0.0"));
  CHECK(contains("8.8.8.8/16", "8.8.255.255"));
  CHECK_FALSE(contains("8.8.8.8/16", "8.9.0.0"));
  CHECK(contains("1.2.3.4/31", "1.2.3.5"));
  CHECK_FALSE(contains("1.2.3.4/31", "1.2.3.6"));
  CHECK(contains("0.0.0.0/0", "255.255.255.255"));
  CHECK_FALSE(contains("0.0.0.0/0", "::"));
  CHECK(contains("fc00::/7", "fdff::1"));
  CHECK_FALSE(contains("fc00::/7", "fe00::1"));
  CHECK(contains("::1/128", "::1"));
}

TEST_CASE("addresses of the public network") {
  for (const char* text :
       {"8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "172.32.0.1", "64:ff9b::8.8.8.8"
       }) {
    CAPTURE(text);
    CHECK(is_globally_routable(ip(text)));
  }
  for (const char* text :
       {"127.0.0.1",
        "10.1.2.3",
        "172.31.255.255",
        "192.168.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "100.64.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::169.254.169.254",
        "2002:808:808::1",
        "2001:db8::1"}) {
    CAPTURE(text);
    CHECK_FALSE(is_globally_routable(ip(text)));
  }
}

TEST_CASE("blocked networks see through IPv4 inside IPv6") {
  BlockedNetworks blocked;
  CHECK(blocked.empty());
  blocked.add(*IpNetwork::parse("8.8.8.8/16"));
  CHECK(blocked.blocks(ip("8.8.1.1")));
  CHECK(blocked.blocks(ip("::ffff:8.8.1.1")));
  CHECK(blocked.blocks(ip("::8.8.1.1")));
  CHECK(blocked.blocks(ip("::ffff:0:8.8.1.1")));
  CHECK(blocked.blocks(ip("64:ff9b::8.8.1.1")));
  CHECK(blocked.blocks(ip("2002:808:101::")));
  CHECK_FALSE(blocked.blocks(ip("64:ff9b::8.9.1.1")));
  CHECK_FALSE(blocked.blocks(ip("127.0.0.1")));
  blocked.block_private();
  CHECK(blocked.blocks(ip("127.0.0.1")));
  CHECK_FALSE(blocked.blocks(ip("9.9.9.9")));
}

}  // namespace
}  // namespace whorl::net
