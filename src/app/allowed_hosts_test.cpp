#include "app/allowed_hosts.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace whorl::app {
namespace {

/// The chain of an error from the outermost inwards, or what was read.
std::string outcome(std::string_view pattern) {
  auto parsed = parse_allowed_host(pattern);
  if (!parsed) {
    return parsed.error().to_line();
  }
  using Kind = AllowedHost::HostKind;
  std::string out = parsed->scheme.empty() ? "*" : parsed->scheme;
  switch (parsed->kind) {
    case Kind::Any:
      out += " any";
      break;
    case Kind::Self:
      out += " self";
      break;
    case Kind::Suffix:
      out += " under " + parsed->host;
      break;
    case Kind::Exact:
      out += " " + parsed->host;
      break;
    case Kind::Network:
      out += " net " + parsed->host;
      break;
  }
  return out + " " + std::to_string(parsed->first_port) + "-" + std::to_string(parsed->end_port);
}

struct Row {
  std::string_view pattern;
  std::string_view expected;
};

TEST_CASE("patterns that are accepted") {
  const Row rows[] = {
      {"http://a.b", "http a.b 80-81"},
      {"http://a.b/", "http a.b 80-81"},
      {" http://a.b:81/ ", "http a.b 81-82"},
      {"http://a/:80", "http a 80-81"},
      {"https://A.b", "https a.b 443-444"},
      {"postgres://a", "postgres a 5432-5433"},
      {"mysql://a", "mysql a 3306-3307"},
      {"redis://a", "redis a 6379-6380"},
      {"mqtt://a", "mqtt a 1883-1884"},
      {"http://*", "http any 80-81"},
      {"*://*:*", "* any 0-65536"},
      {"*://a:80..90", "* a 80-90"},
      {"*://a:90..80", "* a 90-80"},
      {"http://a:0", "http a 0-1"},
      {"http://a:+80", "http a 80-81"},
      {"http://a:", "http a 80-81"},
      {"http://*.a.b", "http under a.b 80-81"},
      {"http://self", "http self 80-81"},
      {"http://self.alt:90", "http self 90-91"},
      {"http://a_b", "http a_b 80-81"},
      {"http://[::1]", "http ::1 80-81"},
      {"http://[::1]/", "http ::1 80-81"},
      {"http://[::1]:90", "http ::1 90-91"},
      {"http://1.2.3.4", "http 1.2.3.4 80-81"},
      {"http://1.2.3.4/24", "http net 1.2.3.4/24 80-81"},
      {"*://127.0.0.0/24:63", "* net 127.0.0.0/24 63-64"},
      {"*://::1/128:63", "* net ::1/128 63-64"},
      {"udp://1.2.3.4:53", "udp 1.2.3.4 53-54"},
      {"://a:1", "* a 1-2"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.pattern);
    CHECK(outcome(row.pattern) == row.expected);
  }
}

TEST_CASE("patterns that are refused, in Spin's words") {
  const Row rows[] = {
      {"http://a.b/x", "Invalid allowed host \"a.b/x\": must not include a path"},
      {"http://a.b:80/x", "\"http://a.b:80/x\" has a path but is not allowed to"},
      {"http://a b", "Invalid allowed host \"a b\": invalid international domain name"},
      {"http://a?x", "Invalid allowed host \"a?x\": invalid international domain name"},
      {"http://u@a", "Invalid allowed host \"u@a\": invalid international domain name"},
      {"http://a%20b", "Invalid allowed host \"a%20b\": invalid international domain name"},
      {"http://u:pw@a",
       "Invalid allowed host port \"pw@a\": port \"pw@a\" is not a number: invalid digit found in "
       "string"},
      {"http://*a.b", "Invalid allowed host \"*a.b\": wildcards are allowed only as subdomains"},
      {"http://a*b", "Invalid allowed host \"a*b\": wildcards are allowed only as subdomains"},
      {"http://*.*", "Invalid allowed host \"*.*\": wildcards are allowed only as prefixes"},
      {"http://*.1.2.3.4", "Invalid allowed host \"*.1.2.3.4\": wildcard suffix must be a domain"},
      {"http://*./", "Invalid allowed host \"*./\": invalid wildcard host \"*.\": empty host"},
      {"http://", "Invalid allowed host \"\": empty host"},
      {"http:///", "Invalid allowed host \"/\": empty host"},
      {"http://::1", "Invalid allowed host \":\": invalid international domain name"},
      {"http://[::1", "Invalid allowed host \"[:\": invalid IPv6 address"},
      {"http://[1.2.3.4]", "Invalid allowed host \"[1.2.3.4]\": invalid IPv6 address"},
      {"*://127.0.0.0/33:63", "Invalid allowed host \"127.0.0.0/33\": must not include a path"},
      {"*://[::1]/64:63", "Invalid allowed host \"[::1]/64\": must not include a path"},
      {"*://a",
       "Invalid allowed host port \"\": no port was provided and the scheme \"*\" does not have a "
       "known default port number"},
      {"HTTP://a",
       "Invalid allowed host port \"\": no port was provided and the scheme \"HTTP\" does not have "
       "a known default port number"},
      {"http://a:80..",
       "Invalid allowed host port \"80..\": port range \"80..\" contains non-number: cannot parse "
       "integer from empty string"},
      {"http://a:1..y",
       "Invalid allowed host port \"1..y\": port range \"1..y\" contains non-number: invalid digit "
       "found in string"},
      {"http://a:70000",
       "Invalid allowed host port \"70000\": port \"70000\" is not a number: number too large to "
       "fit in target type"},
      {"http://a:{80,81}", "Invalid allowed host port \"{80,81}\": port lists are not yet supported"
      },
      {"http://{a,b}", "Invalid allowed host \"{a,b}\": host lists are not yet supported"},
      {"{http,https}://a:80",
       "Invalid allowed host scheme \"{http,https}\": scheme lists are not supported"},
      {"h2://a b:1", "Invalid allowed host scheme \"h2\": only alphabetic characters are allowed"},
      {"a",
       "\"a\" does not contain a scheme (e.g., 'http://' or '*://')\nLearn more: "
       "https://spinframework.dev/v3/http-outbound#granting-http-permissions-to-components"},
      {"insecure:allow-all",
       "'insecure:allow-all' is not allowed - use '*://*:*' instead if you really want to allow "
       "all outbound traffic'"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.pattern);
    CHECK(outcome(row.pattern) == row.expected);
  }
  for (const std::string_view near_miss : {"", "*", ":", "?"}) {
    CHECK(outcome(near_miss).contains("is not an allowed outbound host format.\nHosts must be"));
  }
}

TEST_CASE("templates are checked with the defaults there are") {
  const std::map<std::string, std::string> defaults{{"x", "v"}, {"empty", ""}, {"odd", "a b"}};
  const auto check = [&](const std::string& pattern) {
    const std::vector<std::string> patterns{"http://fine", pattern};
    auto checked = check_allowed_hosts(patterns, defaults);
    return checked ? std::string("fine") : checked.error().to_line();
  };
  const Row rows[] = {
      {"http://{{ x }}", "fine"},
      {"http://{{ unknown }}:x", "fine"},
      {"{{empty}}", "fine"},
      {"https://{{ empty }}", "fine"},
      {"https://{{odd}}",
       "using default variable value(s) with template \"https://{{ odd }}\" results in invalid "
       "config \"https://a b\": Invalid allowed host \"a b\": invalid international domain name"},
      {"http://{{ x", "invalid variable template: unmatched '{{' in template"},
      {"http://a:x",
       "Invalid allowed host port \"x\": port \"x\" is not a number: invalid digit found in "
       "string"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.pattern);
    CHECK(check(std::string(row.pattern)) == row.expected);
  }
}

TEST_CASE("service chaining") {
  const auto needs = [](std::string pattern) {
    const std::vector<std::string> patterns{std::move(pattern)};
    return needs_service_chaining(patterns);
  };
  CHECK(needs("http://a.spin.internal"));
  CHECK(needs("http://*.spin.internal"));
  CHECK(needs("*://a.spin.internal:80"));
  CHECK(needs("redis://a.spin.internal"));
  CHECK_FALSE(needs("http://spin.internal"));
  CHECK_FALSE(needs("*://*:*"));
  CHECK_FALSE(needs("http://{{x}}.spin.internal"));
  CHECK_FALSE(needs("nonsense"));
}

TEST_CASE("the older allowed_http_hosts") {
  const auto converted = [](std::vector<std::string> hosts) {
    auto patterns = from_allowed_http_hosts(hosts);
    if (!patterns) {
      return patterns.error().message();
    }
    std::string out;
    for (const std::string& pattern : *patterns) {
      out += (out.empty() ? "" : " ") + pattern;
    }
    return out;
  };
  CHECK(converted({}) == "");
  CHECK(converted({"self"}) == "http://self");
  CHECK(converted({"self.alt"}) == "http://self.alt https://self.alt");
  CHECK(converted({"A.b"}) == "http://a.b https://a.b");
  CHECK(converted({"a:80"}) == "http://a https://a");
  CHECK(converted({"a:8080/"}) == "http://a:8080 https://a:8080");
  CHECK(converted({"http://a.b:80"}) == "http://a.b https://a.b");
  CHECK(converted({"*.a"}) == "http://*.a https://*.a");
  CHECK(converted({"{{x}}"}) == "http://{{x}} https://{{x}}");
  CHECK(converted({"[::1]:80"}) == "http://[::1] https://[::1]");
  CHECK(converted({"u@a?x"}) == "http://a https://a");
  CHECK(
      converted({"x.y", "insecure:allow-all", "ftp://z"}) == "http://*:* https://*:* http://self"
  );
  CHECK(
      converted({"ftp://x.y", "a", "a.b/c/d"}) ==
      "One or more allowed_http_hosts entries was invalid:\n"
      "ftp://x.y isn't a valid host or host:port string\n"
      "a.b/c/d contains a path, should be host and optional port only"
  );
  for (const std::string wrong : {"", "a:x", "a b", "a:80:90"}) {
    CHECK(converted({wrong}).contains(wrong + " isn't a valid host or host:port string"));
  }
}

}  // namespace
}  // namespace whorl::app
