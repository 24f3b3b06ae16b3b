#include "cli/variable_flags.hpp"

#include "fs/file.hpp"
#include "fs/test_folder.hpp"

#include <doctest/doctest.h>

namespace whorl::cli {
namespace {

using Values = host::variables::StaticProvider::Values;

TEST_CASE("forms of --variable") {
  for (const std::string_view good :
       {"a=b", "a=", "=", "a=b=c", "a=@file", "@x.json", "@d/x.toml"}) {
    CAPTURE(good);
    CHECK(check_variable(good));
  }
  CHECK(
      check_variable("novalue").error().message() ==
      "variables must be in the form 'key=value' or '@file'"
  );
  for (const std::string_view bad : {"@x", "@", "@x.yaml", "@.json"}) {
    CAPTURE(bad);
    REQUIRE_FALSE(check_variable(bad));
    CHECK(check_variable(bad).error().message() == "variable files must end in .json or .toml");
  }
}

TEST_CASE("values of --variable") {
  const fs::test::TestFolder folder;
  const std::string json = folder.write("v.json", R"({"a": "json", "b": "\u00fc"})");
  const std::string toml = folder.write("v.toml", "a = 'toml'\nc = \"\"\"x\ny\"\"\"\n");
  const std::string text = folder.write("v.txt", "line\n");
  const auto read = [](std::vector<std::string> texts) { return *read_variables(texts); };
  CHECK(read({"a=1", "b=x=y", "a=2"}) == Values{{"a", "2"}, {"b", "x=y"}});
  CHECK(read({"a=1", "@" + json}) == Values{{"a", "json"}, {"b", "\xC3\xBC"}});
  CHECK(read({"@" + json, "@" + toml, "b=z"}) == Values{{"a", "toml"}, {"b", "z"}, {"c", "x\ny"}});
  CHECK(read({"t=@" + text}) == Values{{"t", "line\n"}});
}

TEST_CASE("files of --variable that cannot be used") {
  const fs::test::TestFolder folder;
  const auto message = [&](std::string_view name, std::string_view content) {
    const std::string path = folder.write(name, content);
    const std::vector<std::string> texts{"@" + path};
    const auto read = read_variables(texts);
    REQUIRE_FALSE(read);
    std::string line = read.error().to_line();
    CHECK(!line.contains("s3cret"));
    return line.erase(line.find('"'), path.size() + 2);
  };
  CHECK(
      message("v.json", R"({"a": 1})") ==
      "Failed to parse JSON from .: the value of `a` is not a string"
  );
  CHECK(
      message("v.json", R"(["s3cret"])") ==
      "Failed to parse JSON from .: the file does not hold a map"
  );
  CHECK(message("v.json", R"({"a": "s3cret)").starts_with("Failed to parse JSON from .: "));
  CHECK(message("v.json", std::string(100'000, '[')).starts_with("Failed to parse JSON from .: "));
  CHECK(
      message("v.toml", "a = 's3cret") ==
      "Failed to parse TOML from .: TOML parse error at line 1, column 12"
  );
  CHECK(
      message("v.toml", "[a]\nb = 's3cret'") ==
      "Failed to parse TOML from .: the value of `a` is not a string"
  );
  const std::vector<std::string> missing{"a=@/nosuch/file"};
  CHECK(
      read_variables(missing).error().to_line() ==
      "Failed to read \"/nosuch/file\".: No such file or directory (os error 2)"
  );
}

}  // namespace
}  // namespace whorl::cli
