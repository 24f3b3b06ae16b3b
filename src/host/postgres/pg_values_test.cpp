#include "host/postgres/pg_values.hpp"

#include "wit/fermyon_spin_rdbms_types.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

namespace whorl::host::postgres {
namespace {

using P = v4::ParameterValue;
using V = v4::DbValue;
constexpr auto kIn = v4::RangeBoundKind::Inclusive;
constexpr auto kEx = v4::RangeBoundKind::Exclusive;

template <class Parameter>
std::string text(const Parameter& parameter) {
  const auto made = text_of_parameter(parameter);
  return !made ? "wrong: " + made.error() : made->value_or("NULL");
}

TEST_CASE("parameters as texts") {
  using namespace std::string_literals;
  CHECK(text(P::boolean(true)) == "t");
  CHECK(text(P::int8(-5)) == "-5");
  CHECK(text(P::int64(INT64_MIN)) == "-9223372036854775808");
  CHECK(text(P::floating32(0.1F)) == "0.1");
  CHECK(text(P::floating64(1e300)) == "1e+300");
  CHECK(text(P::floating64(-HUGE_VAL)) == "-Infinity");
  CHECK(text(P::floating64(std::nan(""))) == "NaN");
  CHECK(text(P::str("a'b")) == "a'b");
  CHECK(text(P::str("a\0b"s)).starts_with("wrong: "));
  CHECK(text(P::binary({0, 0xff})) == "\\x00ff");
  CHECK(text(P::date({2024, 2, 29})) == "2024-02-29");
  CHECK(text(P::date({0, 1, 1})) == "0001-01-01 BC");
  CHECK(text(P::date({2024, 13, 1})).starts_with("wrong: "));
  CHECK(text(P::time({1, 2, 3, 4'000'000})) == "01:02:03.004000");
  CHECK(text(P::time({24, 0, 0, 0})).starts_with("wrong: "));
  CHECK(text(P::datetime({2024, 1, 2, 3, 4, 5, 6000})) == "2024-01-02 03:04:05.000006+00");
  CHECK(text(P::timestamp(0)) == "1970-01-01 00:00:00.000000+00");
  CHECK(text(P::timestamp(INT64_MAX)).starts_with("wrong: "));
  CHECK(text(P::uuid("x")) == "x");
  CHECK(text(P::jsonb({'{', '}'})) == "{}");
  CHECK(text(P::decimal("1.50")) == "1.50");
  CHECK(text(P::range_int32({std::tuple(1, kIn), std::tuple(5, kEx)})) == "[1,5)");
  CHECK(text(P::range_int64({std::nullopt, std::nullopt})) == "(,)");
  CHECK(text(P::range_decimal({std::tuple("1.5"s, kEx), std::nullopt})) == "(\"1.5\",)");
  CHECK(text(P::array_int32({{1, std::nullopt, -2}})) == "{1,NULL,-2}");
  CHECK(text(P::array_str({{"a\"b\\", "", std::nullopt}})) == "{\"a\\\"b\\\\\",\"\",NULL}");
  CHECK(text(P::interval({1, 2, 3})) == "3 months 2 days 1 microseconds");
  CHECK(text(P::db_null()) == "NULL");
  using P2 = wit::fermyon_spin_rdbms_types::ParameterValue;
  CHECK(text(P2::uint64(UINT64_MAX)) == "18446744073709551615");
  CHECK(text(P2::uint8(200)) == "200");
}

TEST_CASE("numbers of any length") {
  const struct {
    Bytes bytes;
    std::string_view text;
  } cases[] = {
      {{0, 0, 0, 0, 0, 0, 0, 0}, "0"},
      {{0, 1, 0, 0, 0, 0, 0, 0, 0, 42}, "42"},
      {{0, 2, 0, 1, 0x40, 0, 0, 0, 0, 1, 0x09, 0x29}, "-12345"},
      {{0, 2, 0, 0, 0, 0, 0, 2, 0, 1, 0x13, 0x88}, "1.50"},
      {{0, 1, 0xff, 0xff, 0, 0, 0, 3, 0, 10}, "0.001"},
      {{0, 1, 0xff, 0xfe, 0, 0, 0, 6, 0x04, 0xd2}, "0.000012"},
      {{0, 1, 0, 2, 0, 0, 0, 0, 0, 1}, "100000000"},
      {{0, 0, 0, 0, 0xc0, 0, 0, 0}, "NaN"},
  };
  for (const auto& [bytes, expected] : cases) {
    const auto value = decode(1700, bytes);
    REQUIRE(value);
    CHECK(*value == V::decimal(std::string(expected)));
  }
}

TEST_CASE("dates and times") {
  CHECK(*decode(1082, Bytes{0, 0, 0, 0}) == V::date({2000, 1, 1}));
  CHECK(*decode(1082, Bytes{0xff, 0xff, 0xff, 0xff}) == V::date({1999, 12, 31}));
  CHECK(*decode(1083, Bytes{0, 0, 0, 0, 0, 0, 0, 1}) == V::time({0, 0, 0, 1000}));
  CHECK(
      *decode(1114, Bytes{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}) ==
      V::datetime({1999, 12, 31, 23, 59, 59, 999'999'000})
  );
  CHECK_FALSE(decode(1082, Bytes{0x7f, 0xff, 0xff, 0xff}));  // infinity
  CHECK_FALSE(decode(1114, Bytes{0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}));
}

TEST_CASE("whatever the bytes, nothing is read beyond them") {
  const unsigned seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::uint32_t oids[] = {16,   17,   20,   21,   23,   25,   700,  701,
                                1007, 1009, 1016, 1082, 1083, 1114, 1186, 1231,
                                1700, 2950, 3802, 3904, 3906, 3926, 1};
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes(random() % 48);
    for (auto& byte : bytes) {
      byte = static_cast<std::uint8_t>(random() % 4 == 0 ? random() : random() % 3);
    }
    // On the heap with no room to spare, so that sanitizers see an overrun.
    const Bytes exact(bytes.begin(), bytes.end());
    static_cast<void>(decode(oids[random() % std::size(oids)], exact));
  }
}

}  // namespace
}  // namespace whorl::host::postgres
