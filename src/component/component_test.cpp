// Whole components, loaded, instantiated and run by the engine.
#include "component/component.hpp"

#include "component/component_impl.hpp"
#include "component/test_components.hpp"
#include "engine/fiber.hpp"
#include "engine/test_support.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

namespace whorl::component {
namespace {

using testing::Guest;
using testing::WithStart;

/// A component of testing::Guest's making, running.
class Running {
 public:
  explicit Running(const Bytes& bytes, ShimMode shims = ShimMode::ElideWherePossible) {
    auto loaded = Component::load(
        engine::test::engine(), nullptr, testing::test_registry(), bytes, "test", {shims}
    );
    REQUIRE_MESSAGE(loaded, (loaded ? "" : loaded.error().to_line()));
    component = *std::move(loaded);
    instance = std::make_unique<ComponentInstance>(component, hosts_);
    store = engine::test::make_store({}, instance.get());
  }
  ~Running() {
    store.reset();
    instance.reset();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  [[nodiscard]] std::string instantiate() {
    const auto made = instance->instantiate(*store);
    return made ? "" : made.error().message;
  }

  /// Runs the deferred starts and then `run`. @return what it returned, or the trap's message
  [[nodiscard]] std::string run() {
    const ExportedFunc* func = component->find_export("test:guest/run", "1.0.0", "run");
    REQUIRE(func != nullptr);
    std::string out;
    auto entry = [&](engine::Fiber&) -> std::expected<void, engine::Trap> {
      if (auto started = instance->run_deferred_starts(*store); !started) {
        out = started.error().message;
        return {};
      }
      engine::RawVal slot{};
      auto called = store->call_guest(*instance->func(func->func_slot), std::span(&slot, 1));
      out = called ? std::to_string(slot.u32) : called.error().message;
      return {};
    };
    engine::test::QueueScheduler scheduler;
    engine::Fiber fiber(*store, scheduler, engine::test::entry_of(entry), &entry);
    fiber.resume();
    scheduler.run();
    return out;
  }

  testing::Log log;
  std::shared_ptr<const Component> component;
  std::unique_ptr<ComponentInstance> instance;
  std::unique_ptr<engine::Store> store;

 private:
  std::array<void*, 1> hosts_{&log};
};

const std::vector<std::string> kOnce = {"hello"};
const std::vector<std::string> kTwice = {"hello", "hello"};

TEST_CASE("a component runs the same with its shims elided and kept") {
  for (const ShimMode shims : {ShimMode::ElideWherePossible, ShimMode::Faithful}) {
    for (const bool reexport : {false, true}) {
      Guest guest;
      guest.reexport = reexport;
      Running running(guest.bytes(), shims);
      CHECK(running.instantiate() == "");
      CHECK(running.log.lines.empty());
      CHECK(running.run() == "7");
      CHECK(running.log.lines == kOnce);
      const bool elided = shims == ShimMode::ElideWherePossible;
      CHECK(running.component->impl().plan.steps.size() == (elided ? 1 : 3));
    }
  }
}

TEST_CASE("a module that only looks like a shim is instantiated") {
  Guest guest;
  guest.shim = testing::almost_shim();
  Running running(guest.bytes());
  CHECK(running.instantiate() == "");
  CHECK(running.run() == "7");
  CHECK(running.log.lines == kOnce);
}

TEST_CASE("start functions: of the fix-up, of the main module, put off or in place") {
  for (const ShimMode shims : {ShimMode::ElideWherePossible, ShimMode::Faithful}) {
    {
      Guest guest;
      guest.fixup_start = WithStart::Yes;
      Running running(guest.bytes(), shims);
      CHECK(running.instantiate() == "");
      CHECK(running.log.lines.empty());
      CHECK(running.run() == "7");
      CHECK(running.log.lines == kTwice);
    }
    {
      Guest guest;
      guest.start = WithStart::Yes;
      Running running(guest.bytes(), shims);
      CHECK(running.instantiate() == "");
      CHECK(running.log.lines.empty());
      CHECK(running.run() == "7");
      CHECK(running.log.lines == kTwice);
    }
    {
      // In place: the host function is called before the memory it needs is known.
      Guest guest;
      guest.start = WithStart::Yes;
      guest.late_data = true;
      Running running(guest.bytes(), shims);
      CHECK(running.instantiate() != "");
      CHECK(running.log.lines.empty());
    }
  }
}

TEST_CASE("the drop of a handle destroys the host's resource, once") {
  Running running(Guest{}.bytes());
  REQUIRE(running.instantiate() == "");
  const auto& plan = running.component->impl().plan;
  const auto drop =
      std::ranges::find_if(plan.hosts, [](const auto& host) { return host->drop.tag != nullptr; });
  const auto& functions = testing::log_interface().functions;
  engine::RawVal slot{};
  CallSite site;
  CHECK(functions[1].thunk(&site, *running.store, &slot) == engine::HostStatus::Return);
  CHECK(slot.u32 == 1);
  CHECK(running.log.things == 1);
  const engine::HostFunc& func = (*drop)->func;
  CHECK(func.call(func.env, *running.store, &slot) == engine::HostStatus::Return);
  CHECK(running.log.things == 0);
  slot.u32 = 1;
  CHECK(func.call(func.env, *running.store, &slot) == engine::HostStatus::Trap);
}

TEST_CASE("handles that are left are dropped with the instance") {
  testing::Log log;
  {
    Running running(Guest{}.bytes());
    REQUIRE(running.instantiate() == "");
    engine::RawVal slot{};
    CallSite site;
    (void)testing::log_interface().functions[1].thunk(&site, *running.store, &slot);
    CHECK(running.log.things == 1);
    running.store.reset();
    running.instance.reset();
    CHECK(running.log.things == 0);
  }
}

TEST_CASE("exports are found by compatible version") {
  Running running(Guest{}.bytes());
  const Component& component = *running.component;
  CHECK(component.exports().size() == 1);
  CHECK(component.find_export("test:guest/run", "1.4.0", "run") == &component.exports()[0]);
  CHECK(component.find_export("test:guest/run", "2.0.0", "run") == nullptr);
  CHECK(component.find_export("test:guest/run", "1.0.0", "walk") == nullptr);
  CHECK(component.find_export("test:guest/walk", "1.0.0", "run") == nullptr);
}

TEST_CASE("a bare core module runs; _initialize first") {
  Running running(testing::bare_module({}));
  CHECK(running.instantiate() == "");
  CHECK(running.log.lines.empty());
  CHECK(running.run() == "7");
  CHECK(running.log.lines == kTwice);
  CHECK_FALSE(running.component->exports()[0].shape_known);
}

TEST_CASE("a file that cannot be loaded is named") {
  const auto load = [](const Bytes& bytes) {
    auto loaded = Component::load(
        engine::test::engine(), nullptr, testing::test_registry(), bytes, "app.wasm", {}
    );
    return loaded ? "" : loaded.error().to_line();
  };
  CHECK(load({}) == "loading component app.wasm: the file is empty");
  CHECK(load({'h', 'i', '!', '!'}).starts_with("loading component app.wasm: not WebAssembly"));
  const Bytes whole = Guest{}.bytes();
  const auto cut = Component::load(
      engine::test::engine(), nullptr, testing::test_registry(), ByteView(whole).first(200), "x", {}
  );
  REQUIRE_FALSE(cut);
  CHECK(cut.error().help().starts_with("the file is damaged"));
  // The engine validates code: a body that is none.
  Guest guest;
  guest.shim = testing::module({
      testing::section(1, testing::vec({testing::func_type({0x7f, 0x7f}, {})})),
      testing::section(3, testing::vec({testing::Wasm{0}})),
      testing::section(4, testing::vec({testing::Wasm{0x70, 1, 1, 1}})),
      testing::section(
          7, testing::vec({testing::core_export("0", 0, 0), testing::core_export("$imports", 1, 0)})
      ),
      testing::section(10, testing::vec({testing::body({0xff})})),
  });
  CHECK(load(guest.bytes()).starts_with("loading component app.wasm: compiling core module 1: "));
}

}  // namespace
}  // namespace whorl::component
