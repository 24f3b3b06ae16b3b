// Bare core modules that export resources, in both schemes of names and both forms of worlds.
#include "component/plan.hpp"
#include "component/running_component.hpp"
#include "component/test_builder.hpp"
#include "component/test_components.hpp"
#include "engine/test_support.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace whorl::component {
namespace {

using testing::core_export;
using testing::func_import;
using testing::func_type;
using testing::kStringType;
using testing::kU32;
using testing::Running;
using testing::section;
using testing::vec;
using testing::Wasm;

constexpr int kI32 = testing::kCoreI32;
constexpr std::string_view kC = "test:res/c@1.2.3";

/// A core module with a memory and a mutable global 0.
struct Core {
  struct Import {
    std::string module;
    std::string name;
    Wasm type;
  };
  struct Func {
    std::string name;
    Wasm type;
    Wasm code;  ///< body without its end
  };
  std::vector<Import> imports;
  std::vector<Func> funcs;
  std::string memory = "memory";
  Bytes data;                 ///< at address 16
  std::vector<Bytes> worlds;  ///< payloads of component-type sections
};

Wasm sized(const Wasm& code) {
  const Wasm whole = Wasm{0}.add(code).byte(0x0b);
  return Wasm().leb(static_cast<std::uint32_t>(whole.bytes().size())).add(whole);
}

Bytes bytes_of(const Core& core) {
  testing::Parts types;
  testing::Parts imports;
  testing::Parts own;
  testing::Parts exports = {core_export(core.memory, 2, 0)};
  testing::Parts code;
  for (const Core::Import& import : core.imports) {
    imports.push_back(
        func_import(import.module, import.name, static_cast<std::uint32_t>(types.size()))
    );
    types.push_back(import.type);
  }
  for (const Core::Func& func : core.funcs) {
    own.push_back(Wasm().leb(static_cast<std::uint32_t>(types.size())));
    exports.push_back(
        core_export(func.name, 0, static_cast<std::uint32_t>(imports.size() + own.size() - 1))
    );
    types.push_back(func.type);
    code.push_back(sized(func.code));
  }
  testing::Parts sections = {
      section(1, vec(types)),
      section(2, vec(imports)),
      section(3, vec(own)),
      section(5, vec({Wasm{0, 1}})),
      section(6, vec({Wasm{0x7f, 1, 0x41, 0, 0x0b}})),
      section(7, vec(exports)),
      section(10, vec(code)),
  };
  if (!core.data.empty()) {
    sections.push_back(section(
        11,
        Wasm{1, 0, 0x41, 16, 0x0b}
            .leb(static_cast<std::uint32_t>(core.data.size()))
            .add(testing::raw(core.data))
    ));
  }
  for (const Bytes& world : core.worlds) {
    sections.push_back(section(0, Wasm().name("component-type:x").add(testing::raw(world))));
  }
  return testing::module(sections);
}

Wasm func_named(const std::vector<std::pair<std::string, Wasm>>& params, const Wasm& result) {
  Wasm out = Wasm{0x40}.leb(static_cast<std::uint32_t>(params.size()));
  for (const auto& [name, type] : params) {
    out.name(name).add(type);
  }
  return out.add(Wasm{0}).add(result);
}
Wasm declare(const Wasm& type) {
  return Wasm{1}.add(type);
}

/// The interface "c": resource r { constructor(x: u32); get: func() -> u32; take: static func(r: r)
/// -> u32 }, last: func() -> u32, label: func() -> string.
Wasm c_type() {
  return Wasm{0x42}.add(vec({
      Wasm{4, 0}.name("r").add({3, 1}),
      declare(Wasm{0x69, 0}),
      declare(Wasm{0x68, 0}),
      declare(func_named({{"x", {kU32}}}, {1})),
      testing::export_func("[constructor]r", 3),
      declare(func_named({{"self", {2}}}, {kU32})),
      testing::export_func("[method]r.get", 4),
      declare(func_named({{"r", {1}}}, {kU32})),
      testing::export_func("[static]r.take", 5),
      declare(func_named({}, {kU32})),
      testing::export_func("last", 6),
      declare(func_named({}, {kStringType})),
      testing::export_func("label", 7),
  }));
}

/// The world that exports c.
Wasm provider_world(std::string_view name = kC) {
  return Wasm{0x41}.add(vec({declare(c_type()), Wasm{4, 0}.name(name).add({5, 0})}));
}
/// The world that imports c and exports run: func() -> u32.
Wasm consumer_world() {
  return Wasm{0x41}.add(vec({
      declare(c_type()),
      Wasm{3}.add(testing::import_instance(kC, 0)),
      declare(func_named({}, {kU32})),
      Wasm{4, 0}.name("run").add({1, 1}),
  }));
}

/// A component-type section as it is today.
Bytes today(const Wasm& world, int encoding = 0) {
  const Wasm outer =
      Wasm{0x41}.add(vec({declare(world), Wasm{4, 0}.name("test:res/w").add({4, 0})}));
  return testing::component({
      section(0, Wasm().name("wit-component-encoding").add({4, encoding})),
      section(7, vec({outer})),
      section(11, vec({Wasm{0}.name("w").add({3, 0, 0})})),
  });
}

/// The form of 2023: an encoding, the name of a world, and the package with all it has.
Bytes of_2023(const Wasm& world, int encoding = 0) {
  const Wasm empty = Wasm{0x41}.add(vec({}));
  const Wasm package = Wasm{0x41}.add(vec({
      declare(c_type()),
      Wasm{4, 0}.name(kC).add({5, 0}),
      declare(empty),
      Wasm{4, 0}.name("test:res/other@1.2.3").add({4, 1}),
      declare(world),
      Wasm{4, 0}.name("test:res/w@1.2.3").add({4, 2}),
  }));
  const Bytes root = testing::component({
      section(7, vec({package})),
      section(11, vec({Wasm{0}.name("test:res/wit").add({3, 0, 0})})),
  });
  return Wasm{3, encoding}.name("w").add(testing::raw(root)).bytes();
}

enum class Names : std::uint8_t { Brackets, Standard };

/// Imports 0 new, 1 rep, 2 drop. The destructor makes global 0 a hundred of it and the
/// representation.
Core provider(Names names) {
  const bool standard = names == Names::Standard;
  const std::string from = standard ? "cm32p2|_ex_test:res/c@1" : "[export]test:res/c@1.2.3";
  const std::string at = standard ? "cm32p2|test:res/c@1|" : "test:res/c@1.2.3#";
  const Wasm to_one = func_type({kI32}, {kI32});
  Core out;
  out.imports = {
      {from, standard ? "r_new" : "[resource-new]r", to_one},
      {from, standard ? "r_rep" : "[resource-rep]r", to_one},
      {from, standard ? "r_drop" : "[resource-drop]r", func_type({kI32}, {})},
  };
  out.funcs = {
      {at + "[constructor]r", to_one, {0x20, 0, 0x10, 0}},
      {at + "[method]r.get", to_one, {0x20, 0}},
      {at + "[static]r.take", to_one, {0x20, 0, 0x10, 1, 0x20, 0, 0x10, 2}},
      {at + (standard ? "r_dtor" : "[dtor]r"),
       func_type({kI32}, {}),
       {0x23, 0, 0x41, 0xe4, 0, 0x6c, 0x20, 0, 0x6a, 0x24, 0}},
      {at + "last", func_type({}, {kI32}), {0x23, 0}},
      {at + "label", func_type({}, {kI32}), {0x41, 16}},
      // After label() the global is 9.
      {standard ? at + "label_post" : "cabi_post_" + at + "label",
       func_type({kI32}, {}),
       {0x41, 9, 0x24, 0}},
  };
  if (standard) {
    out.memory = "cm32p2_memory";
    out.funcs.push_back(
        {"cm32p2_realloc", func_type({kI32, kI32, kI32, kI32}, {kI32}), {0x41, 0xc0, 0}}
    );
    out.funcs.push_back({"cm32p2_initialize", func_type({}, {}), {}});
  }
  out.data = Wasm{24, 0, 0, 0, 2, 0, 0, 0, 'h', 'i'}.bytes();
  out.worlds = {today(provider_world())};
  return out;
}

/// Makes 7 and 5 (handles 1 and 2), then get(1) * 1000 + take(2) * 100, drops 1, and adds last():
/// the destructor has seen 5, then 7.
const Wasm kRun = {0x41, 7,    0x10, 0,    0x1a, 0x41, 5,    0x10, 0,    0x1a, 0x41, 1,
                   0x10, 1,    0x41, 0xe8, 7,    0x6c, 0x41, 2,    0x10, 2,    0x41, 0xe4,
                   0,    0x6c, 0x6a, 0x41, 1,    0x10, 3,    0x10, 4,    0x6a};

/// Imports 0 constructor, 1 get, 2 take, 3 drop, 4 last.
Core consumer(Names names, const Wasm& run = kRun) {
  const bool standard = names == Names::Standard;
  const std::string from = standard ? "cm32p2|test:res/c@1" : std::string(kC);
  const Wasm to_one = func_type({kI32}, {kI32});
  Core out;
  out.imports = {
      {from, "[constructor]r", to_one},
      {from, "[method]r.get", to_one},
      {from, "[static]r.take", to_one},
      {from, standard ? "r_drop" : "[resource-drop]r", func_type({kI32}, {})},
      {from, "last", func_type({}, {kI32})},
  };
  out.funcs = {{standard ? "cm32p2||run" : "run", func_type({}, {kI32}), run}};
  out.memory = standard ? "cm32p2_memory" : "memory";
  out.worlds = {today(consumer_world())};
  return out;
}

std::string run(const Core& makes, const Core& uses) {
  const Bytes first = bytes_of(makes);
  const Bytes second = bytes_of(uses);
  const auto names = extern_names(second);
  REQUIRE(names);
  CHECK(names->imports == std::vector<std::string>{std::string(kC)});
  const Part parts[] = {
      {.bytes = first, .name = "provider"},
      {.bytes = second,
       .name = "consumer",
       .plugs = {{std::string(kC), 0, std::string(kC), "provider"}}}
  };
  return Running(parts).run();
}

TEST_CASE("resources of a bare core module are made, lent, given away and dropped by another") {
  for (const Names makes : {Names::Brackets, Names::Standard}) {
    for (const Names uses : {Names::Brackets, Names::Standard}) {
      CHECK(run(provider(makes), consumer(uses)) == "8007");
    }
  }
}

TEST_CASE("the worlds of 2023 name a package") {
  Core makes = provider(Names::Brackets);
  makes.worlds = {of_2023(provider_world())};
  Core uses = consumer(Names::Brackets);
  uses.worlds = {of_2023(consumer_world())};
  CHECK(run(makes, uses) == "8007");
  // The names of the weeks in which there were two drops.
  uses.imports[3].name = "[resource-drop-own]r";
  CHECK(run(makes, uses) == "8007");
}

TEST_CASE("an interface that two worlds export has its resources once") {
  Core makes = provider(Names::Brackets);
  makes.worlds.push_back(makes.worlds[0]);
  CHECK(run(makes, consumer(Names::Brackets)) == "8007");
}

TEST_CASE("names of another patch version are those of the world") {
  Core makes = provider(Names::Brackets);
  for (Core::Import& import : makes.imports) {
    import.module = "[export]test:res/c@1.2.0";
  }
  for (Core::Func& func : makes.funcs) {
    if (const std::size_t at = func.name.find("1.2.3"); at != std::string::npos) {
      func.name.replace(at, 5, "1.0.0");
    }
  }
  CHECK(run(makes, consumer(Names::Brackets)) == "8007");
}

TEST_CASE("handles that are none end the guest, with a message") {
  struct Row {
    Wasm code;
    const char* text;
  };
  const Row rows[] = {
      // get(1) without any
      {{0x41, 1, 0x10, 1}, "unknown handle index 1"},
      // use after drop, double drop, use after it was given away
      {{0x41, 7, 0x10, 0, 0x10, 3, 0x41, 1, 0x10, 1}, "unknown handle index 1"},
      {{0x41, 7, 0x10, 0, 0x10, 3, 0x41, 1, 0x10, 3, 0x41, 0}, "unknown handle index 1"},
      {{0x41, 7, 0x10, 0, 0x10, 2, 0x1a, 0x41, 1, 0x10, 1}, "unknown handle index 1"},
      {{0x41, 0x7f, 0x10, 1}, "unknown handle index 4294967295"},
  };
  for (const Row& row : rows) {
    for (const Names names : {Names::Brackets, Names::Standard}) {
      const std::string said = run(provider(names), consumer(names, row.code));
      CHECK_MESSAGE(said.find(row.text) != std::string::npos, said);
    }
  }
  // In the module that defines it: rep and drop of handles that are none.
  Core makes = provider(Names::Brackets);
  makes.funcs[0].code = {0x41, 3, 0x10, 1};
  CHECK(run(makes, consumer(Names::Brackets)).find("unknown handle index 3") != std::string::npos);
  makes.funcs[0].code = {0x41, 3, 0x10, 2, 0x41, 0};
  CHECK(run(makes, consumer(Names::Brackets)).find("unknown handle index 3") != std::string::npos);
  // A constructor that returns no handle, and a destructor that traps.
  makes.funcs[0].code = {0x20, 0};
  CHECK(run(makes, consumer(Names::Brackets)).find("unknown handle index 7") != std::string::npos);
  makes = provider(Names::Brackets);
  makes.funcs[3].code = {0x00};
  CHECK(run(makes, consumer(Names::Brackets)).find("unreachable") != std::string::npos);
}

TEST_CASE("strings in the encoding of the world, post-return by its name") {
  for (const Names names : {Names::Brackets, Names::Standard}) {
    const Bytes plain = bytes_of(provider(names));
    Core wide = provider(names);
    wide.worlds = {today(provider_world(), 1)};
    wide.data = Wasm{24, 0, 0, 0, 2, 0, 0, 0, 'h', 0, 'i', 0}.bytes();
    const Bytes utf16 = bytes_of(wide);
    wide.worlds = {of_2023(provider_world(), 1)};
    const Bytes old = bytes_of(wide);
    for (const ByteView bytes : {ByteView(plain), ByteView(utf16), ByteView(old)}) {
      const Part parts[] = {{.bytes = bytes, .name = "module"}};
      Running running(parts);
      CHECK(running.call("test:res/c", "1.2.3", "label") == "\"hi\"");
      CHECK(running.call("test:res/c", "1.2.3", "last") == "9");
    }
  }
}

TEST_CASE("imports of the host in the standard scheme, which no world describes") {
  Core core;
  core.imports = {
      {"cm32p2|test:host/log@1", "log", func_type({kI32, kI32}, {})},
      {"cm32p2|test:host/log@1", "thing_drop", func_type({kI32}, {})},
  };
  core.funcs = {
      {"cm32p2|test:guest/run@1|run", func_type({}, {kI32}), {0x41, 16, 0x41, 2, 0x10, 0, 0x23, 0}},
      {"cm32p2_initialize", func_type({}, {}), {0x41, 7, 0x24, 0}},
  };
  core.memory = "cm32p2_memory";
  core.data = Wasm{'h', 'i'}.bytes();
  const Wasm run =
      Wasm{0x42}.add(vec({declare(func_named({}, {kU32})), testing::export_func("run", 0)}));
  core.worlds = {today(
      Wasm{0x41}.add(vec({declare(run), Wasm{4, 0}.name("test:guest/run@1.0.0").add({5, 0})}))
  )};
  const Bytes bytes = bytes_of(core);
  const Part parts[] = {{.bytes = bytes, .name = "module"}};
  Running running(parts);
  CHECK(running.run("test:guest/run", "1.0.0") == "7");
  CHECK(running.log.lines == std::vector<std::string>{"hi"});
}

TEST_CASE("what cannot be linked says why") {
  const auto refused = [](const Core& core) {
    const Bytes bytes = bytes_of(core);
    const auto plan = plan_component(testing::test_registry(), bytes, {});
    return plan ? std::string("linked") : plan.error().to_line();
  };
  const auto has = [&](const Core& core, std::string_view text) {
    const std::string said = refused(core);
    CHECK_MESSAGE(said.find(text) != std::string::npos, said);
  };
  Core core = provider(Names::Brackets);
  CHECK(refused(core) == "linked");
  core.funcs[3].type = func_type({kI32, kI32}, {});
  has(core, "the destructor \"test:res/c@1.2.3#[dtor]r\" must take one i32 and return nothing");
  core = provider(Names::Brackets);
  core.imports[0].name = "[resource-new]s";
  has(core, "\"[resource-new]s\", but its world exports no such resource");
  core.imports[0].name = "[resource-new]r";
  core.imports[0].module = kC;
  has(core, "which is not an interface of the host");
  core = provider(Names::Brackets);
  core.worlds.clear();
  has(core, "but its world exports no such resource");
  core = provider(Names::Brackets);
  core.worlds = {today(provider_world(), 3)};
  has(core, "unknown string encoding 0x3");
  Bytes other = of_2023(provider_world());
  other[3] = 'v';
  core.worlds = {other};
  has(core, "the component-type section holds no world v");
  core.worlds = {Wasm{2, 0, 1, 'p', 1, 'd', 1, 'w'}.bytes()};
  has(core, "described as wit-bindgen did before June 2023");
  core.worlds = {Wasm{3, 0, 200, 1}.bytes()};
  has(core, "component-type:x");
  core = provider(Names::Standard);
  core.imports[0].module = "cm32p2x";
  has(core, "\"cm32p2x\" \"r_new\", which is not an interface of the host");
  core.imports[0].module = "cm32p2";
  has(core, "which is not an interface of the host");
}

}  // namespace
}  // namespace whorl::component
