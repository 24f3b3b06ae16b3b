#include "component/wit_packages.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace whorl::component::wit {
namespace {

using Source = Packages::Source;

/// The world `w` of the last package, as text; or why not.
std::string world_text(const std::vector<std::vector<Source>>& packages) {
  Packages made;
  std::string name;
  for (const std::vector<Source>& package : packages) {
    auto added = made.add(package);
    if (!added) {
      return added.error().message();
    }
    name = *added;
  }
  auto world = made.world(name, "w");
  return world ? to_text(*world) : world.error().message();
}

std::string world_text(std::string text) {
  return world_text({{{"a.wit", std::move(text)}}});
}

/// What stands in `interface i` of the text that a world importing it gives.
std::string interface_text(const std::string& body) {
  const std::string all =
      world_text("package t:p@1.0.0;\nworld w { import i; }\ninterface i { " + body + " }");
  const auto begin = all.find("  interface i {\n");
  return begin == std::string::npos ? all : all.substr(begin + 16, all.rfind("  }\n") - begin - 16);
}

}  // namespace

TEST_CASE("forms of types and functions") {
  struct Case {
    const char* written;
    const char* read;
  };
  const Case cases[] = {
      {"f: func();", "    f: func();\n"},
      {"f: async func(a: u8, b: string) -> bool;", "    f: async func(a: u8, b: string) -> bool;\n"
      },
      {"f: func(a: list<u8>, b: list<u32, 4>, c: tuple<char, f32>);",
       "    f: func(a: list<u8>, b: list<u32, 4>, c: tuple<char, f32>);\n"},
      {"f: func() -> result;", "    f: func() -> result;\n"},
      {"f: func() -> result<_, s64>;", "    f: func() -> result<_, s64>;\n"},
      {"f: func(a: option<stream<u8>>, b: future, c: error-context,);",
       "    f: func(a: option<stream<u8>>, b: future, c: error-context);\n"},
      {"f: func(a: map<string, u64>);", "    f: func(a: map<string, u64>);\n"},
      {"type a = u8; f: func(x: a);", "    type a = u8;\n    f: func(x: a);\n"},
      {"f: func(x: later); record later { %type: u8, b: bool }",
       "    f: func(x: later);\n    record later {\n      %type: u8,\n      b: bool,\n    }\n"},
      {"variant v { a, b(u8), } enum e { x, y } flags g { m, n }",
       "    variant v {\n      a,\n      b(u8),\n    }\n    enum e {\n      x,\n      y,\n    }\n  "
       "  "
       "flags g {\n      m,\n      n,\n    }\n"},
      {"resource r { constructor(a: u8); get: func() -> u8; make: static func() -> r; } "
       "f: func(x: r, y: borrow<r>);",
       "    resource r {\n      constructor(a: u8);\n      get: func() -> u8;\n      make: static "
       "func() -> r;\n    }\n    f: func(x: r, y: borrow<r>);\n"},
      {"// a\n /* b /* c */ d */ f: func();", "    f: func();\n"},
      {"@since(version = 1.0.0) f: func(); @unstable(feature = x-y) g: func(); "
       "@deprecated(version = 1.0.0) h: func();",
       "    f: func();\n    h: func();\n"},
  };
  for (const Case& tried : cases) {
    CAPTURE(tried.written);
    CHECK(interface_text(tried.written) == tried.read);
  }
}

TEST_CASE("a world has what it includes, and what its interfaces use") {
  const std::vector<std::vector<Source>> packages = {
      {{"deps/io/types.wit", "package x:io@0.2.1;\ninterface types { resource s; }\n"},
       {"deps/io/world.wit",
        "interface more { use types.{s as t}; f: func() -> t; }\n"
        "world all { import more; import g: func(); export types; }\n"}},
      {{"w.wit",
        "package t:p;\nuse x:io/more@0.2.1 as m;\n"
        "world w {\n  include x:io/all@0.2.1 with { g as h }\n  use x:io/types@0.2.1.{s};\n"
        "  type n = u8;\n  import m;\n  import k: interface { a: func(x: u8); }\n"
        "  import j: func(x: s, y: n);\n  export run: func();\n}\n"}},
  };
  CHECK(
      world_text(packages) ==
      "package root:component;\n\nworld root {\n"
      "  use x:io/types@0.2.1.{s};\n"
      "  type n = u8;\n"
      "  import x:io/types@0.2.1;\n"
      "  import x:io/more@0.2.1;\n"
      "  import h: func();\n"
      "  import k: interface {\n    a: func(x: u8);\n  }\n"
      "  import j: func(x: s, y: n);\n"
      "  export x:io/types@0.2.1;\n"
      "  export run: func();\n"
      "}\n\npackage x:io@0.2.1 {\n"
      "  interface types {\n    resource s;\n  }\n\n"
      "  interface more {\n    use x:io/types@0.2.1.{s as t};\n    f: func() -> t;\n  }\n}\n"
  );
}

TEST_CASE("what an exported interface uses is imported, unless it is exported") {
  const std::string types =
      "package t:p;\ninterface a { type x = u8; }\n"
      "interface b { use a.{x}; }\ninterface c { use b.{x}; }\n";
  CHECK(world_text(types + "world w { export c; }")
            .starts_with("package root:component;\n\nworld root {\n  import t:p/a;\n  import "
                         "t:p/b;\n  export t:p/c;\n"));
  CHECK(world_text(types + "world w { export c; export b; }")
            .starts_with("package root:component;\n\nworld root {\n  import t:p/a;\n  export "
                         "t:p/c;\n  export t:p/b;\n"));
}

TEST_CASE("packages nested in a file") {
  CHECK(world_text("package t:p;\nworld w { import n:q/i@1.0.0; }\n"
                   "package n:q@1.0.0 { interface i { f: func(); } }")
            .starts_with("package root:component;\n\nworld root {\n  import n:q/i@1.0.0;\n}\n"));
}

TEST_CASE("mistakes are told with their place") {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"interface i {",
       "expected `type`, `resource` or `func`, found eof\n  --> a.wit:1:14\n   |\n "
       "1 | interface i {\n   |              ^"},
      {"package t:p;\nworld w { bogus i; }",
       "expected `import`, `export`, `include`, `use`, or type definition, found an identifier\n  "
       "--> a.wit:2:11\n   |\n 2 | world w { bogus i; }\n   |           ^"},
      {"world w { }", "no `package` header was found in any WIT file for this package"},
      {"package t:p;\nworld w { import i; }", "interface `i` not found in package\n --> a.wit:2:18"
      },
      {"package t:p;\nworld w { import x:y/i@1.0.0; }",
       "package 'x:y@1.0.0' not found. it is neither here nor in `deps`\n --> a.wit:2:18"},
      {"package t:p;\ninterface i { type a = b; type b = a; }\nworld w { import i; }",
       "type `a` depends on itself\n --> a.wit:2:20"},
      {"package t:p;\ninterface i { use j.{a}; } interface j { use i.{a}; }\nworld w { import i; }",
       "interface `t:p/i` depends on itself"},
      {"package t:p;\nworld w { include v; } world v { include w; }",
       "world `t:p/w` includes itself"},
      {"package t:p;\ninterface i { f: func(a: nope); }\nworld w { import i; }",
       "name `nope` is not defined\n --> a.wit:2:26"},
      {"package t:p;\ninterface i { type a = list<>; }",
       "`list` has not the types it needs\n  --> a.wit:2:24\n   |\n 2 | interface i { type a = "
       "list<>; }\n   |                        ^"},
      {"package t:p@1.2;\n",
       "`1.2` is no version\n  --> a.wit:1:13\n   |\n 1 | package t:p@1.2;\n   |             ^"},
      {"/* never", "unterminated block comment\n  --> a.wit:1:1\n   |\n 1 | /* never\n   | ^"},
      {"package t:p; $",
       "unexpected character '$'\n  --> a.wit:1:14\n   |\n 1 | package t:p; $\n   "
       "|              ^"},
  };
  for (const Case& tried : cases) {
    CAPTURE(tried.text);
    CHECK(world_text(tried.text) == tried.message);
  }
  CHECK(
      world_text({{{"a.wit", "package t:p;"}, {"b.wit", "package t:q;"}}}) ==
      "package identifier `t:q` does not match previous package name of `t:p`\n --> b.wit:1:1"
  );
  std::string deep = "package t:p; interface i { type a = ";
  for (int i = 0; i < 200; ++i) {
    deep += "list<";
  }
  CHECK(world_text(deep).starts_with("types are nested too deep\n"));
}

TEST_CASE("texts cut anywhere are refused and never read beyond their end") {
  const std::string text =
      "package t:p@1.0.0-rc.1+b;\n/* c */ use x:io/a@0.2.0 as b;\n@since(version = 1.0.0)\n"
      "world w { include v with { a as b } import i; export f: async func(a: list<u8, 3>) -> "
      "result<_, string>; use i.{t as u}; }\ninterface i { resource %resource { constructor(); } "
      "variant t { a(u8), b } flags f { x } }\n";
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    CAPTURE(cut);
    static_cast<void>(parse_wit(std::string_view(text).substr(0, cut), "a.wit"));
  }
  CHECK(parse_wit(text, "a.wit").has_value());
}

}  // namespace whorl::component::wit
