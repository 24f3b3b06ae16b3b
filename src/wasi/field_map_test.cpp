#include "wasi/field_map.hpp"

#include "http/exchange.hpp"
#include "wire/http1/syntax.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>

namespace whorl::wasi {
namespace {

using Change = std::expected<void, FieldError>;

std::string text_of(const FieldMap& map) {
  std::string text;
  for (const http::Field& line : map.lines()) {
    text += line.name + "=" + line.value + ";";
  }
  return text;
}

TEST_CASE("the fields of a request are shown as those of the wire, made or not") {
  for (const auto shown : {FieldMap::Shown::NotForbidden, FieldMap::Shown::AllButConnection}) {
    const std::string names = shown == FieldMap::Shown::NotForbidden
                                  ? "x-a=1;a-name-of-more-than-sixteen=;spin-path-info=/;"
                                  : "host=h;x-a=1;upgrade=u;a-name-of-more-than-sixteen=;"
                                    "spin-path-info=/;";
    for (const bool are_made : {false, true}) {
      http::Exchange exchange;
      exchange.set_field_lines(
          "Host: h\r\nX-A: 1\r\nConnection: close\r\nUpgrade: u\r\nA-Name-Of-More-Than-Sixteen:\r\n"
      );
      exchange.set_more_fields([](http::FieldSink& sink) { sink.add("spin-path-info", "/"); });
      if (are_made) {
        CHECK(exchange.request().fields.size() == 6);
      }
      const FieldMap map = FieldMap::from_request(exchange, shown);
      CHECK(text_of(map) == names);
      const std::size_t lines = map.lines().size();
      // Signs of the text that are no byte of a field: two for each line.
      CHECK(map.charged_bytes() == names.size() - 2 * lines + lines * FieldMap::kLineCharge);
      CHECK(exchange.request().fields.empty());
    }
  }
  http::Exchange bare;
  CHECK(FieldMap::from_request(bare).lines().empty());
}

TEST_CASE("fields of a request keep their order, repetitions and bytes") {
  // Each byte that a name, and each that a value may have in it; more lines than usual.
  std::string name;
  std::string value = "a";
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    if (http::is_token(std::string_view(&c, 1))) {
      name += c;
    }
    if (wire::http1::is_field_content("a" + std::string(1, c) + "a")) {
      value += c;
    }
  }
  value += "a";
  REQUIRE(name.size() == 77);
  REQUIRE(value.size() == 226);
  std::string sent = "Set: 1\r\nCONNECTION: x\r\nset:2\r\nX: a:b: c\r\nSET: \t1 \r\n";
  sent += name + ": " + value + "\r\n";
  std::string shown = "set=1;set=2;x=a:b: c;set=1;";
  std::string lower = name;
  std::ranges::transform(lower, lower.begin(), wire::http1::to_lower);
  shown += lower + "=" + value + ";";
  for (int i = 0; i < 100; ++i) {
    sent += "N: " + std::to_string(i) + "\r\n";
    shown += "n=" + std::to_string(i) + ";";
  }
  http::Exchange lazy;
  lazy.set_field_lines(sent);
  http::Exchange made;
  made.set_field_lines(sent);
  CHECK(made.request().fields.size() == 106);
  const FieldMap map = FieldMap::from_request(lazy);
  CHECK(text_of(map) == shown);
  CHECK(map.lines() == FieldMap::from_request(made).lines());
}

TEST_CASE("a request's fields that its protocol made stand before those that are added") {
  http::Request sent;
  sent.fields.append("x-a", "1");
  http::Exchange exchange(std::move(sent));
  exchange.set_more_fields([](http::FieldSink& sink) {
    sink.add("Spin-Path-Match-Id", "7");
    sink.add("connection", "hidden as if it came");
  });
  CHECK(text_of(FieldMap::from_request(exchange)) == "x-a=1;spin-path-match-id=7;");
}

TEST_CASE("append follows the rules for names and values") {
  struct Row {
    std::string name;
    std::string value;
    Change expected;
  };
  const auto invalid = std::unexpected(FieldError::InvalidSyntax);
  const auto forbidden = std::unexpected(FieldError::Forbidden);
  const Row rows[] = {
      {"content-type", "text/plain", {}},
      {"X-Upper", "v", {}},
      {"!#$%&'*+-.^_`|~9aZ", "", {}},
      {"", "v", invalid},
      {"a b", "v", invalid},
      {"a:", "v", invalid},
      {"a\n", "v", invalid},
      {std::string("a\0", 2), "v", invalid},
      {"n\xc3\xa9", "v", invalid},
      {"x", "a\r\nset-cookie: b", invalid},
      {"x", "a\nb", invalid},
      {"x", std::string("a\0b", 3), invalid},
      {"x", "\x7f", invalid},
      {"x", "\x01", invalid},
      {"x", "tab\there", {}},
      {"x", "caf\xc3\xa9 \xff", {}},
      {"x", "  blanks  ", {}},
      {"connection", "close", forbidden},
      {"Connection", "close", forbidden},
      {"KEEP-ALIVE", "1", forbidden},
      {"proxy-authenticate", "x", forbidden},
      {"proxy-authorization", "x", forbidden},
      {"Proxy-Connection", "x", forbidden},
      {"transfer-encoding", "chunked", forbidden},
      {"upgrade", "h2c", forbidden},
      {"host", "example.org", forbidden},
      {"http2-settings", "x", forbidden},
      {"connection", "bad\nvalue", forbidden},
      {"te", "trailers", {}},
      {"trailer", "x", {}},
      {"content-length", "0", {}},
      {"content-length", "18446744073709551615", {}},
      {"content-length", "18446744073709551616", invalid},
      {"content-length", "", invalid},
      {"content-length", "+5", invalid},
      {"content-length", "-5", invalid},
      {"content-length", " 5", invalid},
      {"content-length", "5, 5", invalid},
      {"Content-Length", "0x10", invalid},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CAPTURE(row.value);
    FieldMap map;
    CHECK(map.append(row.name, row.value) == row.expected);
    CHECK(map.lines().size() == (row.expected ? 1 : 0));
  }
}

TEST_CASE("names are kept in lower case and found in any") {
  FieldMap map;
  REQUIRE(map.append("X-One", "a"));
  REQUIRE(map.append("x-two", "b"));
  REQUIRE(map.append("x-ONE", "c"));
  CHECK(text_of(map) == "x-one=a;x-two=b;x-one=c;");
  CHECK(map.values("X-oNe") == std::vector<std::string_view>{"a", "c"});
  CHECK(map.contains("X-TWO"));
  CHECK_FALSE(map.contains("x-three"));
  CHECK(map.values("x three").empty());
}

TEST_CASE("names of every length are kept as they are") {
  HostMemory memory;
  for (std::size_t length = 1; length <= 100; ++length) {
    const std::string name(length, 'n');
    FieldMap map;
    REQUIRE(map.append(name, "v"));
    CHECK(map.lines().front().name == name);
    REQUIRE(map.set(name, std::array{std::string_view("w")}));
    CHECK(map.lines().front().name == name);
    CHECK(map.copy(memory)->take_wire().lines().front().name == name);
  }
}

TEST_CASE("set replaces, and removes when it is given nothing") {
  FieldMap map;
  REQUIRE(map.append("a", "1"));
  REQUIRE(map.append("b", "2"));
  const std::string_view two[] = {"3", "4"};
  REQUIRE(map.set("A", two));
  CHECK(text_of(map) == "b=2;a=3;a=4;");
  REQUIRE(map.set("b", {}));
  CHECK(text_of(map) == "a=3;a=4;");
  REQUIRE(map.remove("A"));
  CHECK(map.lines().empty());
  CHECK(map.charged_bytes() == 0);
  CHECK(map.remove("never"));
  CHECK(map.remove("bad name") == Change(std::unexpect, FieldError::InvalidSyntax));
  CHECK(map.remove("host") == Change(std::unexpect, FieldError::Forbidden));
}

TEST_CASE("set changes nothing when one of the values is invalid") {
  FieldMap map;
  REQUIRE(map.append("a", "1"));
  const std::string_view values[] = {"2", "bad\r"};
  CHECK(map.set("a", values) == Change(std::unexpect, FieldError::InvalidSyntax));
  CHECK(text_of(map) == "a=1;");
}

TEST_CASE("there is one content-length at most, without leading zeroes") {
  FieldMap map;
  REQUIRE(map.append("Content-Length", "007"));
  CHECK(text_of(map) == "content-length=7;");
  CHECK(map.content_length().value() == 7);
  CHECK(map.append("content-length", "7") == Change(std::unexpect, FieldError::InvalidSyntax));
  const std::string_view two[] = {"7", "7"};
  CHECK(map.set("content-length", two) == Change(std::unexpect, FieldError::InvalidSyntax));
  const std::string_view zeroes[] = {"0000"};
  REQUIRE(map.set("content-length", zeroes));
  CHECK(text_of(map) == "content-length=0;");
  REQUIRE(map.remove("content-length"));
  CHECK(map.content_length().value() == std::nullopt);
  CHECK(map.charged_bytes() == 0);
}

TEST_CASE("an unsound content-length from the wire is noticed") {
  http::Fields wire;
  wire.append("Content-Length", "5");
  wire.append("content-length", "6");
  const FieldMap map = FieldMap::from_wire(std::move(wire));
  CHECK(map.content_length().error() == FieldError::InvalidSyntax);
}

TEST_CASE("what came over the wire loses what guests do not see") {
  http::Fields wire;
  wire.append("Host", "example.org");
  wire.append("Accept", "*/*");
  wire.append("Connection", "close");
  wire.append("Transfer-Encoding", "chunked");
  wire.append("X-Tag", "1");
  wire.append("x-tag", "2");
  wire.append("Content-Length", "5");
  CHECK(
      text_of(FieldMap::from_wire(std::move(wire))) ==
      "accept=*/*;x-tag=1;x-tag=2;content-length=5;"
  );
}

TEST_CASE("names are made small, letters of ASCII and nothing else") {
  std::string all;
  for (unsigned byte = 0; byte < 256; ++byte) {
    all += static_cast<char>(byte);
  }
  // Each byte comes to stand at each place of a word, and behind the last whole one.
  for (std::size_t skipped = 0; skipped < 16; ++skipped) {
    const std::string name = all.substr(skipped) + all.substr(0, skipped);
    std::string expected = name;
    std::ranges::transform(expected, expected.begin(), wire::http1::to_lower);
    http::Fields wire;
    wire.append(name, "1");
    wire.append(name.substr(3), "2");
    const FieldMap map = FieldMap::from_wire(std::move(wire));
    REQUIRE(map.lines().size() == 2);
    CHECK(map.lines()[0].name == expected);
    CHECK(map.lines()[1].name == expected.substr(3));
  }
}

TEST_CASE("fields as long as forbidden ones are told apart from them, in any spelling") {
  for (const char* name :
       {"HOST",
        "Upgrade",
        "kEEP-aLIVE",
        "http2-Settings",
        "Proxy-Authorization",
        "proxy-authenticate",
        "Proxy-Connection",
        "transfer-encodinG"}) {
    CAPTURE(name);
    CHECK(is_forbidden_field(name));
    CHECK_FALSE(is_forbidden_field(std::string_view(name).substr(1)));
    CHECK_FALSE(is_forbidden_field("x" + std::string(name).substr(1)));
  }
  CHECK_FALSE(is_forbidden_field(""));
  CHECK_FALSE(is_forbidden_field(std::string(68, 'h')));  // 68 is 4 more than 64 bits
}

TEST_CASE("blanks around a value stay for the guest and go on the wire") {
  FieldMap map;
  REQUIRE(map.append("a", " \tx y\t "));
  REQUIRE(map.append("b", "   "));
  CHECK(map.values("a") == std::vector<std::string_view>{" \tx y\t "});
  CHECK(map.to_wire().lines() == std::vector<http::Field>{{"a", "x y"}, {"b", ""}});
  CHECK(map.take_wire().lines() == std::vector<http::Field>{{"a", "x y"}, {"b", ""}});
  CHECK(map.lines().empty());
}

TEST_CASE("a map is bounded, empty lines included") {
  FieldMap map;
  std::size_t lines = 0;
  Change last;
  while ((last = map.append("a", ""))) {
    ++lines;
  }
  CHECK(last.error() == FieldError::TooLarge);
  CHECK(lines == FieldMap::kMaxBytes / (FieldMap::kLineCharge + 1));
  CHECK(map.append("b", std::string(FieldMap::kMaxBytes, 'x')).error() == FieldError::TooLarge);
  CHECK(map.append(std::string(65'536, 'n'), "x").error() == FieldError::InvalidSyntax);
  CHECK(map.remove("a"));
  CHECK(map.append("b", "fits again"));
}

TEST_CASE("maps share the instance's account, and give back what they took") {
  HostMemory memory(300);
  {
    FieldMap first(memory);
    REQUIRE(first.append("a", "1"));  // 74 bytes
    CHECK(memory.used() == 74);
    auto second = first.copy(memory);
    REQUIRE(second);
    CHECK(memory.used() == 148);
    CHECK(second->append("b", std::string(100, 'x')).error() == FieldError::OutOfMemory);
    CHECK(second->append("b", std::string(79, 'x')));
    CHECK(memory.used() == 300);
    CHECK(first.copy(memory).error() == FieldError::OutOfMemory);
    FieldMap moved = std::move(*second);
    CHECK(memory.used() == 300);
    CHECK(moved.take_wire().size() == 2);
    CHECK(memory.used() == 74);
  }
  CHECK(memory.used() == 0);
}

}  // namespace
}  // namespace whorl::wasi
