#include "loader/dependencies.hpp"

#include "loader/test_support.hpp"
#include "loader/withheld.hpp"

#include <algorithm>

namespace whorl::loader {
namespace {

void put_name(std::string& out, std::string_view name) {
  out += '\0';
  out += static_cast<char>(name.size());
  out += name;
}

void put_section(std::string& out, char id, const std::string& content) {
  out += id;
  out += static_cast<char>(content.size());
  out += content;
}

/// A component that imports empty instances, and exports the first of them under other names.
std::string component_of(
    const std::vector<std::string>& imports, const std::vector<std::string>& exports
) {
  std::string out("\0asm\x0d\0\x01\0", 8);
  put_section(out, 7, std::string("\x01\x42\0", 3));
  std::string content(1, static_cast<char>(imports.size()));
  for (const std::string& name : imports) {
    put_name(content, name);
    content += std::string("\x05\0", 2);
  }
  put_section(out, 10, content);
  content = std::string(1, static_cast<char>(exports.size()));
  for (const std::string& name : exports) {
    put_name(content, name);
    content += std::string("\x05\0\0", 3);
  }
  put_section(out, 11, content);
  return out;
}

TEST_CASE("which imports a dependency is meant for") {
  CHECK(is_meant_for("lib", "lib"));
  CHECK_FALSE(is_meant_for("lib", "libs"));
  const std::string_view import = "a:b/c@1.2.3";
  for (const std::string_view name : {"a:b/c@1.2.3", "a:b/c", "a:b", "a:b@1.2.3"}) {
    CAPTURE(name);
    CHECK(is_meant_for(name, import));
  }
  for (const std::string_view name :
       {"a:b/d", "a:bc", "a:b/c@1.2.4", "a:b@1.2.0", "a:b/c@1.2", "c"}) {
    CAPTURE(name);
    CHECK_FALSE(is_meant_for(name, import));
  }
}

TEST_CASE("dependencies that do not fit are refused in Spin's words, before those that would") {
  const TestFolder folder;
  folder.write("r.wasm", component_of({"a:b/c@1.0.0", "lib"}, {}));
  folder.write("d.wasm", component_of({"x"}, {"a:b/c@1.0.0", "other"}));
  const auto outcome = [&](const std::string& name,
                           const std::string& file,
                           std::optional<std::string> exported = {}) {
    app::Component r{.id = "r", .source_path = folder.path("r.wasm")};
    r.dependencies[name].source.url = "file://" + folder.path(file);
    r.dependencies[name].export_name = std::move(exported);
    auto bytes = read_component(r);
    REQUIRE_FALSE(bytes);
    CHECK(bytes.error().contexts().back() == "failed to resolve dependencies for component \"r\"");
    return bytes.error().message();
  };
  CHECK(
      outcome("a:b/d", "none.wasm") ==
      "dependency 'a:b/d' doesn't match any imports of component 'r'"
  );
  CHECK(outcome("a:b/c", "none.wasm") == "No such file or directory (os error 2)");
  CHECK(
      outcome("lib", "d.wasm") == "dependency 'lib' doesn't export 'lib' to satisfy import 'lib'"
  );
  CHECK(
      outcome("a:b", "d.wasm", "nope") ==
      "dependency 'a:b' doesn't export 'nope' to satisfy import 'a:b/c@1.0.0'"
  );
  folder.write("r.wasm", component_of({"a:b/c@1.0.0", "lib"}, {}));
  const auto plugs = [&](const std::string& name, std::optional<std::string> exported = {}) {
    app::Component r{.id = "r", .source_path = folder.path("r.wasm")};
    r.dependencies[name].source.url = "file://" + folder.path("d.wasm");
    r.dependencies[name].export_name = std::move(exported);
    auto parts = read_component(r);
    REQUIRE(parts);
    REQUIRE(parts->parts.size() == 2);
    CHECK(parts->parts[0].bytes.data() == parts->files[0].data());
    std::string text;
    for (const component::Plug& plug : parts->parts[1].plugs) {
      CHECK(plug.part == 0);
      text += plug.import + " = " + plug.export_name + ";";
    }
    return text;
  };
  CHECK(plugs("lib", "other") == "lib = other;");
  CHECK(plugs("a:b/c") == "a:b/c@1.0.0 = a:b/c@1.0.0;");
  CHECK(plugs("a:b") == "a:b/c@1.0.0 = a:b/c@1.0.0;");
  folder.write("r.wasm", std::string("\0asm\x01\0\0\0", 8));
  CHECK(
      outcome("anything", "none.wasm") ==
      "dependency 'anything' doesn't match any imports of component 'r'"
  );
  folder.write("r.wasm", "nonsense");
  CHECK(outcome("anything", "none.wasm").contains("not WebAssembly"));
}

TEST_CASE("core modules are made components where one file is wanted") {
  const TestFolder folder;
  const std::string module("\0asm\x01\0\0\0", 8);
  folder.write("r.wasm", module);
  app::Component r{.id = "r", .source_path = folder.path("r.wasm")};
  CHECK(as_text(read_component(r)->files.back()) == module);
  const auto composed = compose_component(r);
  REQUIRE(composed);
  CHECK(as_text(*composed).starts_with(std::string_view("\0asm\x0d\0\x01\0", 8)));
  folder.write("r.wasm", module + '\1');
  const auto damaged = compose_component(r);
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().help().contains("`wasm-tools component embed`"));
  CHECK(damaged.error().to_line().starts_with(
      "failed to resolve dependencies for component \"r\": an error occurred when preparing "
      "dependencies: failed to componentize \"" +
      folder.path("r.wasm") + "\": unable to parse binary: "
  ));
}

TEST_CASE("one import, several dependencies") {
  const TestFolder folder;
  folder.write("r.wasm", component_of({"a:b/c@1.0.0"}, {}));
  app::Component r{.id = "r", .source_path = folder.path("r.wasm")};
  (void)r.dependencies["a:b/c"];
  (void)r.dependencies["a:b@1.0.0"];
  CHECK(
      read_component(r).error().message() ==
      "component 'r' has dependency conflicts: import 'a:b/c@1.0.0' satisfied by dependencies: "
      "'a:b/c, a:b@1.0.0'"
  );
}

TEST_CASE("what a dependency does not inherit is kept from it") {
  using Kind = app::Inherit::Kind;
  const auto withheld = [](app::Inherit inherit) { return withheld_interfaces(inherit); };
  CHECK(withheld({.kind = Kind::All}).empty());
  const auto nothing = withheld({});
  const auto some = withheld({.kind = Kind::Some, .grants = {"files", "key_value_stores", "?"}});
  const auto has = [](const auto& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
  };
  for (const char* const name : {"wasi:filesystem/preopens", "fermyon:spin/key-value"}) {
    CHECK(has(nothing, name));
    CHECK_FALSE(has(some, name));
  }
  for (const char* const name : {"wasi:cli/environment", "wasi:http/outgoing-handler"}) {
    CHECK(has(nothing, name));
    CHECK(has(some, name));
  }
}

TEST_CASE("middleware stands before the component, the first outermost") {
  constexpr const char* kHandler = "wasi:http/handler@0.3.0";
  const TestFolder folder;
  folder.write("r.wasm", component_of({"x"}, {kHandler}));
  folder.write("old.wasm", component_of({"x"}, {"wasi:http/incoming-handler@0.2.0"}));
  folder.write("a.wasm", component_of({kHandler}, {kHandler}));
  folder.write("b.wasm", component_of({kHandler, "b"}, {kHandler}));
  const auto made = [&](const std::string& source, const std::vector<std::string>& files) {
    app::Component r{.id = "r", .source_path = folder.path(source)};
    for (const std::string& file : files) {
      r.trigger_dependencies["middleware"].emplace_back().source.url =
          "file://" + folder.path(file);
    }
    return read_component(r);
  };
  const auto chain = made("r.wasm", {"a.wasm", "b.wasm"});
  REQUIRE(chain);
  REQUIRE(chain->parts.size() == 3);
  CHECK(chain->parts[0].name == folder.path("r.wasm"));
  CHECK(chain->parts[1].name == folder.path("b.wasm"));
  CHECK(chain->parts[2].name == folder.path("a.wasm"));
  CHECK(chain->parts[1].plugs[0].part == 0);
  CHECK(chain->parts[2].plugs[0].part == 1);
  CHECK(chain->parts[0].denied.empty());
  CHECK_FALSE(chain->parts[1].denied.empty());
  CHECK(
      made("r.wasm", {"old.wasm"}).error().message() ==
      "argument name `wasi:http/handler@0.3.0` is not an import of package `middleware0`"
  );
  CHECK(
      made("old.wasm", {"a.wasm"}).error().message() ==
      "instance does not have an export named `wasi:http/handler@0.3.0`"
  );
}

}  // namespace
}  // namespace whorl::loader
