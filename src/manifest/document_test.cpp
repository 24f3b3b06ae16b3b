#include "manifest/test_support.hpp"

namespace whorl::manifest {
namespace {

TEST_CASE("the full form of a diagnostic") {
  const Error unknown = bad(kHead + kTrigger + kComponent + "sources = \"x\"\n");
  CHECK(unknown.kind() == ErrorKind::InvalidInput);
  CHECK(
      unknown.message() ==
      "TOML parse error at line 9, column 1\n"
      "  |\n"
      "9 | sources = \"x\"\n"
      "  | ^^^^^^^\n"
      "unknown field `sources`, expected one of `source`, `description`, `variables`, "
      "`environment`, `files`, `exclude_files`, `allowed_http_hosts`, `allowed_outbound_hosts`, "
      "`key_value_stores`, `sqlite_databases`, `ai_models`, `targets`, `build`, `tool`, "
      "`dependencies_inherit_configuration`, `dependencies`, `profile`\n"
  );
  CHECK(unknown.help() == "spin.toml:9:1: did you mean `source`?");

  const Error two_digits =
      bad(kHead + kTrigger + kComponent + "# \xC3\xA9\nbuild = \"\xC3\xA9\" # x\n");
  CHECK(
      two_digits.message() ==
      "TOML parse error at line 10, column 9\n"
      "   |\n"
      "10 | build = \"\xC3\xA9\" # x\n"
      "   |         ^^^\n"
      "invalid type: string \"\xC3\xA9\", expected struct ComponentBuildConfig\n"
  );
  CHECK(two_digits.help() == "see spin.toml:10:9");
}

TEST_CASE("a byte order mark and CRLF are accepted") {
  std::string text = "\xEF\xBB\xBF" + kHead + kTrigger + kComponent;
  CHECK(good(text).components.size() == 1);
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) {
    text.replace(at, 1, "\r\n");
  }
  CHECK(good(text).components.size() == 1);
  const Error error = bad(text + "bogus = 1\r\n");
  CHECK(error.message().contains("\n9 | bogus = 1\n  | ^^^^^\n"));
}

TEST_CASE("texts that are no TOML") {
  struct Row {
    std::string text;
    std::string expected;  ///< the beginning of the short form
  };
  const std::string no_string = " 1 invalid string|expected `\"`, `'`";
  const std::string no_more = " 1 expected newline, `#`";
  const Row rows[] = {
      {"ver\n", "1:4 1 expected `.`, `=`"},
      {"x y = 1", "1:3 1 expected `.`, `=`"},
      {"x = ", "1:5" + no_string},
      {"x =", "1:4" + no_string},
      {"x = abc\n", "1:5" + no_string},
      {"x = tru\n", "1:5" + no_string},
      {"x = \xC2\xA1", "1:5 1 invalid string"},
      {"x = [1, \n", "1:10 1 invalid array|expected `]`"},
      {"x = [1 2]\n", "1:8 1 invalid array|expected `]`"},
      {"x = [1,,2]\n", "1:8 1 invalid array|expected `]`"},
      {"x = \"abc\n", "1:9 1 invalid basic string"},
      {"x = 'a\n", "1:7 1 invalid literal string"},
      {"x = \"\"\"a\n", "1:10 1 invalid multiline basic string"},
      {"x = \"\\q\"",
       "1:8 1 invalid escape sequence|expected `b`, `f`, `n`, `r`, `t`, `u`, `U`, `\\`, `\"`"},
      {"[a\n", "1:3 1 invalid table header|expected `.`, `]`"},
      {"[a]]\n", "1:4 1 invalid table header|expected newline, `#`"},
      {"[[a]\n", "1:4 1 invalid table header|expected `.`, `]]`"},
      {"[]\n", "1:2 1 invalid key"},
      {"]\n", "1:1 1 invalid key"},
      {"= 1\n", "1:1 1 invalid key"},
      {"a = 1\na = 2", "2:1 1 duplicate key `a` in document root"},
      {"[t]\na = 1\n a = 2", "3:2 1 duplicate key `a` in table `t`"},
      {"a.b = 1\na = 2", "2:1 1 duplicate key `a` in document root"},
      {"[a]\n[a]\n", "2:1 1 invalid table header|duplicate key `a` in document root"},
      {"[a]\nb=1\n[a.b]\nc=1\n", "3:1 1 invalid table header|duplicate key `b` in table `a`"},
      {"[[a]]\n[a]\n", "2:1 1 invalid table header|duplicate key `a` in document root"},
      {"x = 1 2\n", "1:7" + no_more},
      {"x = \"a\" \"b\"\n", "1:9" + no_more},
      {"x = 01\n", "1:6" + no_more},
      {"x = {a=1\n", "1:9 1 invalid inline table|expected `}`"},
      {"x = {a=1,}\n", "1:9 1 invalid inline table|expected `}`"},
      {"x = 1.\n", "1:7 1 invalid floating-point number|expected digit"},
      {"x = 99999999999999999999\n", "1:5 1 number too large to fit in target type"},
      {"x = 1979-13-01\n", "1:12 1 invalid date-time|value is out of range"},
      {"[[[", "1:3 1 invalid key"},
      {"\xCD\xB6", "1:1 1 invalid key"},
      {std::string("x = 1\n\0", 7), "2:1 1 invalid key"},
      {"x = \"\xFF\"", "1:5 1 stream did not contain valid UTF-8"},
      {std::string(17, '.') + " = 1", "1:1 1 invalid key|too many dots"},
      {"[a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a]", "1:1 1 invalid key|too many dots"},
      {"\n\nx." + std::string(40, '.') + " = 1", "3:1 1 invalid key|too many dots"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const std::string got = complaint(row.text);
    CAPTURE(got);
    CHECK(got.starts_with(row.expected));
  }
  // What the library says itself is the advice.
  CHECK(bad("x y = 1").help() == "spin.toml:1:3: expected '=', saw 'y'");
  // Dots elsewhere are nobody's business.
  CHECK(
      good(
          kHead + "description = \"................................\" # ..................\n" +
          kTrigger + kComponent +
          "allowed_outbound_hosts = ['http://a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s']\n"
      )
          .name == "a"
  );
  CHECK(bad(std::string(kMaxManifestBytes + 1, '#')).kind() == ErrorKind::ResourceLimit);
  CHECK(complaint("x = " + std::string(100, '[')).starts_with("1:"));
}

TEST_CASE("a wasm file is no manifest") {
  const Error error = bad(std::string("\0asm\x0d\0\x01\0", 8));
  CHECK(error.message() == "stream did not contain valid UTF-8");
  CHECK(error.help() == "spin.toml is a wasm file; it runs if its name ends in .wasm");
}

TEST_CASE("control characters of a manifest don't reach the terminal") {
  const Error error = bad("x = \x1b[2J\n");
  CHECK_FALSE(error.message().contains('\x1b'));
}

}  // namespace
}  // namespace whorl::manifest
