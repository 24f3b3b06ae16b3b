#include "wasi/uri_parts.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::wasi {
namespace {

TEST_CASE("path with query") {
  for (const char* good :
       {"", "/", "/a/b?c=d&e", "?x", "/%41", "/caf\xc3\xa9", "//a", "/a|b{c}\"", "/*"}) {
    CAPTURE(good);
    CHECK(is_path_with_query(good));
  }
  for (const char* bad :
       {"a",
        "*",
        "http://example.org/",
        "/a b",
        "/a\r\nx",
        "/a\n",
        "/\t",
        "/\x7f",
        "/a#b",
        " /",
        "/<"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_path_with_query(bad));
  }
  CHECK_FALSE(is_path_with_query(std::string("/\0", 2)));
}

TEST_CASE("scheme") {
  for (const char* good : {"http", "HTTPS", "a", "coap+tcp", "x-1.y"}) {
    CAPTURE(good);
    CHECK(is_scheme(good));
  }
  for (const char* bad : {"", "1a", "+a", "a:", "a b", "h\xc3\xa9", "a/"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_scheme(bad));
  }
  CHECK(is_scheme(std::string(64, 'a')));
  CHECK_FALSE(is_scheme(std::string(65, 'a')));
}

TEST_CASE("authority") {
  for (const char* good :
       {"example.org",
        "example.org:8080",
        "example.org:",
        "127.0.0.1:1",
        "[::1]",
        "[::1]:443",
        "user@host",
        "user:pa%20ss@host:1",
        "self.alt",
        "a_b.c"}) {
    CAPTURE(good);
    CHECK(is_authority(good));
  }
  for (const char* bad :
       {"",
        ":80",
        "@",
        "user@",
        "a b",
        "a/b",
        "a?b",
        "a#b",
        "host:port",
        "host:80:90",
        "[]",
        "[::1",
        "::1]",
        "[::1]x",
        "h\r\nx",
        "us er@host",
        "a\\b"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_authority(bad));
  }
}

}  // namespace
}  // namespace whorl::wasi
