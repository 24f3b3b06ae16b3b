#include "loader/glob.hpp"

#include "loader/test_support.hpp"

namespace whorl::loader {
namespace {

TEST_CASE("patterns against whole texts") {
  struct Row {
    std::string_view pattern;
    std::string_view text;
    bool expected;
  };
  const Row rows[] = {
      {"", "", true},
      {"", "a", false},
      {"a.txt", "a.txt", true},
      {"a.txt", "A.txt", false},
      {"a.txt", "a.txtx", false},
      {"?.txt", "\xC3\xA9.txt", true},
      {"?", "", false},
      {"*", "", true},
      {"*", ".hidden", true},
      {"*.txt", "st/a.txt", true},
      {"st/*", "st/a/b", true},
      {"st/*", "st", false},
      {"*a*b*", "xaxbx", true},
      {"*a*b*", "xbxax", false},
      {"**/*.txt", "a.txt", true},
      {"**/*.txt", "x/y/a.txt", true},
      {"**/a.txt", "xa.txt", false},
      {"x/**/a", "x/a", true},
      {"x/**/a", "x/y/z/a", true},
      {"x/**/a", "xa", false},
      {"st/**", "st/a/b", true},
      {"st/**", "st/", true},
      {"st/**", "st", false},
      {"**", "anything/at/all", true},
      {"[a-c]x", "bx", true},
      {"[a-c]x", "dx", false},
      {"[!a-c]x", "dx", true},
      {"[!a-c]x", "bx", false},
      {"[]]x", "]x", true},
      {"[[]x", "[x", true},
      {"[a-]x", "-x", true},
      {"a{b,c}", "a{b,c}", true},
      {"\\*", "\\x", true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.pattern);
    CAPTURE(row.text);
    const auto pattern = GlobPattern::parse(row.pattern);
    REQUIRE(pattern);
    CHECK(pattern->matches(row.text) == row.expected);
  }
  // A pattern that would take others for ever.
  const auto slow = GlobPattern::parse(std::string(50, '*').replace(0, 50, "*a*a*a*a*a*a*a*a*a*b"));
  CHECK_FALSE(slow->matches(std::string(5000, 'a')));
}

TEST_CASE("patterns that are none") {
  const auto message = [](std::string_view pattern, std::size_t offset) {
    const auto parsed = GlobPattern::parse(pattern, offset);
    return parsed ? std::string() : parsed.error().message();
  };
  const std::string near = "Pattern syntax error near position ";
  CHECK(message("***", 0) == near + "2: wildcards are either regular `*` or recursive `**`");
  CHECK(message("a**", 10) == near + "10: recursive wildcards must form a single path component");
  CHECK(message("**a", 0) == near + "2: recursive wildcards must form a single path component");
  CHECK(message("x/[y", 5) == near + "7: invalid range pattern");
  CHECK(message("[]", 0) == near + "0: invalid range pattern");
  CHECK(message("[!]", 0) == near + "0: invalid range pattern");
}

std::string finds(const TestFolder& folder, std::string_view pattern, GlobLimits limits = {}) {
  auto found = glob_files(folder.root(), pattern, limits);
  if (!found) {
    return found.error().message();
  }
  std::string out;
  for (const std::string& path : *found) {
    out += (out.empty() ? "" : " ") + path;
  }
  return out;
}

TEST_CASE("files that a pattern finds") {
  const TestFolder folder;
  for (const std::string_view name :
       {"a.txt", ".hidden", "st/1.txt", "st/.h", "st/sub/2.txt", "[x].txt", "out/o.txt"}) {
    folder.write(name, "x");
  }
  folder.link("link.txt", "st/1.txt");
  folder.link("away", "out");
  folder.link("broken", "nowhere");
  folder.link("st/loop", ".");
  struct Row {
    std::string_view pattern;
    std::string_view expected;
  };
  const Row rows[] = {
      {"*", ".hidden [x].txt a.txt link.txt"},
      {"./*.txt", "[x].txt a.txt link.txt"},
      {"st/*", "st/.h st/1.txt"},
      {"st/./*.txt", "st/1.txt"},
      {"s?/[0-9].txt", "st/1.txt"},
      {"away/*", "away/o.txt"},
      {"st/loop/1.txt", "st/loop/1.txt"},
      {"**/2.txt", "st/sub/2.txt"},
      {"**/*.txt", "[x].txt a.txt link.txt away/o.txt out/o.txt st/1.txt st/sub/2.txt"},
      {"st/**/**/1.txt", "st/1.txt"},
      {"st/../a.*", "st/../a.txt"},
      {"st/**", ""},
      {"**", ""},
      {"*/", ""},
      {"nope/*", ""},
      {"", ""},
      {"a.txt/*", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.pattern);
    CHECK(finds(folder, row.pattern) == row.expected);
  }
  CHECK(finds(folder, "[[]x].txt") == "[x].txt");
  CHECK(
      finds(folder, "a**") == "Pattern syntax error near position " +
                                  std::to_string(folder.root().size() + 1) +
                                  ": recursive wildcards must form a single path component"
  );
}

TEST_CASE("trees of links that never end are given up") {
  const TestFolder folder;
  // Each folder leads twice into the next one: two to the power of the depth.
  constexpr int kDepth = 20;
  for (int i = 0; i < kDepth; ++i) {
    const std::string name = "d" + std::to_string(i);
    folder.write(name + "/f", "x");
    folder.link(name + "/l", "../d" + std::to_string(i + 1));
    folder.link(name + "/r", "../d" + std::to_string(i + 1));
  }
  CHECK(finds(folder, "d0/**/f", {.files = 100}) == "the pattern matches more than 100 files");
  CHECK(
      finds(folder, "d0/**/g", {.folders = 100}) ==
      "the pattern leads through more than 100 folders"
  );
}

}  // namespace
}  // namespace whorl::loader
