#include "http/allowed_hosts.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace whorl::http {
namespace {

AllowedHosts parse(const char* entry) {
  auto parsed = AllowedHosts::parse(std::vector<std::string>{entry});
  REQUIRE(parsed);
  return *std::move(parsed);
}

struct Match {
  const char* entry;
  const char* scheme;
  const char* host;
  std::uint16_t port;
  bool allowed;
};

TEST_CASE("what an entry grants") {
  const std::vector<Match> cases = {
      {"http://a", "http", "a", 80, true},
      {"http://a/", "http", "a", 80, true},
      {" http://a ", "http", "a", 80, true},
      {"http://A.Example", "http", "a.example", 80, true},
      {"http://a", "https", "a", 80, false},
      {"http://a", "http", "a", 8080, false},
      {"http://a", "http", "b", 80, false},
      {"http://a", "http", "x.a", 80, false},
      {"https://a", "https", "a", 443, true},
      {"postgres://a", "postgres", "a", 5432, true},
      {"mysql://a", "mysql", "a", 3306, true},
      {"redis://a", "redis", "a", 6379, true},
      {"mqtt://a", "mqtt", "a", 1883, true},
      {"http://a:8080", "http", "a", 8080, true},
      {"http://a:8080/", "http", "a", 8080, true},
      {"http://a:*", "http", "a", 0, true},
      {"http://a:*", "http", "a", 65535, true},
      {"http://a:10..20", "http", "a", 10, true},
      {"http://a:10..20", "http", "a", 19, true},
      {"http://a:10..20", "http", "a", 20, false},
      {"http://a:10..20", "http", "a", 9, false},
      {"http://a:5..2", "http", "a", 3, false},
      {"*://a:1", "tcp", "a", 1, true},
      {"*://*:*", "udp", "1.2.3.4", 53, true},
      {"http://*.a", "http", "x.a", 80, true},
      {"http://*.a", "http", "y.x.a", 80, true},
      {"http://*.a", "http", "a", 80, false},
      {"http://*.a", "http", ".a", 80, false},
      {"http://*.a", "http", "xa", 80, false},
      {"http://127.0.0.1:80", "http", "127.0.0.1", 80, true},
      {"http://127.0.0.1:80", "http", "127.0.0.2", 80, false},
      {"*://127.0.0.0/24:63", "tcp", "127.0.0.200", 63, true},
      {"*://127.0.0.0/24:63", "tcp", "127.0.1.0", 63, false},
      {"*://127.0.0.0/24:63", "tcp", "127.0.0.200", 64, false},
      {"http://127.0.0.9/24", "http", "127.0.0.1", 80, true},
      {"http://0.0.0.0/0", "http", "name", 80, false},
      {"http://10.0.0.0/8", "http", "::ffff:10.0.0.1", 80, false},
      {"http://[::1]", "http", "::1", 80, true},
      {"http://[::1]:8080", "http", "0:0:0:0:0:0:0:1", 8080, true},
      {"http://[::1]:8080", "http", "::2", 8080, false},
      {"*://fc00::/7:*", "tcp", "fd00::1", 1, true},
      {"http://*.1.a", "http", "1.1.1.1", 80, false},
      {"http://self", "http", "self", 80, false},
      {"http://self", "http", "self.alt", 80, false},
  };
  for (const Match& c : cases) {
    CAPTURE(c.entry);
    CAPTURE(c.host);
    CAPTURE(c.port);
    CHECK(parse(c.entry).allows(c.scheme, c.host, c.port) == c.allowed);
  }
}

TEST_CASE("requests to the own application") {
  for (const char* entry :
       {"http://self", "https://self", "http://self.alt", "*://*:*", "http://*:80", "https://*:1"
       }) {
    CAPTURE(entry);
    CHECK(parse(entry).allows_self());
  }
  for (const char* entry : {"redis://*:*", "http://a", "http://127.0.0.1:3000", "http://*.a"}) {
    CAPTURE(entry);
    CHECK_FALSE(parse(entry).allows_self());
  }
}

TEST_CASE("lists") {
  const std::vector<std::string> ids{"front", "back"};
  const std::vector<std::string> entries{"", "http://", " https:// ", "http://*.spin.internal"};
  const auto hosts = AllowedHosts::parse(entries, ids);
  REQUIRE(hosts);
  CHECK(hosts->allows("http", "front.spin.internal", 80));
  CHECK(hosts->allows("http", "back.spin.internal", 80));
  CHECK_FALSE(hosts->allows("http", "other.spin.internal", 80));
  CHECK_FALSE(hosts->allows("https", "back.spin.internal", 443));
  CHECK_FALSE(hosts->allows("http", "back.spin.internal", 8080));
  CHECK_FALSE(hosts->allows_self());
  CHECK_FALSE(AllowedHosts().allows("http", "a", 80));
  CHECK_FALSE(AllowedHosts::parse(std::vector<std::string>{"http://a", "b"}));
}

}  // namespace
}  // namespace whorl::http
