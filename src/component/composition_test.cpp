#include "component/composition.hpp"

#include "component/plan.hpp"
#include "component/running_component.hpp"
#include "component/test_builder.hpp"
#include "component/test_components.hpp"
#include "engine/test_support.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace whorl::component {
namespace {

using testing::ComponentBuilder;
using testing::CoreBuilder;
using testing::func_of;
using testing::func_type;
using testing::ItemSort;
using testing::kU32;
using testing::Running;
using testing::vec;
using testing::Wasm;

constexpr int kI32 = testing::kCoreI32;
constexpr const char* kRun = "test:guest/run@1.0.0";

Wasm code(std::initializer_list<int> bytes) {
  return Wasm(bytes);
}

/// Exports an instance with one function "run" that returns a number one higher at each call.
Bytes counter(std::string_view name) {
  CoreBuilder core;
  core.funcs = {
      {"run",
       func_type({}, {kI32}),
       code({0x41, 0, 0x41, 0, 0x28, 2, 0, 0x41, 1, 0x6a, 0x36, 2, 0, 0x41, 0, 0x28, 2, 0})}
  };
  ComponentBuilder inner;
  const std::uint32_t instance = inner.core_instance(inner.module(core.bytes()));
  const std::uint32_t run = inner.core_func(instance, "run");
  inner.export_item("run", ItemSort::Func, inner.lift(run, {0}, inner.type(func_of({}, {kU32}))));
  ComponentBuilder out;
  out.export_item(name, ItemSort::Instance, out.instance(out.component(inner.bytes())));
  return out.bytes();
}

/// Imports an instance with "run" of a type, and exports "run": what that gives, and 100.
Bytes caller(std::string_view import, const Wasm& result = {kU32}) {
  ComponentBuilder out;
  const Wasm type =
      Wasm{0x42}.add(vec({Wasm{1}.add(func_of({}, result)), testing::export_func("run", 0)}));
  const std::uint32_t instance = out.import_instance(import, out.type(type));
  const std::uint32_t lowered = out.lower(out.alias_func(instance, "run"), {0});
  CoreBuilder core;
  core.own_memory = false;
  core.funcs = {
      {"f", func_type({}, {kI32}), {}, true},
      {"run", func_type({}, {kI32}), code({0x10, 0, 0x41, 0xe4, 0, 0x6a})},
  };
  CoreBuilder memory;
  const std::uint32_t memories = out.core_instance(out.module(memory.bytes()));
  const std::uint32_t bag =
      out.core_bag({{"f", 0, lowered}, {"m", 2, out.core_memory(memories, "m")}});
  const std::uint32_t main = out.core_instance(out.module(core.bytes()), {{"", bag}});
  const std::uint32_t run =
      out.lift(out.core_func(main, "run"), {0}, out.type(func_of({}, {kU32})));
  out.export_item("run", ItemSort::Func, run);
  return out.bytes();
}

std::string refusal(std::span<const Part> parts) {
  const auto plan = plan_composition(testing::test_registry(), parts, {});
  REQUIRE_FALSE(plan);
  const auto& contexts = plan.error().contexts();
  std::string out;
  for (auto at = contexts.rbegin(); at != contexts.rend(); ++at) {
    out += *at + "; ";
  }
  return out + plan.error().message();
}

TEST_CASE("an import is satisfied by another component's export, of that name or another") {
  for (const char* const exported : {"a:b/c@1.0.0", "x:y/z"}) {
    CAPTURE(exported);
    const Bytes provider = counter(exported);
    const Bytes main = caller("a:b/c@1.0.0");
    const Part parts[] = {
        {.bytes = provider, .name = "provider"},
        {.bytes = main,
         .name = "main",
         .plugs =
             {{.import = "a:b/c@1.0.0", .part = 0, .export_name = exported, .provider_name = "p"}}}
    };
    Running running(parts);
    CHECK(running.run() == "101");
    CHECK(running.run() == "102");
  }
}

TEST_CASE("a chain of three, and one provider for each that wants it") {
  const Bytes provider = counter("a:b/c");
  const Bytes middle = caller("a:b/c");
  ComponentBuilder wrapped;
  // The middle one's "run" as an instance.
  const Bytes main = caller("d:e/f");
  const auto plug = [](std::string import, std::size_t part, std::string exported) {
    return Plug{std::move(import), part, std::move(exported), "p"};
  };
  const Part twice[] = {
      {.bytes = provider, .name = "one"},
      {.bytes = provider, .name = "two"},
      {.bytes = middle, .name = "middle", .plugs = {plug("a:b/c", 0, "a:b/c")}},
      {.bytes = main, .name = "main", .plugs = {plug("d:e/f", 1, "a:b/c")}},
  };
  Running running(twice);
  CHECK(running.run() == "101");
  CHECK(running.run() == "102");
}

TEST_CASE("plugs that do not fit") {
  const Bytes provider = counter("a:b/c");
  const Bytes main = caller("a:b/c", {testing::kU8});
  Part parts[] = {
      {.bytes = provider, .name = "provider"},
      {.bytes = main, .name = "main", .plugs = {{"a:b/c", 0, "a:b/c", "dep"}}}
  };
  const std::string text = refusal(parts);
  CAPTURE(text);
  CHECK(text.starts_with(
      "loading component main; dependency 'dep' exports 'a:b/c' which is not compatible with "
      "import 'a:b/c'; "
  ));
  CHECK(text.contains("function `run`"));
  parts[1].plugs[0].export_name = "a:b/d";
  CHECK(
      refusal(parts) ==
      "loading component main; dependency 'dep' doesn't export 'a:b/d' to satisfy import 'a:b/c'"
  );
  parts[1].plugs.clear();
  CHECK(refusal(parts).starts_with("loading component main; "));
}

TEST_CASE("what is denied is there, and refuses; others still have it") {
  testing::Guest guest;
  const Bytes bytes = guest.bytes();
  {
    const Part granted[] = {{.bytes = bytes, .name = "guest"}};
    Running running(granted);
    CHECK(running.run("test:guest/run", "1.0.0") == "7");
    CHECK(running.log.lines.size() == 1);
  }
  const Part denied[] = {{.bytes = bytes, .name = "guest", .denied = {"test:host/log"}}};
  Running running(denied);
  CHECK(
      running.run("test:guest/run", "1.0.0") ==
      "test:host/log@1.0.0 log is not permitted: its grant is not inherited"
  );
  CHECK(running.log.lines.empty());
}

TEST_CASE("bare core modules take part") {
  testing::Guest guest;
  testing::BareModule bare;
  bare.component_type = testing::world_of(guest);
  const Bytes module = testing::bare_module(bare);
  const Bytes main = caller(kRun);
  const auto parts_with = [&](std::vector<std::string> denied) {
    return std::vector<Part>{
        {.bytes = module, .name = "module", .denied = std::move(denied)},
        {.bytes = main, .name = "main", .plugs = {{kRun, 0, kRun, "dep"}}}
    };
  };
  Running running(parts_with({}));
  CHECK(running.run() == "107");
  bare.component_type = {};
  const Bytes nameless = testing::bare_module(bare);
  const Part by_name[] = {
      {.bytes = nameless, .name = "module"},
      {.bytes = main, .name = "main", .plugs = {{kRun, 0, kRun, "dep"}}}
  };
  CHECK(Running(by_name).run() == "107");
  const auto names = extern_names(module);
  REQUIRE(names);
  CHECK(names->imports == std::vector<std::string>{"test:host/log@1.0.0"});
  CHECK(std::ranges::find(names->exports, kRun) != names->exports.end());
  CHECK(extern_names(main)->imports == std::vector<std::string>{kRun});
  CHECK(extern_names(main)->exports == std::vector<std::string>{"run"});
}

}  // namespace
}  // namespace whorl::component
