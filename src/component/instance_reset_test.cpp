// Instances put back into their prepared state, run by the engine.
#include "component/instance_reset.hpp"

#include "component/test_wasm.hpp"
#include "engine/fault_watch.hpp"
#include "engine/test_support.hpp"

#include <doctest/doctest.h>

#include <random>
#include <span>

namespace whorl::component {
namespace {

using engine::MemoryReset;
using engine::ValType;
using engine::test::Code;
using engine::test::ModuleBuilder;

constexpr std::int32_t kPrepared = 42;

/// A module that keeps state wherever it can: a hidden global, a memory; and grows if asked to.
Bytes stateful() {
  ModuleBuilder builder;
  builder.memory(4);
  builder.data(64, "state");
  const std::uint32_t global = builder.global_i32(kPrepared);
  builder.export_func(
      "test:guest/run@1.0.0#bump",
      {{}, {ValType::I32}},
      Code().global_get(global).i32_const(1).i32_add().global_set(global).global_get(global)
  );
  builder.export_func(
      "test:guest/run@1.0.0#store",
      {{ValType::I32, ValType::I32}, {}},
      Code().local_get(0).local_get(1).i32_store()
  );
  builder.export_func(
      "test:guest/run@1.0.0#load", {{ValType::I32}, {ValType::I32}}, Code().local_get(0).i32_load()
  );
  builder.export_func(
      "test:guest/run@1.0.0#grow", {{}, {ValType::I32}}, Code().i32_const(1).memory_grow()
  );
  return builder.build();
}

std::shared_ptr<const Component> load(const Bytes& bytes) {
  auto loaded =
      Component::load(engine::test::engine(), nullptr, testing::test_registry(), bytes, "test");
  REQUIRE_MESSAGE(loaded, (loaded ? "" : loaded.error().to_line()));
  return *std::move(loaded);
}

class Running {
 public:
  explicit Running(const std::shared_ptr<const Component>& component)
      : instance(component, std::span<void* const>()),
        store(engine::test::make_store({}, &instance)) {
    REQUIRE(instance.instantiate(*store));
  }
  std::uint32_t call(std::string_view name, std::uint32_t a = 0, std::uint32_t b = 0) {
    const ExportedFunc* func = instance.component().find_export("test:guest/run", "1.0.0", name);
    REQUIRE_MESSAGE(func != nullptr, std::string(name));
    engine::RawVal slots[2] = {};
    slots[0].u64 = a;
    slots[1].u64 = b;
    REQUIRE(store->call_guest(*instance.func(func->func_slot), slots));
    return slots[0].u32;
  }

  ComponentInstance instance;
  std::unique_ptr<engine::Store> store;
};

bool can_reset() {
  engine::PageTracker::disable_huge_pages();
  engine::FaultWatch::prepare();
  if (engine::PageTracker::of_process() == nullptr) {
    MESSAGE("SKIPPED: this kernel does not tell which pages are private");
    return false;
  }
  return true;
}

TEST_CASE("a reset instance is as a fresh one") {
  if (!can_reset()) {
    return;
  }
  const auto component = load(stateful());
  CHECK(reset_obstacle(*component) == "");
  ResetImages images;
  {
    // The first instance shows which pages events write.
    Running guest(component);
    auto reset = InstanceReset::prepare(guest.instance, *guest.store, images);
    REQUIRE(reset);
    guest.call("store", 64, 1);
    CHECK(reset->restore(true) == MemoryReset::Outcome::Unknown);
  }
  Running guest(component);
  const std::uint32_t untouched = guest.call("load", 64);
  auto reset = InstanceReset::prepare(guest.instance, *guest.store, images);
  REQUIRE(reset);
  CHECK(images.size_bytes() == engine::kPageBytes);
  for (int event = 0; event < 100; ++event) {
    REQUIRE(guest.call("bump") == kPrepared + 1);
    REQUIRE(guest.call("load", 64) == untouched);
    guest.call("store", 64, 0xdeadbeef);
    REQUIRE(reset->restore(event == 0) == MemoryReset::Outcome::Restored);
    REQUIRE(guest.store->begin_next_event({}));
  }
  guest.call("grow");
  CHECK(reset->restore(true) == MemoryReset::Outcome::Changed);
}

TEST_CASE("an instance that trapped, or whose call did not come back, is not reset") {
  if (!can_reset()) {
    return;
  }
  const auto component = load(stateful());
  ResetImages images;
  {
    Running guest(component);
    auto reset = InstanceReset::prepare(guest.instance, *guest.store, images);
    REQUIRE(reset);
    (void)guest.store->set_trap(engine::TrapKind::HostTrap, "over");
    CHECK(reset->restore(false) == MemoryReset::Outcome::Changed);
  }
  Running guest(component);
  auto reset = InstanceReset::prepare(guest.instance, *guest.store, images);
  REQUIRE(reset);
  guest.instance.set_may_leave(0, false);
  CHECK(reset->restore(false) == MemoryReset::Outcome::Changed);
}

TEST_CASE("what can't be put back is known when the component is loaded") {
  ModuleBuilder builder;
  builder.table(1);
  builder.export_func(
      "test:guest/run@1.0.0#f", {{}, {}}, Code().i32_const(0).op(0xd0).op(0x70).op_u32(0x26, 0)
  );
  const auto component = load(builder.build());
  CHECK(reset_obstacle(*component) == "core module 0: its code changes tables");
  Running guest(component);
  ResetImages images;
  CHECK_FALSE(InstanceReset::prepare(guest.instance, *guest.store, images));
}

TEST_CASE("after any random event a reset instance compares equal with a fresh one") {
  if (!can_reset()) {
    return;
  }
  const std::uint32_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto component = load(stateful());
  ResetImages images;
  constexpr std::uint32_t kBytes = 4 * 65536;
  auto guest = std::make_unique<Running>(component);
  auto reset = InstanceReset::prepare(guest->instance, *guest->store, images);
  int restored = 0;
  for (int event = 0; event < 3000; ++event) {
    const std::uint64_t faults = engine::faults_of_this_thread();
    for (std::uint32_t i = random() % 5; i != 0; --i) {
      guest->call("store", random() % (kBytes - 4), static_cast<std::uint32_t>(random()));
      guest->call("bump");
    }
    if (random() % 50 == 0) {
      guest->call("grow");
    }
    const auto outcome = reset->restore(engine::faults_of_this_thread() != faults);
    if (outcome != MemoryReset::Outcome::Restored) {
      reset.reset();
      guest = std::make_unique<Running>(component);
      reset = InstanceReset::prepare(guest->instance, *guest->store, images);
      REQUIRE(reset);
      continue;
    }
    ++restored;
    Running fresh(component);
    for (std::uint32_t at = 0; at < kBytes; at += 4) {
      if (guest->call("load", at) != fresh.call("load", at)) {
        REQUIRE_MESSAGE(false, "byte ", at, " differs");
      }
      at += random() % 512 * 4;
    }
    REQUIRE(guest->call("bump") == fresh.call("bump"));
    REQUIRE(reset->restore(false) == MemoryReset::Outcome::Restored);
  }
  CHECK(restored > 1000);
}

}  // namespace
}  // namespace whorl::component
