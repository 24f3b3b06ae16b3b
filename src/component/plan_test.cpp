#include "component/plan.hpp"

#include "component/test_components.hpp"
#include "component/test_wasm.hpp"

#include <doctest/doctest.h>

namespace whorl::component {
namespace {

using testing::Guest;

std::string planned(const Bytes& bytes, ShimMode shims = ShimMode::ElideWherePossible) {
  const auto plan = plan_component(testing::test_registry(), bytes, {shims});
  return plan ? describe_plan(*plan) : plan.error().to_line() + " | " + plan.error().help();
}

TEST_CASE("shim and fix-up are elided: one module with host imports only") {
  CHECK(planned(Guest{}.bytes()) == R"(instance 0 = core module 0, only host imports
  host log <- host 1 `test:host/log@1.0.0 log` memory=0
  host drop <- host 0 `test:host/log [resource-drop]thing`
memory 0 = instance 0 "memory"
func 0 = instance 0 "run" () -> i32
export test:guest/run@1.0.0#run = func 0 as func() -> u32
note: core module 1 elided
note: core module 2 elided
)");
}

TEST_CASE("a fix-up's start function is called later, on the fiber") {
  Guest guest;
  guest.fixup_start = testing::WithStart::Yes;
  CHECK(planned(guest.bytes()) == R"(instance 0 = core module 0, only host imports
  host log <- host 1 `test:host/log@1.0.0 log` memory=0
  host drop <- host 0 `test:host/log [resource-drop]thing`
memory 0 = instance 0 "memory"
func 0 = instance 0 "init" () -> ()
func 1 = instance 0 "run" () -> i32
start func 0 on the fiber
export test:guest/run@1.0.0#run = func 1 as func() -> u32
note: core module 1 elided
note: core module 2 elided
)");
}

TEST_CASE("the faithful plan keeps every instance") {
  CHECK(
      planned(Guest{}.bytes(), ShimMode::Faithful) ==
      R"(instance 0 = core module 1, only host imports
instance 1 = core module 0
  host log <- instance 0 "0"
  host drop <- host 0 `test:host/log [resource-drop]thing`
instance 2 = core module 2
   0 <- host 1 `test:host/log@1.0.0 log` memory=0
   $imports <- instance 0 "$imports"
memory 0 = instance 1 "memory"
func 0 = instance 1 "run" () -> i32
export test:guest/run@1.0.0#run = func 0 as func() -> u32
)"
  );
}

TEST_CASE("a module that is no shim is kept, with its fix-up") {
  Guest guest;
  guest.shim = testing::almost_shim();
  const std::string text = planned(guest.bytes());
  CHECK(text.starts_with("instance 0 = core module 1, only host imports\n"));
  CHECK(text.find("host log <- instance 0 \"0\"") != std::string::npos);
  CHECK(text.find("instance 2 = core module 2") != std::string::npos);
}

TEST_CASE("exports through a re-exporting component are found") {
  Guest guest;
  guest.reexport = true;
  const std::string text = planned(guest.bytes());
  CHECK(
      text.find("export test:guest/run@1.0.0#run = func 0 as func() -> u32\n") != std::string::npos
  );
}

TEST_CASE("what the host does not offer is explained") {
  struct Row {
    Guest guest;
    const char* text;
  };
  const auto with = [](auto change) {
    Guest guest;
    change(guest);
    return guest;
  };
  const Row rows[] = {
      {with([](Guest& g) { g.interface = "test:host/logs@1.0.0"; }),
       "the component imports the interface test:host/logs@1.0.0, which this host does not offer | "
       "did you mean test:host/log?"},
      {with([](Guest& g) { g.interface = "acme:db/query"; }),
       "the component imports the interface acme:db/query, which this host does not offer | remove "
       "the import, or compose the component with one that provides it"},
      {with([](Guest& g) { g.interface = "test:host/log@2.0.0"; }),
       "the component imports the interface test:host/log@2.0.0; this host offers it as 1.2.0 | "
       "build the component against one of the versions offered"},
      {with([](Guest& g) { g.interface = "wasi:http/types@0.3.0"; }),
       "the component imports the interface wasi:http/types@0.3.0, which this host does not offer "
       "| "
       "this host does not have that part of WASI 0.3 yet; build for WASI 0.2"},
      {with([](Guest& g) { g.function = "logs"; }),
       "the component calls `logs` of test:host/log@1.0.0, which test:host/log@1.2.0 does not have "
       "| did you mean `log`?"},
      {with([](Guest& g) { g.param = {0x79}; }),
       "the component's `log` of test:host/log@1.0.0 is not the one that test:host/log@1.2.0 "
       "offers: parameter `text`: wants u32, is offered string | build the component against the "
       "published version of the interface"},
      {with([](Guest& g) { g.resource = "other"; }),
       "the component drops the resource `other`, which the host does not implement | build the "
       "component against the published version of the interface"},
  };
  for (const Row& row : rows) {
    const std::string text = planned(row.guest.bytes());
    CAPTURE(text);
    CHECK(text.substr(text.find(": ") + 2) == row.text);
  }
}

TEST_CASE("what is new in an interface that the host announces answers with its error") {
  Guest guest;
  guest.function = "logs";
  HostRegistry registry = testing::test_registry();
  registry.announce("test:host/log");
  const auto plan = plan_component(registry, guest.bytes(), {});
  REQUIRE(plan);
  CHECK(describe_plan(*plan).find("`test:host/log@1.0.0 logs`") != std::string::npos);
}

TEST_CASE("an interface of which nothing is called needs no host") {
  Guest guest;
  guest.extra_import = "acme:types/only";
  CHECK(planned(guest.bytes()).starts_with("instance 0"));
}

TEST_CASE("core types and options of what will be called are checked") {
  struct Row {
    Guest guest;
    const char* text;
  };
  const auto with = [](auto change) {
    Guest guest;
    change(guest);
    return guest;
  };
  const Row rows[] = {
      {with([](Guest& g) { g.run_type = {{0x7f}, {0x7f}}; }),
       "the lifted function must have the core type () -> i32, but has (i32) -> i32"},
      {with([](Guest& g) { g.lift_options = {1, 5, 3}; }),
       "post-return must have the core type (i32) -> (), but has () -> i32"},
      {with([](Guest& g) { g.lift_options = {2, 3, 0, 4, 3}; }),
       "realloc must have the core type (i32, i32, i32, i32) -> i32, but has () -> i32"},
      {with([](Guest& g) { g.lift_options = {1, 6}; }),
       "the canonical option async is for asynchronous function types"},
      {with([](Guest& g) { g.lower_options = {0}; }),
       "the function's values need the canonical option memory"},
      {with([](Guest& g) { g.memory = {4, 1}; }),
       "64-bit memories are not supported by the canonical ABI yet"},
      {with([](Guest& g) { g.log_import_type = 1; }),
       "import \"host\" \"log\" of core module 0: wants () -> i32, is given (i32, i32) -> ()"},
  };
  for (const Row& row : rows) {
    const std::string text = planned(row.guest.bytes());
    CAPTURE(text);
    CHECK(text.substr(0, text.find(" | ")).ends_with(row.text));
  }
}

TEST_CASE("a start function runs in place when later modules write memory or tables") {
  Guest guest;
  guest.start = testing::WithStart::Yes;
  std::string text = planned(guest.bytes());
  CHECK(text.find("start func 0 on the fiber") != std::string::npos);
  CHECK(text.find("note: start function of core module 0 put off") != std::string::npos);
  guest.late_data = true;
  text = planned(guest.bytes());
  CHECK(text.find("on the fiber") == std::string::npos);
  CHECK(text.find("note: start function of core module 0 runs in place") != std::string::npos);
}

TEST_CASE("components cut anywhere, or with any byte changed, are planned or refused") {
  Guest guest;
  guest.reexport = true;
  guest.fixup_start = testing::WithStart::Yes;
  const Bytes bytes = guest.bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    (void)plan_component(testing::test_registry(), ByteView(bytes).first(size), {}).has_value();
  }
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int value : {0x00, 0x01, 0x02, 0x40, 0x7f, 0x80, 0xff}) {
      Bytes changed = bytes;
      changed[at] = static_cast<std::uint8_t>(value);
      (void)plan_component(testing::test_registry(), changed, {}).has_value();
    }
  }
}

TEST_CASE("components that instantiate each other cannot make linking explode") {
  // Component n instantiates component n-1 twice: 2^n instances.
  using testing::section;
  testing::Parts sections = {section(4, testing::raw(testing::component({})))};
  for (int i = 0; i < 60; ++i) {
    testing::Wasm alias{1, 4, 2, 1};
    alias.leb(static_cast<std::uint32_t>(i));
    const Bytes inner = testing::component({
        section(6, alias),
        section(5, {2, 0, 0, 0, 0, 0, 0}),
    });
    sections.push_back(section(4, testing::raw(inner)));
  }
  sections.push_back(section(5, {1, 0, 60, 0}));
  const std::string text = planned(testing::component(sections));
  CHECK(text.find("more than 2000 component instances") != std::string::npos);
}

TEST_CASE("bare core modules are linked by name") {
  CHECK(planned(testing::bare_module({})) == R"(instance 0 = core module 0, only host imports
  test:host/log@1.0.0 log <- host 0 `test:host/log@1.0.0 log` memory=0
  test:host/log@1.0.0 [resource-drop]thing <- host 1 `test:host/log [resource-drop]thing`
memory 0 = instance 0 "memory"
func 0 = instance 0 "_initialize" () -> ()
func 1 = instance 0 "test:guest/run@1.0.0#run" () -> i32
start func 0 on the fiber
export test:guest/run@1.0.0#run = func 1 memory=0 as () -> i32
)");
  testing::BareModule with_world;
  with_world.component_type = testing::world_of({});
  CHECK(
      planned(testing::bare_module(with_world))
          .find("export test:guest/run@1.0.0#run = func 1 memory=0 as func() -> u32\n") !=
      std::string::npos
  );
  Guest other;
  other.param = {0x79};
  with_world.component_type = testing::world_of(other);
  CHECK(
      planned(testing::bare_module(with_world)).find("parameter `text`: wants u32, is offered") !=
      std::string::npos
  );
  struct Row {
    testing::BareModule module;
    const char* text;
  };
  const Row rows[] = {
      {{.import_module = "env", .import_name = "log"},
       "the core module imports \"env\" \"log\", which is not an interface of the host | turn the "
       "module into a component, or build it for WASI 0.2"},
      {{.import_name = "[async-lower]log"},
       "at byte 0x0: the canonical option async is for asynchronous function types | "},
      {{.import_module = "$root", .import_name = "[waitable-set-new]"},
       "import \"$root\" \"[waitable-set-new]\" of the core module wants (i32, i32) -> (), is "
       "given "
       "() -> i32 | "},
      {{.import_module = "$root", .import_name = "[stream-read-unit]"},
       "import \"$root\" \"[stream-read-unit]\" of the core module wants (i32, i32) -> (), is "
       "given "
       "(i32, i32, i32) -> i32 | "},
      {{.import_module = "$root", .import_name = "[context-get-2]"},
       "at byte 0x0: there is no context slot 2 | "},
      {{.import_module = "$root", .import_name = "[thread-new-indirect-v0]"},
       "at byte 0x0: `[thread-new-indirect-v0]` needs the table \"__indirect_function_table\", "
       "which "
       "the core module does not export | "},
      {{.import_module = "$root", .import_name = "[no-such]"},
       "the core module imports \"$root\" \"[no-such]\", which is not an interface of the host | "
       "turn the module into a component, or build it for WASI 0.2"},
      {{.import_name = "[stream-new-0]log"},
       "the core module imports \"test:host/log@1.0.0\" \"[stream-new-0]log\", but the function's "
       "type has no stream or future 0 | "},
      {{.import_module = "[export]test:guest/run@1.0.0", .import_name = "[task-return]run"},
       "the core module imports \"[export]test:guest/run@1.0.0\" \"[task-return]run\", but its "
       "world "
       "has no such function | "},
      {{.import_module = "[export]test:guest/run@1.0.0", .import_name = "[resource-new]r"},
       "the core module imports \"[export]test:guest/run@1.0.0\" \"[resource-new]r\", but its "
       "world "
       "exports no such resource | keep the component-type section of the module: it says what it "
       "exports"},
      {{.export_name = "[async-lift]test:guest/run@1.0.0#run"},
       "export \"[async-lift]test:guest/run@1.0.0#run\" has no type a component has | asynchronous "
       "exports are typed by a component-type section, which the module does not have"},
      {{.import_name = "lag"},
       "at byte 0x0: the component calls `lag` of test:host/log@1.0.0, which test:host/log@1.2.0 "
       "does not have | did you mean `log`?"},
  };
  for (const Row& row : rows) {
    CHECK(planned(testing::bare_module(row.module)) == row.text);
  }
  CHECK(
      planned(testing::bare_module({.import_module = "$root", .import_name = "[waitable-join]"}))
          .find("$root [waitable-join] <- host 0 `waitable.join`") != std::string::npos
  );
  CHECK(planned(testing::bare_module({.export_name = "other"}))
            .starts_with("the core module exports no function of an interface"));
}

}  // namespace
}  // namespace whorl::component
