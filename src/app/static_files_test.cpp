#include "app/static_files.hpp"

#include <doctest/doctest.h>

namespace whorl::app {
namespace {

Component component_with(Value::Table settings) {
  Component component{.id = "site"};
  component.mounts.push_back({.host_path = "/tmp/x", .guest_path = "/public"});
  component.metadata = Value(Value::Table{});
  component.metadata.set(
      kOwnTool, Value(Value::Table{{"static_files", Value(std::move(settings))}})
  );
  return component;
}

TEST_CASE("a component that asks for nothing gets nothing") {
  Component component;
  CHECK_FALSE(*static_files(component));
  component.metadata = Value(Value::Table{});
  CHECK_FALSE(*static_files(component));
  component.metadata.set(kOwnTool, Value(Value::Table{}));
  CHECK_FALSE(*static_files(component));
}

TEST_CASE("settings and their defaults") {
  const auto plain = static_files(component_with({{"path", Value(std::string("/public"))}}));
  REQUIRE(plain);
  CHECK(**plain == StaticFiles{.path = "/public"});
  const auto all = static_files(component_with({
      {"path", Value(std::string("/public/site"))},
      {"index", Value(std::string("home.htm"))},
      {"missing", Value(std::string("/app/index.html"))},
      {"cache_control", Value(std::string("public, max-age=60"))},
  }));
  REQUIRE(all);
  CHECK(
      **all ==
      StaticFiles{
          .path = "/public/site",
          .index = "home.htm",
          .missing = StaticFiles::Missing::File,
          .missing_file = "/app/index.html",
          .cache_control = "public, max-age=60",
      }
  );
  CHECK(
      (*static_files(component_with(
           {{"path", Value(std::string("/public"))}, {"missing", Value(std::string("404"))}}
       )))->missing == StaticFiles::Missing::NotFound
  );
}

TEST_CASE("what is wrong is named") {
  struct Case {
    std::string_view key;
    Value value;
    std::string_view message;
  };
  for (const Case& c : {
           Case{"path", Value(std::string("public")), "`path` is no absolute path: \"public\""},
           Case{"path", Value(std::string("/a/../b")), "`path` is no absolute path: \"/a/../b\""},
           Case{"path", Value(std::string("/a//b")), "`path` is no absolute path: \"/a//b\""},
           Case{
               "path",
               Value(std::string("/public2")),
               "the folder \"/public2\" is in none of the component's `files`"
           },
           Case{"path", Value(true), "`path` is boolean `true`, not a string"},
           Case{"index", Value(std::string("../x")), "`index` is no name of a file: \"../x\""},
           Case{
               "missing",
               Value(std::string("x")),
               "`missing` is none of \"component\", \"404\" and the absolute path of a file"
           },
           Case{
               "cache_control",
               Value(std::string("a\r\nb: c")),
               "`cache_control` cannot stand in a header"
           },
           Case{
               "spa",
               Value(std::string("x")),
               "unknown key `spa`, expected one of `path`, `index`, `missing`, `cache_control`"
           },
       }) {
    const auto read = static_files(component_with({{std::string(c.key), c.value}}));
    REQUIRE_FALSE(read);
    CHECK(read.error().message() == c.message);
  }
}

}  // namespace
}  // namespace whorl::app
