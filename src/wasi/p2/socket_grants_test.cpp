// Grants of sockets against an oracle that shares nothing with them.
#include "wasi/p2/sockets_test_support.hpp"

#include <string_view>

namespace whorl::wasi::p2 {
namespace {

using test::Code;
using test::Family;
using test::parse;
using test::v4;
using test::World;
using namespace std::string_view_literals;

/// Grants, and by other means than the host's which peers they reach.
struct Reach {
  const char* grant;
  bool (*tcp)(std::string_view ip, int port);
  bool (*udp)(std::string_view ip, int port);
};
bool nobody(std::string_view, int) {
  return false;
}
bool everybody(std::string_view, int) {
  return true;
}
bool at_home_80(std::string_view ip, int port) {
  return ip == "127.0.0.1" && port == 80;
}
bool at_home_from_80_to_90(std::string_view ip, int port) {
  return ip == "127.0.0.1" && port >= 80 && port < 90;
}
bool port_443(std::string_view, int port) {
  return port == 443;
}
bool ten(std::string_view ip, int) {
  return ip.starts_with("10.");
}
bool two_at_home(std::string_view ip, int port) {
  return (ip == "127.0.0.0" || ip == "127.0.0.1") && port == 80;
}
bool home_v6(std::string_view ip, int port) {
  return ip == "::1" && port == 80;
}

TEST_CASE("no socket reaches a peer that was not granted") {
  const Reach grants[] = {
      {"tcp://127.0.0.1:80", at_home_80, nobody},
      {"udp://127.0.0.1:80", nobody, at_home_80},
      {"*://127.0.0.1:80", at_home_80, at_home_80},
      {"*://*:*", everybody, everybody},
      {"tcp://*:443", port_443, nobody},
      {"*://10.0.0.0/8:*", ten, ten},
      {"tcp://127.0.0.0/31:80", two_at_home, nobody},
      {"*://[::1]:80", home_v6, home_v6},
      {"tcp://127.0.0.1:80..90", at_home_from_80_to_90, nobody},
      {"http://127.0.0.1:80", nobody, nobody},
      {"https://*:*", nobody, nobody},
      {"redis://*:*", nobody, nobody},
      {"postgres://127.0.0.1:80", nobody, nobody},
      {"mqtt://127.0.0.1:*", nobody, nobody},
      {"http://self", nobody, nobody},
      {"http://*.spin.internal", nobody, nobody},
      {"tcp://localhost:80", nobody, nobody},
      {"*://*.example.com:*", nobody, nobody},
  };
  const char* peers[] = {
      "127.0.0.1",
      "127.0.0.0",
      "127.0.0.2",
      "127.1.0.1",
      "0.0.0.0",
      "10.0.0.1",
      "10.255.255.255",
      "11.0.0.0",
      "8.8.8.8",
      "169.254.169.254",
      "192.168.0.1",
      "255.255.255.255",
      "224.0.0.1",
      "::1",
      "::ffff:127.0.0.1",
      "::",
      "fe80::1",
      "2001:db8::1",
  };
  std::size_t cases = 0;
  for (const Reach& reach : grants) {
    // Where datagram sockets of the test are bound; no peer.
    World world({reach.grant, "udp://127.0.0.9:*"});
    for (const char* ip : peers) {
      for (const int port : {1, 79, 80, 81, 89, 90, 443, 65535}) {
        CAPTURE(std::string(reach.grant));
        CAPTURE(std::string(ip));
        CAPTURE(port);
        const auto address = parse(ip, port);
        const bool is_v6 = address.tag == net_wit::IpSocketAddress::Tag::Ipv6;
        const Family family = is_v6 ? Family::Ipv6 : Family::Ipv4;
        const bool may_tcp = reach.tcp(ip, port);
        const bool may_udp = reach.udp(ip, port);
        const auto told = world.connect(address, family);
        CHECK((told || may_tcp));
        CHECK((!may_tcp || told != Code::AccessDenied));
        CHECK((*world.tcp(family)->start_bind(world.call, world.network, address) ? may_tcp : true)
        );
        auto socket = world.udp(family);
        CHECK((*socket->start_bind(world.call, world.network, address) ? may_udp : true));
        cases += 3;
        if (is_v6) {
          continue;
        }
        auto sender = world.udp();
        REQUIRE(*sender->start_bind(world.call, world.network, v4(127, 0, 0, 9, 0)));
        REQUIRE(*sender->finish_bind(world.call));
        const auto streams = *sender->stream(world.call, address);
        CHECK((!streams || may_udp));
        // The system itself refuses to broadcast.
        const bool reaches = may_udp && ip != "255.255.255.255"sv;
        CHECK((streams || !reaches || streams.error() != Code::AccessDenied));
        ++cases;
      }
    }
  }
  CHECK(cases >= 9'000);
}

}  // namespace
}  // namespace whorl::wasi::p2
