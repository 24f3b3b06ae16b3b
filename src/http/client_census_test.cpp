#include "http/client_census.hpp"

#include <doctest/doctest.h>

#include <array>

namespace whorl::http {
namespace {

bool same(std::string_view a, std::string_view b) {
  const auto one = ClientCensus::key_of(a);
  const auto other = ClientCensus::key_of(b);
  REQUIRE(one);
  REQUIRE(other);
  return *one == *other;
}

TEST_CASE("a client is an IPv4 address or a /64") {
  struct Case {
    std::string_view a;
    std::string_view b;
    bool is_same;
  };
  constexpr std::array<Case, 8> kCases{{
      {"1.2.3.4:80", "1.2.3.4:81", true},
      {"1.2.3.4:80", "1.2.3.5:80", false},
      {"[2001:db8:1:2::1]:80", "[2001:db8:1:2:ffff::9]:81", true},
      {"[2001:db8:1:2::1]:80", "[2001:db8:1:3::1]:80", false},
      {"[::ffff:1.2.3.4]:80", "1.2.3.4:80", true},
      {"[::1]:80", "[::1]:81", true},
      {"[fe80::1%eth0]:80", "[fe80::2]:80", true},
      {"[::1]:80", "127.0.0.1:80", false},
  }};
  for (const Case& c : kCases) {
    CAPTURE(c.a);
    CAPTURE(c.b);
    CHECK(same(c.a, c.b) == c.is_same);
  }
}

TEST_CASE("what is no address is no client") {
  for (const std::string_view text :
       {"", "unix", "0.0.0.0:0", ":80", "1.2.3:80", "[::1", "[:80", "[]:80", "x:y"}) {
    CAPTURE(text);
    CHECK_FALSE(ClientCensus::key_of(text));
  }
}

TEST_CASE("a client is full with as many connections as it may have") {
  ClientCensus census(2);
  const auto key = *ClientCensus::key_of("1.2.3.4:80");
  const auto other = *ClientCensus::key_of("1.2.3.5:80");
  census.enter(key);
  CHECK_FALSE(census.is_full(key));
  census.enter(key);
  CHECK(census.is_full(key));
  CHECK_FALSE(census.is_full(other));
  census.enter(other);
  CHECK(census.clients() == 2);
  census.leave(key);
  CHECK_FALSE(census.is_full(key));
  census.leave(key);
  census.leave(key);  // of nobody
  census.leave(other);
  CHECK(census.clients() == 0);
}

}  // namespace
}  // namespace whorl::http
