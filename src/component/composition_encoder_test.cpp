#include "component/composition_encoder.hpp"

#include "component/binary.hpp"
#include "component/import_world.hpp"
#include "component/running_component.hpp"
#include "component/test_compositions.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace whorl::component {
namespace {

using testing::alias_export;
using testing::caller;
using testing::counter;
using testing::Running;
using testing::section;
using testing::vec;
using testing::Wasm;

Bytes encode(std::span<const Part> parts) {
  auto made = encode_composition(parts);
  REQUIRE_MESSAGE(made, (made ? "" : made.error().to_line()));
  return *std::move(made);
}

std::string refusal(std::span<const Part> parts) {
  const auto made = encode_composition(parts);
  REQUIRE_FALSE(made);
  return made.error().to_line();
}

TEST_CASE("the bytes of a component with one dependency") {
  const Bytes provider = counter("x:y/z");
  const Bytes main = caller("a:b/c@1.0.0");
  const Part parts[] = {
      {.bytes = provider, .name = "provider"},
      {.bytes = main, .name = "main", .plugs = {{"a:b/c@1.0.0", 0, "x:y/z", "p"}}}
  };
  const Bytes composed = encode(parts);
  const Bytes expected = testing::component({
      section(4, testing::raw(provider)),
      section(5, vec({Wasm{0, 0, 0}})),
      section(4, testing::raw(main)),
      section(6, vec({alias_export(5, 0, "x:y/z")})),
      section(5, vec({Wasm{0, 1}.add(vec({Wasm().name("a:b/c@1.0.0").byte(5).byte(1)}))})),
      section(6, vec({alias_export(1, 2, "run")})),
      section(11, vec({Wasm{0}.name("run").add({1, 0, 0})})),
  });
  CHECK(composed == expected);
  const Part whole[] = {{.bytes = composed, .name = "whole"}};
  Running running(whole);
  CHECK(running.run() == "101");
  CHECK(running.run() == "102");
}

TEST_CASE("one component alone stays as it is") {
  const Bytes main = counter("a:b/c");
  const Part parts[] = {{.bytes = main, .name = "main"}};
  CHECK(encode(parts) == main);
}

TEST_CASE("equal parts are one component and an instance each") {
  const Bytes provider = counter("a:b/c");
  const Bytes main = caller("a:b/c");
  const Part parts[] = {
      {.bytes = provider, .name = "one"},
      {.bytes = provider, .name = "two"},
      {.bytes = main, .name = "main", .plugs = {{"a:b/c", 1, "a:b/c", "p"}}},
  };
  const Bytes composed = encode(parts);
  const auto decoded = decode_component(composed);
  REQUIRE(decoded);
  std::size_t components = 0;
  std::size_t instances = 0;
  for (const ir::Definition& definition : (*decoded)->definitions) {
    components += std::holds_alternative<ir::NestedComponent>(definition.what) ? 1 : 0;
    instances += std::holds_alternative<ir::InstanceDefinition>(definition.what) ? 1 : 0;
  }
  CHECK(components == 2);
  CHECK(instances == 3);
}

TEST_CASE("what several import is imported once, in the later of two versions that fit") {
  testing::Guest early;
  testing::Guest late;
  late.interface = "test:host/log@1.2.0";
  const Bytes first = early.bytes();
  const Bytes second = late.bytes();
  const Part parts[] = {{.bytes = first, .name = "first"}, {.bytes = second, .name = "second"}};
  const Bytes composed = encode(parts);
  const auto names = extern_names(composed);
  REQUIRE(names);
  CHECK(names->imports == std::vector<std::string>{"test:host/log@1.2.0"});
  const Part whole[] = {{.bytes = composed, .name = "whole"}};
  Running running(whole);
  CHECK(running.run("test:guest/run", "1.0.0") == "7");
}

TEST_CASE("plugs that do not fit, and what can't be nested") {
  const Bytes provider = counter("a:b/c");
  const Bytes main = caller("a:b/c", {testing::kU8});
  Part parts[] = {
      {.bytes = provider, .name = "provider"},
      {.bytes = main, .name = "main", .plugs = {{"a:b/c", 0, "a:b/c", "dep"}}}
  };
  CHECK(refusal(parts).starts_with("failed to encode composition graph: "));
  parts[1].plugs[0].export_name = "a:b/d";
  CHECK(
      refusal(parts) ==
      "loading component main: dependency 'dep' doesn't export 'a:b/d' to satisfy import 'a:b/c'"
  );
  const Bytes module = testing::module({});
  parts[0].bytes = module;
  CHECK(
      refusal(parts) ==
      "loading component provider: it is a core module, and only components can be nested"
  );
}

/// Prebuilt components; none where there is no folder of them.
std::vector<std::filesystem::path> guests() {
  const char* given = std::getenv("WHORL_GUESTS");
  const std::filesystem::path folder = given != nullptr ? given : "../shared/guests";
  std::vector<std::filesystem::path> out;
  if (std::filesystem::is_directory(folder)) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == ".wasm") {
        out.push_back(entry.path());
      }
    }
  }
  return out;
}

TEST_CASE("real guests: what can be denied is, and the same guest twice") {
  const auto found = guests();
  if (found.empty()) {
    MESSAGE("SKIPPED: no prebuilt guests (WHORL_GUESTS or ../shared/guests)");
  }
  for (const auto& path : found) {
    CAPTURE(path.string());
    std::ifstream in(path, std::ios::binary);
    const Bytes bytes{std::istreambuf_iterator<char>(in), {}};
    if (*detect_binary(bytes) == BinaryKind::CoreModule) {
      continue;
    }
    const auto names = extern_names(bytes);
    REQUIRE(names);
    std::vector<std::string> denied;
    std::size_t left = 0;
    for (const std::string& name : names->imports) {
      // What others share types of stays the host's.
      if (name.contains("/types") || name.starts_with("wasi:io/") ||
          name.starts_with("wasi:clocks/")) {
        ++left;
      } else {
        denied.push_back(name.substr(0, name.find('@')));
      }
    }
    const Part alone[] = {{.bytes = bytes, .name = "guest", .denied = denied}};
    const auto without = extern_names(encode(alone));
    REQUIRE(without);
    CHECK(without->imports.size() <= left);
    CHECK(without->exports == names->exports);
    const Part twice[] = {{.bytes = bytes, .name = "first"}, {.bytes = bytes, .name = "second"}};
    const auto both = extern_names(encode(twice));
    REQUIRE(both);
    CHECK(both->imports.size() <= names->imports.size());
    CHECK(both->exports == names->exports);
  }
}

}  // namespace
}  // namespace whorl::component
