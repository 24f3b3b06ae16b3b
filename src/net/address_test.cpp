#include "net/address.hpp"

#include "net/connect.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::net {
namespace {

TEST_CASE("listen addresses") {
  struct Row {
    const char* text;
    const char* address;  ///< or the message
  };
  for (const Row& row : {
           Row{"127.0.0.1:3000", "127.0.0.1:3000"},
           Row{"0.0.0.0:0", "0.0.0.0:0"},
           Row{"[::1]:80", "[::1]:80"},
           Row{"[::]:65535", "[::]:65535"},
           Row{"localhost:3000", "127.0.0.1:3000"},
           Row{"3000", "invalid socket address"},
           Row{"127.0.0.1", "invalid socket address"},
           Row{"[::1:80", "invalid socket address"},
           Row{"[127.0.0.1]:80", "invalid socket address"},
           Row{"127.0.0.1:", "invalid port value"},
           Row{"127.0.0.1:65536", "invalid port value"},
           Row{"127.0.0.1:-1", "invalid port value"},
           Row{"127.0.0.1:80x", "invalid port value"},
       }) {
    CAPTURE(row.text);
    const auto address = resolve_listen_address(row.text);
    CHECK((address ? address->to_string() : address.error().to_line()) == row.address);
  }
}

TEST_CASE("names that do not exist say so") {
  const auto address = resolve_listen_address("does-not-exist.invalid:80");
  REQUIRE_FALSE(address);
  CHECK(address.error().kind() == ErrorKind::NotFound);
  CHECK(address.error().message().starts_with("failed to lookup address information: "));
}

TEST_CASE("a name ends where its length says") {
  CHECK(resolve_host("localhost", 1));
  CHECK_FALSE(resolve_host(std::string("localhost\0.example.com", 21), 1));
}

TEST_CASE("ports are exchanged") {
  CHECK(SocketAddress::from_ip("::1", 1)->with_port(2).to_string() == "[::1]:2");
  CHECK(SocketAddress().to_string() == "0.0.0.0:0");
  CHECK_FALSE(SocketAddress::from_ip("1.2.3", 1));
  CHECK_FALSE(SocketAddress::from_ip({"1.2.3.4\0x", 9}, 1));
}

}  // namespace
}  // namespace whorl::net
