#include "cli/values.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace whorl::cli {
namespace {

using std::chrono::milliseconds;

TEST_CASE("addresses") {
  struct Row {
    std::string_view text;
    std::string_view expected;  ///< the address, or why it is none
  };
  static constexpr Row kRows[] = {
      {"127.0.0.1:3000", "127.0.0.1:3000"},
      {"0.0.0.0:0", "0.0.0.0:0"},
      {"[::1]:80", "[::1]:80"},
      {"[0:0::1]:80", "[::1]:80"},
      {"::1:80", "[::1]:80"},
      {"localhost:65535", "127.0.0.1:65535"},
      {"3000", "invalid socket address"},
      {"", "invalid socket address"},
      {"localhost", "invalid socket address"},
      {"[localhost]:80", "invalid socket address"},
      {"[::1]:x", "invalid port value"},
      {"1.2.3.4:99999", "invalid port value"},
      {"1.2.3.4:", "invalid port value"},
      {"1.2.3.4:-1", "invalid port value"},
      {":3000", "failed to lookup address information: Name or service not known"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    auto address = parse_listen_address(row.text);
    CHECK((address ? address->to_text() : address.error().message()) == row.expected);
  }
}

TEST_CASE("numbers") {
  CHECK(*parse_number("0") == 0);
  CHECK(*parse_number("18446744073709551615") == UINT64_MAX);
  CHECK(parse_number("").error().message() == "cannot parse integer from empty string");
  CHECK(parse_number("12x").error().message() == "invalid digit found in string");
  CHECK(parse_number("-1").error().message() == "invalid digit found in string");
  CHECK(
      parse_number("18446744073709551616").error().message() ==
      "number too large to fit in target type"
  );
}

TEST_CASE("switches") {
  for (const std::string_view text : {"1", "true", "YES", "on", "t", "y"}) {
    CHECK(*parse_switch(text));
  }
  for (const std::string_view text : {"0", "False", "no", "OFF", "f", "n"}) {
    CHECK_FALSE(*parse_switch(text));
  }
  CHECK(parse_switch("banana").error().message() == "value was not a boolean");
  CHECK_FALSE(parse_switch(""));
}

TEST_CASE("numbers that are drawn from a range") {
  using Counts = DrawnFrom<std::uint32_t>;
  CHECK(*parse_counts("7") == Counts{7, 7});
  CHECK(*parse_counts("0") == Counts{1, 1});
  CHECK(*parse_counts("1..8") == Counts{1, 7});
  CHECK(*parse_counts("0..1") == Counts{1, 1});
  CHECK(*parse_counts("1000000") == Counts{1'000'000, 1'000'000});
  for (const std::string_view wrong :
       {"", "x", "-1", "1..", "..3", "1...3", "3..3", "5..2", "1000001"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_counts(wrong));
  }
  CHECK(parse_counts("5..2").error().message() == "there is nothing in the range \"5..2\"");

  using Times = DrawnFrom<milliseconds>;
  CHECK(*parse_durations("2") == Times{milliseconds(2000), milliseconds(2000)});
  // Each end has its own unit.
  CHECK(*parse_durations("1..8s") == Times{milliseconds(1000), milliseconds(7999)});
  CHECK(*parse_durations("5ms..8ms") == Times{milliseconds(5), milliseconds(7)});
  CHECK_FALSE(parse_durations("5..2s"));
  CHECK_FALSE(parse_durations("1..x"));
}

TEST_CASE("durations") {
  struct Row {
    std::string_view text;
    milliseconds expected;
  };
  static constexpr Row kRows[] = {
      {"30", milliseconds(30'000)},
      {"30s", milliseconds(30'000)},
      {"0", milliseconds(0)},
      {"250ms", milliseconds(250)},
      {"1500us", milliseconds(2)},
      {"1\xCE\xBCs", milliseconds(1)},
      {"2000000ns", milliseconds(2)},
      {"316224000", milliseconds(316'224'000'000)},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    CHECK(*parse_duration(row.text) == row.expected);
  }
  CHECK(
      parse_duration("5m").error().message() ==
      "expected integer suffixed by `s`, `ms`, `us`, `\xCE\xBCs`, or `ns`; got \"5m\"; invalid "
      "digit found in string"
  );
  CHECK_FALSE(parse_duration(""));
  CHECK_FALSE(parse_duration("s"));
  CHECK_FALSE(parse_duration("1.5"));
  CHECK_FALSE(parse_duration("-1s"));
  CHECK_FALSE(parse_duration("316224001"));
  CHECK_FALSE(parse_duration("18446744073709551615s"));
}

TEST_CASE("environment pairs") {
  const auto pair = parse_environment("a=b=c");
  REQUIRE(pair);
  CHECK(pair->first == "a");
  CHECK(pair->second == "b=c");
  CHECK(parse_environment("=x")->first.empty());
  CHECK(
      parse_environment("NOVALUE").error().message() ==
      "Environment variable must be of the form `key=value`"
  );
}

}  // namespace
}  // namespace whorl::cli
