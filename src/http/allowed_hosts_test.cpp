#include "http/allowed_hosts.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace whorl::http {
namespace {

std::string error_of(std::string_view entry) {
  auto parsed = AllowedHost::parse(entry);
  return parsed ? "" : parsed.error().to_line();
}

TEST_CASE("entries that are refused, with what people are told") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"nohost", "\"nohost\" does not contain a scheme (e.g., 'http://' or '*://')"},
      {"example.com:80", "\"example.com:80\" does not contain a scheme (e.g., 'http://' or '*://')"
      },
      {"http://a/path", "\"http://a/path\" has a path but is not allowed to"},
      {"http://a:80/path", "\"http://a:80/path\" has a path but is not allowed to"},
      {"{http,https}://a:1",
       "Invalid allowed host scheme \"{http,https}\": scheme lists are not supported"},
      {"http://{a,b}:1", "Invalid allowed host \"{a,b}\": host lists are not yet supported"},
      {"http://a:{1,2}", "Invalid allowed host port \"{1,2}\": port lists are not yet supported"},
      {"h3://a:1", "Invalid allowed host scheme \"h3\": only alphabetic characters are allowed"},
      {"://a:1", "Invalid allowed host scheme \"\": only alphabetic characters are allowed"},
      {"http://a:x", "Invalid allowed host port \"x\": port \"x\" is not a number"},
      {"http://a:65536", "Invalid allowed host port \"65536\": port \"65536\" is not a number"},
      {"http://a:-1", "Invalid allowed host port \"-1\": port \"-1\" is not a number"},
      {"http://a:1..x",
       "Invalid allowed host port \"1..x\": port range \"1..x\" contains non-number"},
      {"http://a.*.b", "Invalid allowed host \"a.*.b\": wildcards are allowed only as prefixes"},
      {"http://*a", "Invalid allowed host \"*a\": wildcards are allowed only as subdomains"},
      {"http://*.*.a", "Invalid allowed host \"*.*.a\": wildcards are allowed only as prefixes"},
      {"http://*.1.2.3.4", "Invalid allowed host \"*.1.2.3.4\": wildcard suffix must be a domain"},
      {"http://a b", "Invalid allowed host \"a b\": invalid international domain name"},
      {"http://u@a", "Invalid allowed host \"u@a\": invalid international domain name"},
      {"http://", "Invalid allowed host \"\": invalid international domain name"},
      {"http://[1.2.3.4]", "Invalid allowed host \"[1.2.3.4]\": invalid IPv6 address"},
  };
  for (const auto& [entry, message] : cases) {
    CAPTURE(entry);
    CHECK(error_of(entry) == message);
  }
  CHECK(error_of("insecure:allow-all").starts_with("'insecure:allow-all' is not allowed"));
  for (const char* wild : {"*", "", ":", "?"}) {
    CHECK(error_of(wild).find("*://*:*") != std::string::npos);
  }
  for (const char* scheme : {"*", "ftp", "tcp"}) {
    CHECK(
        error_of(std::string(scheme) + "://a").find("does not have a known default port number") !=
        std::string::npos
    );
  }
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
      {"HTTP://a", "http", "a", 80, true},
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
      {"http://[fc00::/7]:*", "http", "fd00::1", 1, true},
      {"http://self", "http", "self", 80, false},
      {"http://self", "http", "self.alt", 80, false},
  };
  for (const Match& c : cases) {
    CAPTURE(c.entry);
    CAPTURE(c.host);
    CAPTURE(c.port);
    const auto parsed = AllowedHost::parse(c.entry);
    REQUIRE(parsed);
    CHECK(parsed->allows(c.scheme, c.host, c.port) == c.allowed);
  }
}

TEST_CASE("requests to the own application") {
  for (const char* entry :
       {"http://self", "https://self", "http://self.alt", "*://*:*", "http://*:80", "https://*"}) {
    CAPTURE(entry);
    CHECK(AllowedHost::parse(entry)->allows_self());
  }
  for (const char* entry : {"redis://*:*", "http://a", "http://127.0.0.1:3000", "http://*.a"}) {
    CAPTURE(entry);
    CHECK_FALSE(AllowedHost::parse(entry)->allows_self());
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
