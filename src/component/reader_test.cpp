#include "component/reader.hpp"

#include <doctest/doctest.h>

#include <limits>

namespace whorl::component {
namespace {

using Row = std::vector<std::uint8_t>;

TEST_CASE("LEB128 numbers: values, padding, width") {
  struct Unsigned {
    Row bytes;
    std::optional<std::uint32_t> value;
  };
  const Unsigned rows[] = {
      {{0x00}, 0},
      {{0x7f}, 127},
      {{0x80, 0x01}, 128},
      {{0xff, 0xff, 0xff, 0xff, 0x0f}, 0xffffffff},
      {{0x81, 0x80, 0x80, 0x80, 0x00}, 1},
      {{0x81, 0x80, 0x80, 0x80, 0x70}, {}},
      {{0x80, 0x80, 0x80, 0x80, 0x10}, {}},
      {{0x80, 0x80, 0x80, 0x80, 0x80, 0x00}, {}},
      {{0x80}, {}},
      {{}, {}},
  };
  for (const Unsigned& row : rows) {
    CAPTURE(row.bytes);
    Reader in(row.bytes);
    const auto got = in.u32("a number");
    REQUIRE(got.has_value() == row.value.has_value());
    if (row.value) {
      CHECK(*got == *row.value);
      CHECK(in.at_end());
    }
  }
  struct Signed {
    Row bytes;
    std::optional<std::int64_t> value;
  };
  const Signed signed_rows[] = {
      {{0x00}, 0},
      {{0x7f}, -1},
      {{0x3f}, 63},
      {{0x40}, -64},
      {{0xc0, 0x00}, 64},
      {{0xff, 0xff, 0xff, 0xff, 0x0f}, 0xffffffffLL},
      {{0x80, 0x80, 0x80, 0x80, 0x70}, -4294967296LL},
      {{0x80, 0x80, 0x80, 0x80, 0x20}, {}},
  };
  for (const Signed& row : signed_rows) {
    CAPTURE(row.bytes);
    Reader in(row.bytes);
    const auto got = in.s33("a number");
    REQUIRE(got.has_value() == row.value.has_value());
    if (row.value) {
      CHECK(*got == *row.value);
    }
  }
  const Row minimum = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f};
  CHECK(*Reader(minimum).s64("a number") == std::numeric_limits<std::int64_t>::min());
  const Row maximum = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
  CHECK(*Reader(maximum).u64("a number") == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("failures say where and what was expected") {
  const Row bytes = {0x03, 'a', 'b', 0xff};
  Reader in(bytes, 0x100);
  CHECK(in.name("a label").error().message() == "at byte 0x100: a label is not valid UTF-8");
  Reader again(bytes, 0x100);
  CHECK(*again.byte("a code") == 3);
  CHECK(
      again.take(9, "a body").error().message() ==
      "at byte 0x101: a body should be 9 bytes long, but only 3 follow"
  );
  CHECK(
      Reader(bytes, 7).count("types", 2).error().message() ==
      "at byte 0x7: types: 3 is more than the limit of 2"
  );
  const Row announced = {0x05, 0x00};
  CHECK(
      Reader(announced).count("types", 10).error().message() ==
      "at byte 0x0: types: 5 items announced, but only 1 bytes follow"
  );
  CHECK(
      Reader(Row{}, 4).byte("a type").error().message() ==
      "at byte 0x4: expected a type, but the bytes end here"
  );
  Reader rest(announced);
  CHECK(
      rest.expect_end("the section").error().message() ==
      "at byte 0x0: the section has 2 bytes left over at its end"
  );
}

TEST_CASE("text from files is made fit for messages") {
  CHECK(printable("plain-1") == "plain-1");
  CHECK(printable(std::string_view("a\nb\x80", 4)) == "a\\x0ab\\x80");
  CHECK(printable(std::string(300, 'x')) == std::string(200, 'x') + "…");
}

}  // namespace
}  // namespace whorl::component
