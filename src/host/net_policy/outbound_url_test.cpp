#include "host/net_policy/outbound_url.hpp"

#include <doctest/doctest.h>

namespace whorl::host::net_policy {
namespace {

/// All fields in one line; "no" for what is none.
std::string parsed(std::string_view text) {
  const auto url = parse_outbound_url(text, "redis", 6379);
  if (!url) {
    return "no";
  }
  std::string out = fmt::format(
      "{} {}:{} {} {} {}",
      url->scheme,
      url->user,
      url->password.value_or("-"),
      url->host,
      url->port,
      url->path
  );
  for (const auto& [key, value] : url->query) {
    out += fmt::format(" {}={}", key, value);
  }
  return out;
}

TEST_CASE("addresses and their parts") {
  const struct {
    std::string_view text;
    std::string_view parts;
  } cases[] = {
      {"redis://a", "redis :- a 6379 "},
      {"a", "redis :- a 6379 "},
      {"a:1", "redis :- a 1 "},
      {"REDISS://A.B.:6380/3", "rediss :- a.b. 6380 /3"},
      {"redis://u:p@h", "redis u:p h 6379 "},
      {"redis://:p%40%2f@h", "redis :p@/ h 6379 "},
      {"redis://u@h", "redis u:- h 6379 "},
      {"redis://u:a@b@h", "redis u:a@b h 6379 "},
      {"redis://127.0.0.1:1/", "redis :- 127.0.0.1 1 /"},
      {"redis://[::1]:7/x", "redis :- ::1 7 /x"},
      {"redis://[::1]", "redis :- ::1 6379 "},
      {"redis://h?a=b&c&d=%20", "redis :- h 6379  a=b c= d= "},
      {"redis://h#f", "redis :- h 6379 "},
      {"redis://h/a#f", "redis :- h 6379 /a"},
      {"redis://a_b-1.c9", "redis :- a_b-1.c9 6379 "},
      // What some resolvers take for 127.0.0.1.
      {"redis://2130706433", "no"},
      {"redis://0x7f.1", "no"},
      {"redis://127.1", "no"},
      {"redis://0177.0.0.1", "no"},
      {"redis://127.0.0.1.", "no"},
      {"redis://a.0x7f000001", "no"},
      {"redis://%31%32%37.0.0.1", "no"},
      {"redis://１２７.0.0.1", "no"},
      {"redis://[127.0.0.1]", "no"},
      {"redis://[::1", "no"},
      {"redis://[::1]x", "no"},
      {"redis://[fe80::1%25lo]", "no"},
      {"redis://", "no"},
      {"redis://:1", "no"},
      {"redis://u@", "no"},
      {"redis://h:", "no"},
      {"redis://h:0", "no"},
      {"redis://h:65536", "no"},
      {"redis://h:1x", "no"},
      {"redis://h\\@allowed", "redis h\\:- allowed 6379 "},
      {"redis://h allowed", "no"},
      {"redis://h\r\n", "no"},
      {"redis://a..b", "no"},
      {"redis://.a", "no"},
      {"://h", "no"},
      {"1://h", "no"},
      {"", "no"},
  };
  for (const auto& [text, parts] : cases) {
    CAPTURE(text);
    CHECK(parsed(text) == parts);
  }
}

TEST_CASE("no credentials in what is shown, nor in errors") {
  const auto url = parse_outbound_url("redis://u:secret@h:1/2?a=secret", "redis", 6379);
  REQUIRE(url);
  CHECK(url->to_destination() == "redis://h:1");
  CHECK(*url->find("a") == "secret");
  CHECK(url->find("b") == nullptr);
  CHECK(
      parse_outbound_url("redis://u:x@[::1]", "redis", 6379)->to_destination() == "redis://[::1]"
  );
  const auto wrong = parse_outbound_url("redis://u:secret@h:x", "redis", 6379);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().to_line().find("secret") == std::string::npos);
}

}  // namespace
}  // namespace whorl::host::net_policy
