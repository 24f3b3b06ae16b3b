#include "http/fields.hpp"

#include <doctest/doctest.h>

namespace whorl::http {
namespace {

using namespace std::string_view_literals;

TEST_CASE("names are compared without regard to ASCII case") {
  Fields fields;
  fields.append("Content-Type", "a");
  fields.append("x", "1");
  fields.append("content-type", "b");
  CHECK(fields.find("CONTENT-TYPE") == "a");
  CHECK_FALSE(fields.contains("content-typ"));
  CHECK(fields.total_bytes() == 13 + 2 + 13);
  CHECK(fields.remove("Content-type") == 2);
  CHECK(fields.size() == 1);
  CHECK_FALSE(equals_ignoring_case("\xc4", "\xe4"));
}

TEST_CASE("tokens") {
  for (const auto good : {"a"sv, "!#$%&'*+-.^_`|~09AZaz"sv}) {
    CHECK(is_token(good));
  }
  for (const auto bad : {""sv, " "sv, "a b"sv, "a:"sv, "a\0"sv, "\x80"sv, "a("sv, "[]"sv}) {
    CHECK_FALSE(is_token(bad));
  }
}

TEST_CASE("field values") {
  for (const auto good : {""sv, "a"sv, "a\tb"sv, "a b"sv, "\x80\xff"sv, "\"{}"sv}) {
    CHECK(is_field_value(good));
  }
  for (const auto bad : {" a"sv, "a "sv, "\ta"sv, "a\0"sv, "a\r"sv, "a\nb"sv, "\x7f"sv, "\x1b"sv}) {
    CHECK_FALSE(is_field_value(bad));
  }
}

}  // namespace
}  // namespace whorl::http
