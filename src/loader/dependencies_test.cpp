#include "loader/dependencies.hpp"

#include "loader/test_support.hpp"

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
  const std::string later = "component dependencies are not supported yet";
  CHECK(outcome("lib", "d.wasm", "other") == later);
  CHECK(outcome("a:b/c", "d.wasm") == later);
  folder.write("r.wasm", std::string("\0asm\x01\0\0\0", 8));
  CHECK(outcome("anything", "none.wasm") == later);
  folder.write("r.wasm", "nonsense");
  CHECK(outcome("anything", "none.wasm").contains("not WebAssembly"));
}

}  // namespace
}  // namespace whorl::loader
