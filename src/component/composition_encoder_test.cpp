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
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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

/// (instance (export name (func …)) …), each function of a type of its own.
Wasm instance_of(const std::vector<std::pair<std::string, Wasm>>& funcs) {
  testing::Parts declarations;
  std::uint32_t type = 0;
  for (const auto& [name, func] : funcs) {
    declarations.push_back(Wasm{1}.add(func));
    declarations.push_back(testing::export_func(name, type++));
  }
  return Wasm{0x42}.add(vec(declarations));
}

/// Exports "x:y/z", which is what it imports as "a:b/c@1.2.0".
Bytes passing_on(const Wasm& type) {
  testing::ComponentBuilder out;
  const std::uint32_t import = out.import_instance("a:b/c@1.2.0", out.type(type));
  out.export_item("x:y/z", testing::ItemSort::Instance, import);
  return out.bytes();
}

TEST_CASE("what is denied answers as it does while linking") {
  testing::Parts declarations = {
      Wasm{1, 0x6a, 0, 1, testing::kStringType},  // type 0: result<_, string>
      Wasm{1, 0x70, testing::kU8},                // 1: list<u8>
      Wasm{1, 0x6b, testing::kU32},               // 2: option<u32>
      Wasm{1, 0x6d}.add(vec({Wasm().name("no"), Wasm().name("access-denied")})),  // 3: enum
      Wasm{4, 0}.name("code").add({3, 0, 3}),  // 4: the enum, by its name
      Wasm{1, 0x6a, 0, 1, 4},                  // 5: result<_, code>
      Wasm{1, 0x6a, 0, 0},                     // 6: result
  };
  const auto func = [&](std::string_view name, int result, std::uint32_t type) {
    declarations.push_back(
        Wasm{1, 0x40}.add(vec({Wasm().name("a").byte(testing::kStringType)})).add({0, result})
    );
    declarations.push_back(testing::export_func(name, type));
  };
  func("text", 0, 7);
  func("bytes", 1, 8);
  func("maybe", 2, 9);
  func("coded", 5, 10);
  func("bare", 6, 11);
  func("number", testing::kU32, 12);
  const Bytes main = passing_on(Wasm{0x42}.add(vec(declarations)));
  const Part parts[] = {{.bytes = main, .name = "main", .denied = {"a:b/c"}}};
  const Bytes composed = encode(parts);
  CHECK(extern_names(composed)->imports.empty());
  const Part whole[] = {{.bytes = composed, .name = "whole"}};
  Running running(whole);
  const auto call = [&](std::string_view name) {
    return running.call("x:y/z", "", name, Value::string("argument"));
  };
  for (int i = 0; i < 2; ++i) {
    CHECK(call("text") == "err(\"a:b/c@1.2.0 text is not permitted: its grant is not inherited\")");
    CHECK(call("bytes") == "[]");
    CHECK(call("maybe") == "none");
    CHECK(call("coded") == "err(access-denied)");
    CHECK(call("bare") == "err");
  }
  CHECK(call("number").contains("unreachable"));
}

TEST_CASE("declarations of one interface become one that has them all") {
  const Wasm number = testing::func_of({}, {testing::kU32});
  const Wasm text = testing::func_of({{testing::kStringType}}, {testing::kStringType});
  const Bytes one = passing_on(instance_of({{"a", number}, {"b", text}}));
  const Bytes two = passing_on(instance_of({{"c", text}, {"b", text}, {"d", number}}));
  const auto first = read_imports(**decode_component(one));
  const auto second = read_imports(**decode_component(two));
  REQUIRE(first);
  REQUIRE(second);
  ImportMerger merger;
  const std::optional<std::uint32_t> placed[1] = {};
  CHECK(*merger.add(*first, 0, placed) == 0);
  CHECK(*merger.add(*second, 0, placed) == 0);
  REQUIRE(merger.world().imports.size() == 1);
  std::string names;
  for (const ImportedEntry& entry : merger.world().imports[0].body) {
    if (const auto* item = std::get_if<ir::Export>(&entry)) {
      names += fmt::format("{}:{} ", item->name, item->type->index);
    }
  }
  CHECK(names == "a:0 b:1 c:2 d:3 ");
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
