#include "component/composition.hpp"

#include "component/composition_encoder.hpp"
#include "component/plan.hpp"
#include "component/running_component.hpp"
#include "component/test_builder.hpp"
#include "component/test_components.hpp"
#include "component/test_compositions.hpp"
#include "engine/test_support.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::component {
namespace {

using testing::caller;
using testing::ComponentBuilder;
using testing::counter;
using testing::Running;
using testing::vec;
using testing::Wasm;

constexpr const char* kRun = "test:guest/run@1.0.0";

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

TEST_CASE("a plain name for a denied interface is denied too") {
  testing::Guest guest;
  Bytes bytes = guest.bytes();
  // The name of the import, and one that says what it implements instead.
  const Wasm before = Wasm{0}.name("test:host/log@1.0.0");
  const Wasm after = Wasm{2}.name("plain").add(vec({Wasm{0}.name("test:host/log@1.0.0")}));
  const auto at = std::ranges::search(bytes, before.bytes());
  REQUIRE(!at.empty());
  // Its section: id, size, count, the name, the type.
  const std::size_t section = static_cast<std::size_t>(at.begin() - bytes.begin()) - 3;
  REQUIRE(bytes[section] == 10);
  bytes[section + 1] =
      static_cast<std::uint8_t>(bytes[section + 1] + after.bytes().size() - before.bytes().size());
  const auto gap = bytes.erase(at.begin(), at.end());
  bytes.insert(gap, after.bytes().begin(), after.bytes().end());
  const Part granted[] = {{.bytes = bytes, .name = "guest"}};
  CHECK(Running(granted).run("test:guest/run", "1.0.0") == "7");
  const Part denied[] = {{.bytes = bytes, .name = "guest", .denied = {"test:host/log"}}};
  CHECK(
      Running(denied).run("test:guest/run", "1.0.0") ==
      "test:host/log@1.0.0 log is not permitted: its grant is not inherited"
  );
  const auto composed = encode_composition(denied);
  REQUIRE(composed);
  CHECK(extern_names(*composed)->imports.empty());
}

/// A component with a module in the form of a preview 1 adapter, which uses nothing of the files
/// and the environment that it claims to adapt.
Bytes pretends_to_adapt(std::string_view import) {
  testing::ComponentBuilder out;
  const std::uint32_t host = out.import_instance(
      import,
      out.type(Wasm{0x42}.add(vec(
          {Wasm{1}.add(testing::func_of({{testing::kStringType}})), testing::export_func("log", 0)}
      )))
  );
  const std::uint32_t log = out.alias_func(host, "log");
  const std::uint32_t memory = out.core_instance(out.module(testing::CoreBuilder().bytes()));
  const std::uint32_t bytes = out.core_memory(memory, "m");
  const std::uint32_t lowered = out.lower(log, Wasm{1, 3}.leb(bytes));
  const Wasm preview1 =
      testing::func_type({testing::kCoreI32, testing::kCoreI32}, {testing::kCoreI32});
  testing::CoreBuilder adapter;
  adapter.own_memory = false;
  adapter.funcs = {
      {"f", testing::func_type({testing::kCoreI32, testing::kCoreI32}, {}), {}, true},
      {"environ_sizes_get", preview1, testing::code({0x41, 0})},
  };
  const std::uint32_t adapts = out.core_instance(
      out.module(adapter.bytes()), {{"", out.core_bag({{"f", 0, lowered}, {"m", 2, bytes}})}}
  );
  testing::CoreBuilder main;
  main.own_memory = false;
  main.funcs = {
      {"e", preview1, {}, true},
      {"run",
       testing::func_type({}, {testing::kCoreI32}),
       testing::code({0x41, 8, 0x41, 12, 0x10, 0})},
  };
  const std::uint32_t sizes = out.core_func(adapts, "environ_sizes_get");
  const std::uint32_t runs = out.core_instance(
      out.module(main.bytes()), {{"", out.core_bag({{"e", 0, sizes}, {"m", 2, bytes}})}}
  );
  const std::uint32_t type = out.type(testing::func_of({}, {testing::kU32}));
  out.export_item("run", testing::ItemSort::Func, out.lift(out.core_func(runs, "run"), {0}, type));
  return out.bytes();
}

TEST_CASE("what looks like an adapter of preview 1 gets no more than it was given") {
  static constexpr std::array<CoreHostFunction, 1> kFunctions = {
      {{"environ_sizes_get",
        [] {
          using enum engine::ValType;
          return engine::FuncType{{I32, I32}, {I32}};
        },
        nullptr}}
  };
  static constexpr std::array<CoreHostModule, 4> kModules = {{
      {kPreview1Variants[0].data(), kFunctions},
      {kPreview1Variants[1].data(), kFunctions},
      {kPreview1Variants[2].data(), kFunctions},
      {kPreview1Variants[3].data(), kFunctions},
  }};
  HostRegistry registry;
  std::array<HostInterface, 3> interfaces = {
      testing::log_interface(), testing::log_interface(), testing::log_interface()
  };
  interfaces[0].name = "wasi:test/log";
  interfaces[1].name = "wasi:filesystem/preopens";
  interfaces[2].name = "wasi:cli/environment";
  for (const HostInterface& interface : interfaces) {
    registry.add(interface);
  }
  for (const CoreHostModule& module : kModules) {
    registry.add(module);
  }
  const auto text = [&](std::string_view import, std::vector<std::string> denied) {
    const Bytes bytes = pretends_to_adapt(import);
    const Part parts[] = {{.bytes = bytes, .name = "part", .denied = std::move(denied)}};
    const auto plan = plan_composition(registry, parts, {});
    REQUIRE_MESSAGE(plan, (plan ? "" : plan.error().to_line()));
    return describe_plan(*plan);
  };
  const auto named = [](std::size_t variant) {
    return fmt::format("{} environ_sizes_get", kPreview1Variants[variant]);
  };
  CHECK(text("wasi:test/log@1.0.0", {}).contains(named(0)));
  CHECK(text("wasi:filesystem/preopens@1.0.0", {}).contains(named(1)));
  CHECK(text("wasi:cli/environment@1.0.0", {}).contains(named(2)));
  CHECK_FALSE(
      text("wasi:cli/environment@1.0.0", {"wasi:cli/environment"}).contains(kPreview1Variants[3])
  );
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
  bare.import_module = "spin-config";  // one of 2022
  bare.import_name = "get-config";
  const Bytes old = testing::bare_module(bare);
  CHECK(
      extern_names(old)->imports ==
      std::vector<std::string>{"fermyon:spin/config", "test:host/log@1.0.0"}
  );
}

}  // namespace
}  // namespace whorl::component
