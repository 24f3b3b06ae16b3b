// Calls that are posted to an open run: several tasks of one instance, begun by nobody's stack.
#include "component/async_export.hpp"
#include "component/async_state.hpp"
#include "component/component_impl.hpp"
#include "component/fiber_run.hpp"
#include "component/test_builder.hpp"
#include "engine/test_support.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace whorl::component {
namespace {

using testing::ComponentBuilder;
using testing::CoreBuilder;
using testing::ItemSort;
using testing::Wasm;

/// Async functions in WIT, lifted synchronously: each wants its instance for itself. "next" says
/// how often it was called, "trap" traps.
Bytes counting_component() {
  ComponentBuilder out;
  CoreBuilder core;
  const Wasm type = Wasm{0x60, 0, 1, 0x7f};
  // i32.store(8, i32.load(8) + 1), then i32.load(8).
  core.funcs.push_back(
      {"next", type, {0x41, 8, 0x41, 8, 0x28, 2, 0, 0x41, 1, 0x6a, 0x36, 2, 0, 0x41, 8, 0x28, 2, 0}}
  );
  core.funcs.push_back({"trap", type, {0x00}});
  const std::uint32_t instance = out.core_instance(out.module(core.bytes()));
  const std::uint32_t func_type = out.type({0x43, 0, 0, testing::kU32});
  for (const char* name : {"next", "trap"}) {
    out.export_item(name, ItemSort::Func, out.lift(out.core_func(instance, name), {0}, func_type));
  }
  return out.bytes();
}

class World final : public FiberRun::Driver {
 public:
  World() {
    static const auto loaded = Component::load(
        engine::test::engine(), nullptr, testing::test_registry(), counting_component(), "test"
    );
    REQUIRE_MESSAGE(loaded, (loaded ? "" : loaded.error().to_line()));
    component = *loaded;
    instance.emplace(component, hosts_);
    store = engine::test::make_store({}, &*instance);
    REQUIRE(instance->instantiate(*store));
    run.emplace(*instance, *store, *this);
    run->open();
  }

  void wake() noexcept override { ++wakes; }
  void runs_for(void* event) noexcept override {
    if (event != nullptr) {
      events.push_back(event);
    }
  }
  void post(std::string_view name, void* event = nullptr) {
    const ExportedFunc* func = component->find_export("", "", name);
    REQUIRE(func != nullptr);
    REQUIRE(is_async_export<std::uint32_t()>(*func));
    REQUIRE(post_async_export<std::uint32_t()>(
        *instance,
        *store,
        *func,
        event,
        [this](std::uint32_t value) { returned.push_back(value); },
        [this]() noexcept { ++exited; }
    ));
  }

  int wakes = 0;
  int exited = 0;
  std::vector<std::uint32_t> returned;
  std::vector<void*> events;
  std::shared_ptr<const Component> component;
  std::optional<ComponentInstance> instance;
  std::unique_ptr<engine::Store> store;
  std::optional<FiberRun> run;

 private:
  void* hosts_[1] = {};
};

using State = FiberRun::State;

TEST_CASE("tasks that are posted run in their order, each in its turn") {
  World world;
  int first = 0;
  int second = 0;
  world.post("next", &first);
  world.post("next", &second);
  world.post("next");
  CHECK(world.wakes > 0);
  CHECK(world.returned.empty());
  CHECK_FALSE(world.run->is_quiet());
  CHECK(world.run->step() == State::Waiting);
  CHECK(world.returned == std::vector<std::uint32_t>{1, 2, 3});
  CHECK(world.exited == 3);
  CHECK(world.events == std::vector<void*>{&first, &second});
  CHECK(world.run->is_quiet());
  CHECK_FALSE(world.run->can_be_woken());
  CHECK_FALSE(world.run->holds_back(0));
  // Its fibers can go, and others come again.
  CHECK_FALSE(world.run->end_remaining());
  CHECK(world.run->is_empty());
  world.post("next");
  CHECK(world.run->step() == State::Waiting);
  CHECK(world.returned.back() == 4);
}

TEST_CASE("a guest that asks for backpressure gets nothing more until it lets go") {
  World world;
  CHECK(world.instance->add_backpressure(0));
  CHECK(world.run->holds_back(0));
  world.post("next");
  world.post("next");
  CHECK(world.run->step() == State::Waiting);
  CHECK(world.returned.empty());
  CHECK(world.instance->remove_backpressure(0));
  world.run->gate_opened(0);
  CHECK(world.run->step() == State::Waiting);
  CHECK(world.returned == std::vector<std::uint32_t>{1, 2});
  CHECK(world.exited == 2);
}

TEST_CASE("a trap ends the store with all its tasks; each is told of its end once") {
  World world;
  world.post("next");
  world.post("trap");
  world.post("next");
  CHECK(world.run->step() == State::Done);
  CHECK(world.store->is_dying());
  CHECK(world.run->is_empty());
  CHECK(world.store->call_guest({}, {}).error().kind == engine::TrapKind::Unreachable);
  CHECK(world.returned == std::vector<std::uint32_t>{1});
  world.run.reset();
  CHECK(world.exited == 3);
}

TEST_CASE("a run that goes away tells the tasks that were never begun") {
  World world;
  world.post("next");
  world.post("next");
  world.run.reset();
  CHECK(world.returned.empty());
  CHECK(world.exited == 2);
  const ExportedFunc* func = world.component->find_export("", "", "next");
  const auto refused = post_async_export<std::uint32_t()>(
      *world.instance, *world.store, *func, nullptr, [](std::uint32_t) {}, []() noexcept {}
  );
  CHECK_FALSE(refused);
}

TEST_CASE("cancelling an open run ends what was posted") {
  World world;
  CHECK(world.instance->add_backpressure(0));
  world.post("next");
  CHECK(world.run->step() == State::Waiting);
  world.run->cancel(engine::TrapKind::WallDeadline, "too slow");
  CHECK(world.run->step() == State::Done);
  world.run.reset();
  CHECK(world.exited == 1);
  CHECK(world.returned.empty());
}

}  // namespace
}  // namespace whorl::component
