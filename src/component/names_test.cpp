#include "component/names.hpp"

#include <doctest/doctest.h>

namespace whorl::component {
namespace {

TEST_CASE("labels are kebab-case words or acronyms") {
  for (const char* good :
       {"a",
        "a-b-c",
        "a1-2-3",
        "A",
        "A-B-C",
        "A1-2-3",
        "a11-w0rds",
        "A11-4CR0NYMS",
        "m1x3d-4CR0NYMS",
        "is-XML",
        "get-keys"}) {
    CAPTURE(good);
    CHECK(is_label(good));
  }
  for (const char* bad :
       {"", "1", "1-2-3", "-a", "a-", "a--b", "Foo", "fOO", "a_b", "a.b", "a b", "é", "a-Bc"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_label(bad));
  }
}

TEST_CASE("names of imports and exports") {
  using Kind = ExternName::Kind;
  struct Row {
    const char* text;
    Kind kind;
    const char* resource;
    const char* label;
    const char* interface;
    const char* version;
  };
  const Row rows[] = {
      {"get-keys", Kind::Label, "", "get-keys", "", ""},
      {"[constructor]fields", Kind::Constructor, "fields", "", "", ""},
      {"[method]fields.append", Kind::Method, "fields", "append", "", ""},
      {"[static]fields.from-list", Kind::Static, "fields", "from-list", "", ""},
      {"wasi:http/types", Kind::Interface, "", "", "wasi:http/types", ""},
      {"wasi:http/types@0.2.4", Kind::Interface, "", "", "wasi:http/types", "0.2.4"},
      {"wasi:http/types@0.2", Kind::Interface, "", "", "wasi:http/types", "0.2"},
      {"wasi:http/types@0.3.0-rc-2026-03-15",
       Kind::Interface,
       "",
       "",
       "wasi:http/types",
       "0.3.0-rc-2026-03-15"},
      {"my-org:a-b/C-d@1.0.0+build.7", Kind::Interface, "", "", "my-org:a-b/C-d", "1.0.0+build.7"},
      {"unlocked-dep=<a:b@{>=1.0.0}>", Kind::Url, "", "", "", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto name = parse_extern_name(row.text);
    REQUIRE(name.has_value());
    CHECK(name->kind == row.kind);
    CHECK(name->resource == row.resource);
    CHECK(name->label == row.label);
    CHECK(name->interface == row.interface);
    CHECK(name->version == row.version);
  }
  for (const char* bad :
       {"",
        "Foo",
        "[method]a",
        "[method]a.b.c",
        "[method]a.",
        "[constructor]",
        "[constructor]a.b",
        "[unknown]a",
        "a:b",
        "a/b",
        "a:b/c@",
        "a:b/c@1.x",
        "A:b/c",
        "a:B/c",
        "a:b/c/d",
        "a:b:c/d",
        "a:b/c@1.0.0@2.0.0",
        "url=x"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_extern_name(bad).has_value());
  }
}

TEST_CASE("names of one scope must differ in more than case and annotation") {
  struct Row {
    const char* a;
    const char* b;
    bool same;
  };
  const Row rows[] = {
      {"foo", "FOO", true},
      {"foo-bar", "foo-BAR", true},
      {"[method]foo.bar", "[static]foo.bar", true},
      {"[method]foo.foo", "foo", true},
      {"[static]foo-BAR.FOO-bar", "foo-bar", true},
      {"[constructor]foo", "[constructor]FOO", true},
      {"[constructor]foo", "foo", false},
      {"[method]foo.bar", "[method]foo.baz", false},
      {"foo:bar/baz", "foo:bar/BAZ", true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.a);
    CAPTURE(row.b);
    CHECK((uniqueness_key(row.a) == uniqueness_key(row.b)) == row.same);
  }
}

TEST_CASE("semantic versions: validity and precedence") {
  for (const char* bad :
       {"",
        "1",
        "1.2",
        "01.2.3",
        "1.02.3",
        "1.2.3-",
        "1.2.3-01",
        "1.2.3-a..b",
        "1.2.3+",
        "v1.2.3",
        "1.2.3 ",
        "1.2.99999999999999999999",
        "-1.2.3"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_semver(bad).has_value());
  }
  const char* const ascending[] = {
      "0.0.1",
      "0.2.0-rc-2023-11-10",
      "0.2.0",
      "0.2.9",
      "0.2.12",
      "1.0.0-alpha",
      "1.0.0-alpha.1",
      "1.0.0-alpha.beta",
      "1.0.0-beta",
      "1.0.0-beta.2",
      "1.0.0-beta.11",
      "1.0.0-rc.1",
      "1.0.0",
      "1.0.1",
      "2.0.0",
  };
  for (std::size_t i = 0; i + 1 < std::size(ascending); ++i) {
    CAPTURE(ascending[i]);
    CHECK(*parse_semver(ascending[i]) < *parse_semver(ascending[i + 1]));
    CHECK(*parse_semver(ascending[i]) == *parse_semver(ascending[i]));
  }
  CHECK(*parse_semver("1.0.0+a") == *parse_semver("1.0.0+b"));
}

TEST_CASE("compatibility tracks") {
  struct Row {
    const char* version;
    const char* key;
  };
  const Row rows[] = {
      {"1.2.3", "1"},
      {"0.2.4", "0.2"},
      {"0.0.3", ""},
      {"0.2.0-rc.1", ""},
      {"", ""},
      {"junk", ""},
      {"0.2", "0.2"},
      {"1", "1"},
      {"0.0.1", ""},
      {"0", ""},
      {"10.0.0", "10"}
  };
  for (const Row& row : rows) {
    CAPTURE(row.version);
    CHECK(compatibility_key(row.version) == row.key);
  }
  CHECK(versions_compatible("0.2.0", "0.2.12"));
  CHECK(versions_compatible("0.2", "0.2.12"));
  CHECK(versions_compatible("", ""));
  CHECK(versions_compatible("0.3.0-rc-1", "0.3.0-rc-1"));
  CHECK_FALSE(versions_compatible("0.3.0-rc-1", "0.3.0"));
  CHECK_FALSE(versions_compatible("0.2.0", "0.3.0"));
  CHECK_FALSE(versions_compatible("0.0.1", "0.0.2"));
}

TEST_CASE("the nearest name is found when it is near") {
  const std::vector<std::string> names = {"wasi:http/types", "wasi:io/streams", "wasi:io/poll"};
  CHECK(nearest("wasi:io/stream", names) == "wasi:io/streams");
  CHECK(nearest("wasi:htp/types", names) == "wasi:http/types");
  CHECK(nearest("acme:db/query", names).empty());
  CHECK(nearest(std::string(100'000, 'a'), names).empty());
}

}  // namespace
}  // namespace whorl::component
