#include "engine/engine.hpp"

#include "async/blocking_pool.hpp"
#include "engine/create.hpp"
#include "engine/driver.hpp"
#include "engine/engine_config.hpp"
#include "engine/engine_impl.hpp"
#include "engine/late.hpp"
#include "engine/long_run.hpp"
#include "engine/module_impl.hpp"
#include "engine/pool_plan.hpp"
#include "engine/pool_stacks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace whorl::engine {
namespace {

// Measured: see README.md.
constexpr std::size_t kMemoryKeepResident = 0;
constexpr std::size_t kTableKeepResident = 16 * 1024;
constexpr std::size_t kDecommitBatch = 16;
constexpr std::size_t kMaxCoreInstanceBytes = 10 * 1024 * 1024;

// Widest table entry of the engine, for the size of a table slot.
constexpr std::uint64_t kTableEntryBytes = 16;

SlotSizes slot_sizes() {
  return {
      .memory = kMemoryReservation + kMemoryGuard,
      .table = kMaxTableElements * kTableEntryBytes + 4096,
      .stack = kFiberStackBytes + 4096,
  };
}

void use_pool(wasm_config_t* config, const EngineOptions& options, std::uint32_t slots) {
  const PoolCounts counts = counts_for(slots);
  const capi::PoolConfig pool(wasmtime_pooling_allocation_config_new());
  auto* p = pool.get();
  wasmtime_pooling_allocation_config_total_memories_set(p, counts.memories);
  wasmtime_pooling_allocation_config_total_tables_set(p, counts.tables);
  wasmtime_pooling_allocation_config_total_core_instances_set(p, counts.core_instances);
  wasmtime_pooling_allocation_config_total_stacks_set(p, counts.stacks);
  wasmtime_pooling_allocation_config_total_gc_heaps_set(p, counts.memories);
  wasmtime_pooling_allocation_config_max_unused_warm_slots_set(p, counts.memories);
  wasmtime_pooling_allocation_config_max_memory_size_set(
      p, std::min(options.max_memory_bytes, kMemoryReservation)
  );
  wasmtime_pooling_allocation_config_table_elements_set(p, kMaxTableElements);
  wasmtime_pooling_allocation_config_max_tables_per_module_set(p, kMaxTablesPerModule);
  wasmtime_pooling_allocation_config_max_memories_per_module_set(p, kMaxMemoriesPerModule);
  wasmtime_pooling_allocation_config_max_core_instance_size_set(p, kMaxCoreInstanceBytes);
  wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(p, kMemoryKeepResident);
  wasmtime_pooling_allocation_config_table_keep_resident_set(p, kTableKeepResident);
  wasmtime_pooling_allocation_config_decommit_batch_size_set(p, kDecommitBatch);
  wasmtime_pooling_allocation_strategy_set(config, p);
}

/// @param cache  may be null
Result<> add_driver(Engine& engine, const EngineOptions& options, const ModuleCache* cache) {
  Engine::Impl& impl = engine.impl();
  if (cache != nullptr) {
    // Notes are of no interest: what can't be read or stored is said of the first component.
    WHORL_TRY(const auto loaded, cache->load_or_compile(engine, driver_bytes()));
    WHORL_TRY(auto driver, bind_driver(impl.engine.get(), *loaded.module.impl().module));
    impl.driver = std::move(driver);
    return {};
  }
  const capi::Engine compiler(
      wasm_engine_new_with_config(make_config(options, {.threads = CompileThreads::One}).release())
  );
  WHORL_TRY(auto driver, make_driver(impl.engine.get(), compiler.get()));
  impl.driver = std::move(driver);
  return {};
}

Result<> start_clock(Engine& engine) {
  Engine::Impl& impl = engine.impl();
  try {
    impl.clock = std::make_shared<EpochClock>(
        [](void* raw) { wasmtime_engine_increment_epoch(static_cast<wasm_engine_t*>(raw)); },
        impl.engine.get()
    );
  } catch (const std::system_error& e) {
    return fail(ErrorKind::Unavailable, "starting the engine's clock: {}", e.what());
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<Engine>> Engine::create(const EngineOptions& options) {
  return create_engine(options, nullptr);
}

namespace {

/// Everything but the engine itself.
std::unique_ptr<Engine::Impl> plan(const EngineOptions& options) {
  auto impl = std::make_unique<Engine::Impl>();
  if (options.allocation == InstanceAllocation::Pooling) {
    const PoolPlan pool = plan_pool(
        std::min(options.pool_slots, kMostSlots),
        slot_sizes(),
        read_machine_limits(),
        probe_address_space
    );
    impl->note = pool.note;
    if (impl->note.empty() && options.pool_slots > kMostSlots) {
      impl->note = fmt::format(
          "the instance pool has {} slots instead of {}: that is the most this build supports",
          pool.slots,
          options.pool_slots
      );
    }
    if (pool.slots > 0) {
      impl->allocation = InstanceAllocation::Pooling;
      impl->slots = pool.slots;
    }
  }
  impl->key = make_key(options);
  impl->options = options;
  return impl;
}

/// @param cache  may be null
Result<> make(Engine& engine, const ModuleCache* cache) {
  Engine::Impl& impl = engine.impl();
  capi::Config config = make_config(impl.options, {});
  if (impl.allocation == InstanceAllocation::Pooling) {
    use_pool(config.get(), impl.options, impl.slots);
  }
  impl.engine = capi::Engine(wasm_engine_new_with_config(config.release()));
  WHORL_CHECKED(add_driver(engine, impl.options, cache));
  return start_clock(engine);
}

void settle(EngineMaking& making, Result<> outcome) {
  const std::scoped_lock lock(making.mutex);
  making.is_settled = true;
  if (!outcome) {
    making.failed.emplace(outcome.take_error());
  }
  making.settled.notify_all();
}

/// What a view shares with its engine, once that is made.
void complete_view(Engine::Impl& view, const Engine::Impl& whole) {
  view.engine = whole.engine;
  view.driver = whole.driver;
  view.clock = whole.clock;
}

}  // namespace

Result<std::shared_ptr<Engine>> create_engine(
    const EngineOptions& options, const ModuleCache* cache
) {
  auto engine = std::make_shared<Engine>(plan(options));
  WHORL_CHECKED(make(*engine, cache));
  return engine;
}

std::shared_ptr<Engine> plan_engine(const EngineOptions& options) {
  auto impl = plan(options);
  impl->making = std::make_shared<EngineMaking>();
  return std::make_shared<Engine>(std::move(impl));
}

void finish_engine(Engine& planned, const ModuleCache* cache) {
  auto work = [&] { return make(planned, cache); };
  settle(*planned.impl().making, async::BlockingPool::call(work));
}

void abandon_engine(Engine& planned, Error why) {
  settle(*planned.impl().making, std::move(why));
}

Result<> wait_until_made(const Engine& engine) {
  Engine::Impl& impl = engine.impl();
  if (impl.whole != nullptr) {
    WHORL_CHECKED(wait_until_made(*impl.whole));
    complete_view(impl, impl.whole->impl());
    return {};
  }
  if (impl.making == nullptr) {
    return {};
  }
  EngineMaking& making = *impl.making;
  std::unique_lock lock(making.mutex);
  making.settled.wait(lock, [&making] { return making.is_settled; });
  if (making.failed) {
    return making.failed->clone();
  }
  return {};
}

Engine::Engine(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Engine::~Engine() = default;

InstanceAllocation Engine::allocation() const noexcept {
  return impl_->allocation;
}
std::uint32_t instance_limit(const Engine& engine) noexcept {
  return engine.allocation() == InstanceAllocation::Pooling ? engine.pool_slots()
                                                            : engine.impl().options.pool_slots;
}

std::uint32_t spare_stacks(const Engine& engine) noexcept {
  const std::uint32_t instances = std::min(instance_limit(engine), kMostSlots);
  return counts_for(instances).stacks - instances;
}

std::uint32_t Engine::pool_slots() const noexcept {
  return impl_->slots;
}
const std::string& Engine::allocation_note() const noexcept {
  return impl_->note;
}
void expect_long_run(Engine& engine) noexcept {
  engine.impl().clock->expect_long_run();
}
const std::string& Engine::compatibility_key() const noexcept {
  return impl_->key;
}

}  // namespace whorl::engine
