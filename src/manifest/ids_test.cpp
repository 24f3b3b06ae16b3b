#include "manifest/ids.hpp"

#include "manifest/nearest.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>

namespace whorl::manifest {
namespace {

TEST_CASE("component ids") {
  struct Row {
    std::string_view id;
    std::string_view why;  ///< empty: it is one
  };
  static constexpr Row kRows[] = {
      {"a", ""},
      {"hello-world2", ""},
      {"HTTP-api", ""},
      {"", "empty"},
      {"r_x", "words must be separated with '-', not '_'"},
      {"a-_b", "words must be separated with '-', not '_'"},
      {"r--x", "'-'-separated words must not be empty"},
      {"-x", "'-'-separated words must not be empty"},
      {"x-", "'-'-separated words must not be empty"},
      {"a-2", "'-'-separated words must start with an ASCII letter; got '2'"},
      {"1a", "'-'-separated words must start with an ASCII letter; got '1'"},
      {"a-\xC3\xA9", "'-'-separated words must start with an ASCII letter; got '\xC3\xA9'"},
      {"a+", "'-'-separated words may only contain alphanumeric ASCII; got '+'"},
      {"a b", "'-'-separated words may only contain alphanumeric ASCII; got ' '"},
      {"aB", "'-'-separated words must be all lowercase or all UPPERCASE; got \"aB\""},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.id);
    CHECK(why_no_component_id(row.id).value_or("") == row.why);
  }
}

TEST_CASE("variable names") {
  CHECK_FALSE(why_no_variable_name("api_key2"));
  CHECK(
      why_no_variable_name("Api") ==
      "'_'-separated words must be all lowercase or all UPPERCASE; got \"Api\""
  );
  CHECK(why_no_variable_name("API") == "Lower-case identifiers must be all lowercase; got \"API\"");
  CHECK(why_no_variable_name("a-b") == "words must be separated with '_', not '-'");
  CHECK(why_no_variable_name("_a") == "'_'-separated words must not be empty");
}

TEST_CASE("labels") {
  for (const std::string_view label : {"default", "a-b", "a_b", "A_b", "AB"}) {
    CAPTURE(label);
    CHECK(is_label(label));
  }
  for (const std::string_view label : {"", "a_b-c", "a b", "a+b", "-a", "a_"}) {
    CAPTURE(label);
    CHECK_FALSE(is_label(label));
  }
}

TEST_CASE("edit distance") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("source", "sauce") == 2);
  CHECK(edit_distance("sources", "source") == 1);
  CHECK(edit_distance("uosrce", "source") == 2);
  CHECK(edit_distance("ab", "ba") == 1);
  CHECK(edit_distance(std::string(65, 'a'), "a") == 65);
}

TEST_CASE("the nearest word") {
  static constexpr std::array<std::string_view, 3> kWords{"source", "description", "environment"};
  CHECK(nearest("sauce", kWords) == "source");
  CHECK(nearest("sources", kWords) == "source");
  CHECK(nearest("descriptions", kWords) == "description");
  CHECK(nearest("env", kWords) == std::nullopt);
  CHECK(nearest("", kWords) == std::nullopt);
}

}  // namespace
}  // namespace whorl::manifest
