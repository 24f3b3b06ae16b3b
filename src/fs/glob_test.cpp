#include "fs/glob.hpp"

#include <doctest/doctest.h>

namespace whorl::fs {
namespace {

TEST_CASE("what patterns match") {
  struct Case {
    std::string_view pattern;
    std::string_view path;
    bool is_match;
  };
  for (const Case& at : std::initializer_list<Case>{
           {"a", "a", true},
           {"a", "b", false},
           {"a", "a/b", false},
           {"/x/a", "/x/a", true},
           {"*.c", "main.c", true},
           {"*.c", ".c", true},
           {"*.c", "src/main.c", false},
           {"src/*.c", "src/main.c", true},
           {"src/*", "src/a/b", false},
           {"src/**/*.c", "src/main.c", true},
           {"src/**/*.c", "src/a/b/main.c", true},
           {"src/**/*.c", "src/a/b/main.h", false},
           {"src/**/*.c", "other/main.c", false},
           {"**/*.rs", "main.rs", true},
           {"**/*.rs", "a/b/main.rs", true},
           {"src/**", "src/a", true},
           {"src/**", "src/a/b", true},
           {"**/a/**/b", "x/a/y/z/b", true},
           {"**/a/**/b", "x/y/z/b", false},
           {"?.c", "a.c", true},
           {"?.c", "ab.c", false},
           {"[a-c].c", "b.c", true},
           {"[a-c].c", "d.c", false},
           {"[!a-c].c", "d.c", true},
           {"[]x].c", "].c", true},
           {"[a.c", "[a.c", true},
           {"*.{c,h}", "a.h", true},
           {"*.{c,h}", "a.o", false},
           {"{src,lib/{x,y}}/*.c", "lib/y/a.c", true},
           {"{src,lib/{x,y}}/*.c", "lib/z/a.c", false},
           {"{,x}a", "a", true},
           {"./src/../lib/*.c", "lib/a.c", true},
           {"a*b*c*d", "a-b-b-c-c-d", true},
           {"a*b*c*d", "a-b-b-c-c-e", false},
           {"*", "", true}
       }) {
    CAPTURE(at.pattern);
    CAPTURE(at.path);
    const auto glob = Glob::parse(at.pattern);
    REQUIRE(glob);
    CHECK(glob->matches(at.path) == at.is_match);
  }
}

TEST_CASE("where matches can be") {
  const auto roots = [](std::string_view pattern) { return Glob::parse(pattern)->roots(); };
  using Root = Glob::Root;
  CHECK(roots("a") == std::vector<Root>{{"", false}});
  CHECK(roots("/a") == std::vector<Root>{{"/", false}});
  CHECK(roots("/x/y/a.c") == std::vector<Root>{{"/x/y", false}});
  CHECK(roots("/x/y/*.c") == std::vector<Root>{{"/x/y", false}});
  CHECK(roots("/x/**/*.c") == std::vector<Root>{{"/x", true}});
  CHECK(roots("/x/*/y.c") == std::vector<Root>{{"/x", true}});
  CHECK(roots("/x/**") == std::vector<Root>{{"/x", true}});
  CHECK(roots("/x/{a,b/c}.c") == std::vector<Root>{{"/x", false}, {"/x/b", false}});
}

TEST_CASE("patterns that are refused") {
  CHECK_FALSE(Glob::parse("{a,b"));
  CHECK_FALSE(Glob::parse("{a"));
  CHECK_FALSE(Glob::parse("{a,{b}"));
  CHECK_FALSE(Glob::parse(std::string(5000, 'a')));
  std::string many;
  for (int i = 0; i < 12; ++i) {
    many += "{a,b}";
  }
  CHECK_FALSE(Glob::parse(many));
}

TEST_CASE("patterns with many stars take their time and end") {
  std::string pattern;
  std::string path;
  for (int i = 0; i < 100; ++i) {
    pattern += "**/a*a*a*b/";
    path += "aaaaaaaaaaaaaaaaaaaa/";
  }
  CHECK_FALSE(Glob::parse(pattern + "x")->matches(path + "y"));
}

}  // namespace
}  // namespace whorl::fs
