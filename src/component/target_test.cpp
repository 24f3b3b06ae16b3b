#include "component/target.hpp"

#include "component/test_builder.hpp"
#include "component/test_components.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <string>
#include <vector>

namespace whorl::component {
namespace {

using testing::ComponentBuilder;
using testing::func_of;
using testing::func_type;
using testing::ItemSort;
using testing::kU32;
using testing::vec;
using testing::Wasm;

TypedWorld text_world(const std::string& text) {
  auto read = read_target({.files = {{"a.wit", text}}, .dependencies = {}}, "w");
  REQUIRE_MESSAGE(read.has_value(), (read ? std::string() : read.error().to_line()));
  REQUIRE(read->has_value());
  return **read;
}

/// A report in a line a finding.
std::string text_of(const TargetReport& report) {
  std::string out;
  for (const std::string& name : report.imports_not_offered) {
    out += fmt::format("import {}\n", name);
  }
  for (const auto& missing : report.missing_exports) {
    out += fmt::format("export {} {}\n", missing.kind, missing.name);
  }
  for (const auto& mismatch : report.mismatches) {
    out += fmt::format(
        "{} {}: {}\n",
        mismatch.is_import ? "import" : "export",
        mismatch.name,
        fmt::join(mismatch.why, " | ")
    );
  }
  return out;
}

/// Checks interface `i`, imported by a component, against the same interface of a host.
std::string import_check(const std::string& offered, const std::string& used) {
  const auto make = [](const std::string& body) {
    return text_world("package t:p@1.0.0;\ninterface i { " + body + " }\nworld w { import i; }");
  };
  return text_of(check_target(make(offered), make(used)));
}

}  // namespace

TEST_CASE("a component imports less and exports more than the world") {
  const TypedWorld host = text_world(
      "package t:p@1.0.0;\ninterface i { f: func(); g: func(); }\n"
      "world w { import i; import a: func(); export run: func(); export j: interface { x: func(); "
      "} }"
  );
  const TypedWorld fitting = text_world(
      "package t:p@1.0.0;\ninterface i { g: func(); }\n"
      "world w { import i; export run: func(); export more: func(); export j: interface { x: "
      "func(); y: func(); } }"
  );
  CHECK(text_of(check_target(host, fitting)) == "");
  CHECK(
      text_of(check_target(fitting, host)) ==
      "import a\nexport function more\n"
      "export j: instance is missing expected function export `y`\n"
      "import t:p/i@1.0.0: instance has unexpected function export `f`\n"
  );
}

TEST_CASE("versions that may stand for each other") {
  const auto world = [](const std::string& version) {
    return text_world(fmt::format(
        "package t:p@{};\ninterface i {{ }} interface e {{ }}\nworld w {{ import i; export e; }}",
        version
    ));
  };
  struct Case {
    const char* offered;
    const char* wanted;
    bool fits;
  };
  const Case cases[] = {
      {"0.2.0", "0.2.12", true},
      {"0.2.12", "0.2.0", true},
      {"1.0.0", "1.9.0", true},
      {"0.2.0", "0.3.0", false},
      {"1.0.0", "2.0.0", false},
      {"0.3.0", "0.3.0-rc-1", false},
      {"0.3.0-rc-1", "0.3.0-rc-1", true},
  };
  for (const Case& tried : cases) {
    CAPTURE(tried.offered);
    CAPTURE(tried.wanted);
    CHECK(check_target(world(tried.offered), world(tried.wanted)).fits() == tried.fits);
  }
}

TEST_CASE("types that differ") {
  struct Case {
    const char* offered;
    const char* used;
    const char* why;
  };
  const Case cases[] = {
      {"f: func(a: u8);", "f: func(a: u8);", ""},
      {"type t = u8; f: func(a: t);", "f: func(a: u8);", ""},
      {"f: func();", "f: async func();", "expected sync function, found async function"},
      {"f: func();",
       "f: func(a: u8);",
       "expected function with parameter count 0, found parameter count 1"},
      {"f: func(a: u8);",
       "f: func(b: u8);",
       "expected function parameter 0 to be named `a`, found name `b`"},
      {"f: func(a: u8);",
       "f: func(a: u16);",
       "mismatched type for function parameter `a` | expected u8, found u16"},
      {"f: func() -> u8;",
       "f: func();",
       "expected function with a result, found function without a result"},
      {"f: func() -> list<u8>;",
       "f: func() -> option<u8>;",
       "mismatched type for function result | expected list, found option"},
      {"f: func() -> result<u8>;",
       "f: func() -> result<u8, string>;",
       "mismatched type for function result | expected no `err` for result type"},
      {"f: func(a: tuple<u8, u8>);",
       "f: func(a: tuple<u8>);",
       "mismatched type for function parameter `a` | expected a tuple of size 2, found a tuple of "
       "size 1"},
      {"f: func(a: stream<u8>);",
       "f: func(a: stream);",
       "mismatched type for function parameter `a` | expected a type payload, found none"},
      {"record t { a: u8 } f: func(a: t);",
       "record t { b: u8 } f: func(a: t);",
       "expected record field 0 to be named `a`, "
       "found "
       "a field named `b`"},
      {"enum t { a, b } f: func(a: t);",
       "enum t { a } f: func(a: t);",
       "expected an enum type case count of 2, found "
       "a "
       "count of 1"},
      {"variant t { a } f: func(a: t);",
       "variant t { a(u8) } f: func(a: t);",
       "expected variant case `a` to be untyped, "
       "found "
       "a typed case"},
      {"resource r; resource s; f: func(a: borrow<r>);",
       "resource r; resource s; f: func(a: "
       "borrow<s>);",
       "mismatched type for function parameter `a` | expected resource `r`, found resource `s`"},
      {"resource r; type q = r; f: func(a: r);", "resource r; type q = r; f: func(a: q);", ""},
      {"f: func(a: list<u8, 2>);",
       "f: func(a: list<u8, 3>);",
       "mismatched type for function parameter `a` | mismatched size for fixed size list element"},
  };
  for (const Case& tried : cases) {
    CAPTURE(tried.offered);
    CAPTURE(tried.used);
    const std::string got = import_check(tried.offered, tried.used);
    if (std::string_view(tried.why).empty()) {
      CHECK(got == "");
      continue;
    }
    // What comes first in the interface differs first.
    CAPTURE(got);
    CHECK(got.ends_with(fmt::format("{}\n", tried.why)));
    CHECK(got.starts_with("import t:p/i@1.0.0: mismatched type for export `"));
  }
}

TEST_CASE("a world of names fits whatever the types are") {
  const TypedWorld component =
      text_world("package t:p@1.0.0;\ninterface i { f: func(); }\nworld w { import i; export i; }");
  constexpr std::array<std::string_view, 1> kNames = {"t:p/i@1.2.0"};
  CHECK(check_target(make_target(kNames, kNames), component).fits());
  CHECK(
      text_of(check_target(make_target({}, std::array<std::string_view, 1>{"t:p/j"}), component)) ==
      "import t:p/i@1.0.0\nexport instance t:p/j\n"
  );
}

TEST_CASE("worlds of a package in binary form") {
  // (component (export "w" (type (component (export "t:p/w@1.0.0" (component (import "f" (func))
  // (export "g" (func (result u32)))))))))
  const auto extern_func = [](std::string_view name, int type) {
    return Wasm{0x00}.name(name).add(Wasm{0x01, type});
  };
  Wasm world{0x41};
  world.add(vec({
      Wasm{0x01}.add(func_of({}, {})),
      Wasm{0x03}.add(extern_func("f", 0)),
      Wasm{0x01}.add(func_of({}, {kU32})),
      Wasm{0x04}.add(extern_func("g", 1)),
  }));
  Wasm package{0x41};
  package.add(vec({
      Wasm{0x01}.add(world),
      Wasm{0x04}.add(Wasm{0x00}.name("t:p/w@1.0.0").add(Wasm{0x04, 0x00})),
  }));
  ComponentBuilder out;
  out.export_item("w", ItemSort::Type, out.type(package));
  const Bytes bytes = out.bytes();
  auto read = read_target(ByteView(bytes), "w");
  REQUIRE_MESSAGE(read.has_value(), (read ? std::string() : read.error().to_line()));
  REQUIRE(read->has_value());
  const TypedWorld component =
      text_world("package t:p;\nworld w { import f: func(); import h: func(); export g: func(); }");
  CHECK(
      text_of(check_target(**read, component)) ==
      "import h\nexport g: expected function with a result, found function without a result\n"
  );
  CHECK_FALSE(read_target(ByteView(bytes), "v")->has_value());
  CHECK_FALSE(read_target(ByteView(bytes).first(20), "w").has_value());
}

TEST_CASE("a core module counts as the component that would be made of it") {
  using testing::section;
  const Bytes bytes = testing::module({
      section(
          1,
          vec(
              {func_type({0x7f, 0x7f, 0x7f, 0x7f}, {0x7f}),
               func_type({0x7f, 0x7f}, {0x7f}),
               func_type({}, {})}
          )
      ),
      section(
          2,
          vec(
              {testing::func_import("wasi_snapshot_preview1", "fd_write", 0),
               testing::func_import("wasi_snapshot_preview1", "random_get", 1)}
          )
      ),
      section(3, vec({Wasm{2}})),
      section(7, vec({testing::core_export("_start", 0, 2)})),
      section(10, vec({testing::body({})})),
  });
  const Part part{.bytes = bytes, .name = "m"};
  const auto made = composed_world({&part, 1});
  REQUIRE(made.has_value());
  constexpr std::array<std::string_view, 1> kExports = {"wasi:cli/run@0.2.0"};
  CHECK(
      text_of(check_target(make_target({}, kExports), *made)) ==
      "import wasi:cli/stderr@0.2.0\nimport wasi:cli/stdin@0.2.0\nimport wasi:cli/stdout@0.2.0\n"
      "import wasi:clocks/wall-clock@0.2.0\nimport wasi:filesystem/preopens@0.2.0\n"
      "import wasi:filesystem/types@0.2.0\nimport wasi:io/error@0.2.0\nimport "
      "wasi:io/streams@0.2.0\nimport wasi:random/random@0.2.0\n"
  );
  const Part text{.bytes = as_bytes("no wasm"), .name = "t"};
  CHECK_FALSE(composed_world({&text, 1}).has_value());
}

}  // namespace whorl::component
