#include "component/composition_encoder.hpp"

#include "component/binary.hpp"
#include "component/import_world.hpp"
#include "component/running_component.hpp"
#include "component/test_compositions.hpp"

#include <doctest/doctest.h>

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

}  // namespace
}  // namespace whorl::component
