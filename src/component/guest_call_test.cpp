// Calls between components inside one: values, resources, and the rules about entering and leaving.
#include "component/guest_call.hpp"

#include "component/component_impl.hpp"
#include "component/dynamic_call.hpp"
#include "component/test_builder.hpp"
#include "engine/fiber.hpp"
#include "engine/test_support.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace whorl::component {
namespace {

using testing::ComponentBuilder;
using testing::CoreBuilder;
using testing::func_of;
using testing::func_type;
using testing::ItemSort;
using testing::kU32;
using testing::kU64;
using testing::kU8;
using testing::vec;
using testing::Wasm;

constexpr int kI32 = testing::kCoreI32;
constexpr int kI64 = testing::kCoreI64;

/// A component of builders' making, running.
class Running {
 public:
  explicit Running(const Bytes& bytes) {
    auto loaded =
        Component::load(engine::test::engine(), nullptr, testing::test_registry(), bytes, "test");
    REQUIRE_MESSAGE(loaded, (loaded ? "" : loaded.error().to_line()));
    component = *std::move(loaded);
    instance = std::make_unique<ComponentInstance>(component, hosts_);
    store = engine::test::make_store({}, instance.get());
    const auto made = instance->instantiate(*store);
    REQUIRE_MESSAGE(made, (made ? "" : made.error().message));
  }
  ~Running() {
    store.reset();
    instance.reset();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  /// Calls an exported function. @return its result as text, or the trap's message
  [[nodiscard]] std::string call(std::string_view name, std::vector<Value> args = {}) {
    const ExportedFunc* func = component->find_export("", "", name);
    REQUIRE(func != nullptr);
    std::string out;
    auto entry = [&](engine::Fiber&) -> std::expected<void, engine::Trap> {
      auto called = call_export(*instance, *store, *func, args);
      out = !called    ? called.error().message
            : !*called ? "done"
                       : to_text(**called, *func->shape.result);
      return {};
    };
    engine::test::QueueScheduler scheduler;
    engine::Fiber fiber(*store, scheduler, engine::test::entry_of(entry), &entry);
    scheduler.go(fiber);
    return out;
  }

  testing::Log log;
  std::shared_ptr<const Component> component;
  std::unique_ptr<ComponentInstance> instance;
  std::unique_ptr<engine::Store> store;

 private:
  void* hosts_[1] = {&log};
};

Wasm code(std::initializer_list<int> bytes) {
  return Wasm(bytes);
}

/// An instance type: exports of types and functions, as its declarations.
Wasm instance_of(const testing::Parts& declarations) {
  return Wasm{0x42}.add(vec(declarations));
}
Wasm declare_type(const Wasm& type) {
  return Wasm{1}.add(type);
}
Wasm declare_func(std::string_view name, std::uint32_t type) {
  return testing::export_func(name, type);
}
Wasm declare_resource(std::string_view name) {
  return Wasm{4, 0}.name(name).add({3, 1});
}

/// A component that lifts functions of one core module that needs nothing.
struct Leaf {
  struct Func {
    std::string name;
    Wasm core_type;
    Wasm core_code;
    Wasm type;  ///< uses component types 0, 1, … of `types`
  };
  testing::Parts types;
  std::vector<Func> funcs;
  int encoding = 0;

  [[nodiscard]] Bytes bytes() const {
    CoreBuilder core;
    for (const Func& func : funcs) {
      core.funcs.push_back({func.name, func.core_type, func.core_code});
    }
    ComponentBuilder out;
    for (const Wasm& type : types) {
      out.type(type);
    }
    const std::uint32_t instance = out.core_instance(out.module(core.bytes()));
    const std::uint32_t memory = out.core_memory(instance, "m");
    const std::uint32_t realloc = out.core_func(instance, "r");
    for (const Func& func : funcs) {
      const std::uint32_t type = out.type(func.type);
      const std::uint32_t core_func = out.core_func(instance, func.name);
      const Wasm options = Wasm{3, encoding, 3}.leb(memory).byte(4).leb(realloc);
      out.export_item(func.name, ItemSort::Func, out.lift(core_func, options, type));
    }
    return out.bytes();
  }
};

/// A component that imports the instances "c" (and "e"), and whose core module calls their
/// functions to compute "run". Its memory holds `data` at 16.
struct Caller {
  struct Import {
    std::string instance;
    testing::Parts declarations;
    std::vector<std::string> funcs;
    std::vector<std::string> resources;  ///< dropped by the core functions after the others
  };
  struct CoreFunc {
    std::string name;
    Wasm type;
  };
  std::vector<Import> imports;
  std::vector<CoreFunc> core_imports;  ///< in the order of `imports`: functions, then drops
  Wasm run;
  Bytes data;

  [[nodiscard]] Bytes bytes() const {
    ComponentBuilder out;
    CoreBuilder libc;
    libc.data = data;
    const std::uint32_t memory_instance = out.core_instance(out.module(libc.bytes()));
    const std::uint32_t memory = out.core_memory(memory_instance, "m");
    const std::uint32_t realloc = out.core_func(memory_instance, "r");
    std::vector<testing::NamedCore> items = {{"m", 2, memory}};
    std::size_t next = 0;
    for (const Import& import : imports) {
      const std::uint32_t instance =
          out.import_instance(import.instance, out.type(instance_of(import.declarations)));
      for (const std::string& name : import.funcs) {
        const std::uint32_t func = out.alias_func(instance, name);
        const std::uint32_t lowered = out.lower(func, testing::memory_options(memory, realloc));
        items.push_back({core_imports[next++].name, 0, lowered});
      }
      for (const std::string& name : import.resources) {
        const std::uint32_t drop = out.builtin(3, out.alias_type(instance, name));
        items.push_back({core_imports[next++].name, 0, drop});
      }
    }
    CoreBuilder main;
    main.own_memory = false;
    for (const CoreFunc& func : core_imports) {
      main.funcs.push_back({func.name, func.type, {}, true});
    }
    main.funcs.push_back({"run", func_type({}, {kI32}), run});
    const std::uint32_t bag = out.core_bag(items);
    const std::uint32_t instance = out.core_instance(out.module(main.bytes()), {{"", bag}});
    const std::uint32_t func =
        out.lift(out.core_func(instance, "run"), {0}, out.type(func_of({}, {kU32})));
    out.export_item("run", ItemSort::Func, func);
    return out.bytes();
  }
};

/// Instantiates the first, gives it to the second as "c", exports "run" of the second.
Bytes compose(const Bytes& callee, const Bytes& caller) {
  ComponentBuilder out;
  const std::uint32_t first = out.instance(out.component(callee));
  const std::uint32_t second =
      out.instance(out.component(caller), {{"c", ItemSort::Instance, first}});
  out.export_item("run", ItemSort::Func, out.alias_func(second, "run"));
  return out.bytes();
}

TEST_CASE("strings go to another component and back, whatever each side's encoding") {
  // Adds one to the first byte and returns the string it was given.
  const Wasm shout =
      code({0x20, 0, 0x20, 0, 0x2d, 0,    0,    0x41, 1,    0x6a, 0x3a, 0, 0, 0x41, 0x80, 4,
            0x20, 0, 0x36, 2, 0,    0x41, 0x80, 4,    0x20, 1,    0x36, 2, 4, 0x41, 0x80, 4});
  const Wasm type = func_of({{testing::kStringType}}, {testing::kStringType});
  // shout("hello"): first byte + 1000 * length
  Caller caller;
  caller.imports = {{"c", {declare_type(type), declare_func("shout", 0)}, {"shout"}, {}}};
  caller.core_imports = {{"shout", func_type({kI32, kI32, kI32}, {})}};
  caller.run = code({0x41, 16, 0x41, 5,    0x41, 0x80, 2,    0x10, 0, 0x41, 0x80, 2, 0x28, 2,   0,
                     0x2d, 0,  0,    0x41, 0x80, 2,    0x28, 2,    4, 0x41, 0xe8, 7, 0x6c, 0x6a});
  caller.data = {'h', 'e', 'l', 'l', 'o'};
  for (const int encoding : {0, 1, 2}) {
    CAPTURE(encoding);
    Leaf leaf;
    leaf.funcs = {{"shout", func_type({kI32, kI32}, {kI32}), shout, type}};
    leaf.encoding = encoding;
    Running running(compose(leaf.bytes(), caller.bytes()));
    CHECK(running.call("run") == "5105");
    CHECK(running.call("run") == "5105");
  }
}

TEST_CASE("tuples of numbers and lists go to another component") {
  const Wasm list{0x70, kU32};
  const Wasm tuple{0x6f, 3, kU8, kU64, 0};
  // a + b + list[0] + list[2]
  const Wasm sum =
      code({0x20, 0, 0xad, 0x20, 1, 0x7c, 0x20, 2, 0x35, 2, 0, 0x7c, 0x20, 2, 0x35, 2, 8, 0x7c});
  Leaf leaf;
  leaf.types = {list, tuple};
  leaf.funcs = {{"sum", func_type({kI32, kI64, kI32, kI32}, {kI64}), sum, func_of({{1}}, {kU64})}};
  Caller caller;
  caller.imports = {
      {"c",
       {declare_type(list),
        declare_type(tuple),
        declare_type(func_of({{1}}, {kU64})),
        declare_func("sum", 2)},
       {"sum"},
       {}}
  };
  caller.core_imports = {{"sum", func_type({kI32, kI64, kI32, kI32}, {kI64})}};
  caller.run = code({0x41, 7, 0x42, 40, 0x41, 16, 0x41, 3, 0x10, 0, 0xa7});
  caller.data = {1, 0, 0, 0, 9, 9, 9, 9, 0, 1, 0, 0};
  Running running(compose(leaf.bytes(), caller.bytes()));
  CHECK(running.call("run") == "304");
}

TEST_CASE("a trap in the callee ends both, and neither is entered again") {
  Leaf leaf;
  leaf.funcs = {{"fail", func_type({}, {}), code({0x00}), func_of({})}};
  Caller caller;
  caller.imports = {{"c", {declare_type(func_of({})), declare_func("fail", 0)}, {"fail"}, {}}};
  caller.core_imports = {{"fail", func_type({}, {})}};
  caller.run = code({0x10, 0, 0x41, 1});
  Running running(compose(leaf.bytes(), caller.bytes()));
  CHECK(running.call("run").find("unreachable") != std::string::npos);
  for (std::uint16_t index = 0; index < 3; ++index) {
    CHECK_FALSE(running.instance->enter(index, ComponentInstance::kHost));
  }
}

TEST_CASE("entering and leaving follow the tree of component instances") {
  // Root 0 holds 1 and 3; 1 holds 2.
  ComponentBuilder outer;
  (void)outer.instance(outer.component(ComponentBuilder().bytes()));
  ComponentBuilder root;
  (void)root.instance(root.component(outer.bytes()));
  (void)root.instance(root.component(ComponentBuilder().bytes()));
  Running running(root.bytes());
  ComponentInstance& instance = *running.instance;
  constexpr std::uint16_t kHost = ComponentInstance::kHost;
  REQUIRE(instance.component().impl().plan.components.size() == 4);

  CHECK(instance.enter(2, kHost));
  CHECK_FALSE(instance.enter(2, kHost));
  CHECK_FALSE(instance.enter(1, kHost));
  CHECK_FALSE(instance.enter(3, kHost));  // the root is entered
  CHECK(instance.enter(3, 2));
  CHECK_FALSE(instance.enter(3, 2));
  CHECK_FALSE(instance.enter(1, 3));
  CHECK(instance.enter(1, 2));  // its own surroundings: nothing is entered
  CHECK(instance.enter(0, 3));
  instance.leave(3, 2);
  CHECK(instance.enter(3, 1));
  instance.leave(3, 1);
  instance.leave(2, kHost);
  CHECK(instance.enter(3, kHost));
  CHECK_FALSE(instance.enter(2, kHost));
  CHECK(instance.enter(2, 3));
}

/// A component that keeps the last number it was told.
Bytes notebook() {
  Leaf leaf;
  leaf.funcs = {
      {"note", func_type({kI32}, {}), code({0x41, 0, 0x20, 0, 0x36, 2, 0}), func_of({{kU32}})},
      {"last", func_type({}, {kI32}), code({0x41, 0, 0x28, 2, 0}), func_of({}, {kU32})},
  };
  return leaf.bytes();
}
testing::Parts notebook_type() {
  return {
      declare_type(func_of({{kU32}})),
      declare_func("note", 0),
      declare_type(func_of({}, {kU32})),
      declare_func("last", 1),
  };
}

/// A component that defines a resource "r" whose destructor calls `note` of the instance "e", and
/// exports make: func() -> r (its representation is 77), peek: func(borrow<r>) -> u32.
Bytes maker() {
  ComponentBuilder out;
  const std::uint32_t e = out.import_instance("e", out.type(instance_of(notebook_type())));
  const std::uint32_t note = out.lower(out.alias_func(e, "note"), {0});
  CoreBuilder dtor;
  dtor.funcs = {
      {"note", func_type({kI32}, {}), {}, true},
      {"d", func_type({kI32}, {}), code({0x20, 0, 0x10, 0})},
  };
  const std::uint32_t bag = out.core_bag({{"note", 0, note}});
  const std::uint32_t destroyer = out.core_instance(out.module(dtor.bytes()), {{"", bag}});
  const std::uint32_t defined = out.resource(static_cast<int>(out.core_func(destroyer, "d")));
  const std::uint32_t make = out.builtin(2, defined);
  CoreBuilder core;
  core.funcs = {
      {"new", func_type({kI32}, {kI32}), {}, true},
      {"make", func_type({}, {kI32}), code({0x41, 0xcd, 0, 0x10, 0})},
      {"peek", func_type({kI32}, {kI32}), code({0x20, 0})},
  };
  const std::uint32_t new_bag = out.core_bag({{"new", 0, make}});
  const std::uint32_t instance = out.core_instance(out.module(core.bytes()), {{"", new_bag}});
  const std::uint32_t r = out.export_item("r", ItemSort::Type, defined);
  const std::uint32_t own = out.type(Wasm{0x69}.leb(r));
  const std::uint32_t borrow = out.type(Wasm{0x68}.leb(r));
  const std::uint32_t make_type = out.type(func_of({}, Wasm().leb(own)));
  const std::uint32_t peek_type = out.type(func_of({Wasm().leb(borrow)}, {kU32}));
  out.export_item(
      "make", ItemSort::Func, out.lift(out.core_func(instance, "make"), {0}, make_type)
  );
  out.export_item(
      "peek", ItemSort::Func, out.lift(out.core_func(instance, "peek"), {0}, peek_type)
  );
  return out.bytes();
}

/// What maker() exports.
testing::Parts maker_type() {
  return {
      declare_resource("r"),
      declare_type(Wasm{0x69, 0}),
      declare_type(Wasm{0x68, 0}),
      declare_type(func_of({}, {1})),
      declare_func("make", 3),
      declare_type(func_of({{2}}, {kU32})),
      declare_func("peek", 4),
  };
}

/// Instances: notebook as "e", maker as "c", and the caller with both.
Bytes with_maker(const Bytes& caller) {
  ComponentBuilder out;
  const std::uint32_t e = out.instance(out.component(notebook()));
  const std::uint32_t c = out.instance(out.component(maker()), {{"e", ItemSort::Instance, e}});
  const std::uint32_t run = out.instance(
      out.component(caller), {{"c", ItemSort::Instance, c}, {"e", ItemSort::Instance, e}}
  );
  out.export_item("run", ItemSort::Func, out.alias_func(run, "run"));
  return out.bytes();
}

TEST_CASE("resources of another component are made, lent, dropped; the destructor calls out") {
  Caller caller;
  caller.imports = {
      {"c", maker_type(), {"make", "peek"}, {"r"}}, {"e", notebook_type(), {"last"}, {}}
  };
  caller.core_imports = {
      {"make", func_type({}, {kI32})},
      {"peek", func_type({kI32}, {kI32})},
      {"drop", func_type({kI32}, {})},
      {"last", func_type({}, {kI32})},
  };
  // make, make; peek(2) * 100; drop(1); + last()
  caller.run =
      code({0x10, 0, 0x1a, 0x10, 0, 0x10, 1, 0x41, 0xe4, 0, 0x6c, 0x41, 1, 0x10, 2, 0x10, 3, 0x6a});
  Running running(with_maker(caller.bytes()));
  CHECK(running.call("run") == "7777");

  caller.run = code({0x10, 0, 0x1a, 0x41, 1, 0x10, 2, 0x41, 1, 0x10, 1});
  Running late(with_maker(caller.bytes()));
  CHECK(late.call("run").find("unknown handle index 1") != std::string::npos);
}

/// A component that imports maker's exports as "c" and exports hold: func(borrow<r>), which either
/// drops the handle it got or keeps it.
Bytes holder(bool drops) {
  ComponentBuilder out;
  const std::uint32_t c = out.import_instance("c", out.type(instance_of(maker_type())));
  const std::uint32_t r = out.alias_type(c, "r");
  const std::uint32_t drop = out.builtin(3, r);
  CoreBuilder core;
  core.funcs = {
      {"drop", func_type({kI32}, {}), {}, true},
      {"hold", func_type({kI32}, {}), drops ? code({0x20, 0, 0x10, 0}) : code({})},
  };
  const std::uint32_t bag = out.core_bag({{"drop", 0, drop}});
  const std::uint32_t instance = out.core_instance(out.module(core.bytes()), {{"", bag}});
  const std::uint32_t named = out.export_item("r", ItemSort::Type, r);
  const std::uint32_t borrow = out.type(Wasm{0x68}.leb(named));
  const std::uint32_t type = out.type(func_of({Wasm().leb(borrow)}));
  out.export_item("hold", ItemSort::Func, out.lift(out.core_func(instance, "hold"), {0}, type));
  return out.bytes();
}

TEST_CASE("an instance does not call what is nested in it, as released tools have it") {
  Caller caller;
  // The resource of "h" is the one of "c": an alias from the component around.
  caller.imports = {{"c", maker_type(), {"make"}, {"r"}}};
  caller.core_imports = {{"make", func_type({}, {kI32})}, {"drop", func_type({kI32}, {})}};
  for (const bool drops : {true, false}) {
    ComponentBuilder out;
    const std::uint32_t e = out.instance(out.component(notebook()));
    const std::uint32_t c = out.instance(out.component(maker()), {{"e", ItemSort::Instance, e}});
    const std::uint32_t h =
        out.instance(out.component(holder(drops)), {{"c", ItemSort::Instance, c}});
    // The root itself calls: make, then hold, then drop.
    const std::uint32_t make = out.lower(out.alias_func(c, "make"), {0});
    const std::uint32_t hold = out.lower(out.alias_func(h, "hold"), {0});
    const std::uint32_t drop = out.builtin(3, out.alias_type(c, "r"));
    CoreBuilder core;
    core.funcs = {
        {"make", func_type({}, {kI32}), {}, true},
        {"hold", func_type({kI32}, {}), {}, true},
        {"drop", func_type({kI32}, {}), {}, true},
        {"run",
         func_type({}, {kI32}),
         code({0x10, 0, 0x1a, 0x41, 1, 0x10, 1, 0x41, 1, 0x10, 2, 0x41, 5})},
    };
    const std::uint32_t bag =
        out.core_bag({{"make", 0, make}, {"hold", 0, hold}, {"drop", 0, drop}});
    const std::uint32_t instance = out.core_instance(out.module(core.bytes()), {{"", bag}});
    const std::uint32_t type = out.type(func_of({}, {kU32}));
    out.export_item("run", ItemSort::Func, out.lift(out.core_func(instance, "run"), {0}, type));
    Running running(out.bytes());
    const std::string got = running.call("run");
    CAPTURE(got);
    CHECK(got == "cannot enter component instance");
  }
}

TEST_CASE("a component may not call out while its realloc runs") {
  // hear: func(string), whose realloc calls note of "c".
  ComponentBuilder callee;
  const std::uint32_t c = callee.import_instance("c", callee.type(instance_of(notebook_type())));
  const std::uint32_t note = callee.lower(callee.alias_func(c, "note"), {0});
  CoreBuilder core;
  core.funcs = {
      {"note", func_type({kI32}, {}), {}, true},
      {"alloc", func_type({kI32, kI32, kI32, kI32}, {kI32}), code({0x41, 1, 0x10, 0, 0x41, 0xc0, 0})
      },
      {"hear", func_type({kI32, kI32}, {}), code({})},
  };
  const std::uint32_t bag = callee.core_bag({{"note", 0, note}});
  const std::uint32_t instance = callee.core_instance(callee.module(core.bytes()), {{"", bag}});
  const std::uint32_t memory = callee.core_memory(instance, "m");
  const Wasm options = testing::memory_options(memory, callee.core_func(instance, "alloc"));
  const Wasm type = func_of({{testing::kStringType}});
  const std::uint32_t hear =
      callee.lift(callee.core_func(instance, "hear"), options, callee.type(type));
  callee.export_item("hear", ItemSort::Func, hear);

  ComponentBuilder root;
  const std::uint32_t notes = root.instance(root.component(notebook()));
  const std::uint32_t hearer =
      root.instance(root.component(callee.bytes()), {{"c", ItemSort::Instance, notes}});
  root.export_item("hear", ItemSort::Func, root.alias_func(hearer, "hear"));
  Running running(root.bytes());
  std::vector<Value> args;
  args.push_back(Value::string("x"));
  CHECK(
      running.call("hear", std::move(args)).find("cannot leave component instance") !=
      std::string::npos
  );
}

TEST_CASE("an import of the host is exported again, and can be called") {
  // test:host/log, as it is offered: passed on as an instance.
  ComponentBuilder out;
  const Wasm type = instance_of({
      declare_type(func_of({{testing::kStringType}})),
      Wasm{4, 0}.name("log").add({1, 0}),
  });
  // The host's parameter is called `text`; names do not count there.
  const std::uint32_t host = out.import_instance("test:host/log@1.0.0", out.type(type));
  out.export_item("log", ItemSort::Func, out.alias_func(host, "log"));
  Running running(out.bytes());
  for (int i = 0; i < 3; ++i) {
    std::vector<Value> args;
    args.push_back(Value::string(fmt::format("line {}", i)));
    CHECK(running.call("log", std::move(args)) == "done");
  }
  CHECK(running.log.lines == std::vector<std::string>{"line 0", "line 1", "line 2"});
}

TEST_CASE("instances of one component have their states apart") {
  ComponentBuilder out;
  const std::uint32_t notes = out.component(notebook());
  for (const char* name : {"a", "b"}) {
    const std::uint32_t instance = out.instance(notes);
    out.export_item(fmt::format("note-{}", name), ItemSort::Func, out.alias_func(instance, "note"));
    out.export_item(fmt::format("last-{}", name), ItemSort::Func, out.alias_func(instance, "last"));
  }
  Running running(out.bytes());
  std::vector<Value> args;
  args.push_back(Value::unsigned_int(9));
  CHECK(running.call("note-a", std::move(args)) == "done");
  CHECK(running.call("last-a") == "9");
  CHECK(running.call("last-b") == "0");
}

}  // namespace
}  // namespace whorl::component
