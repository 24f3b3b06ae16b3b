#include "engine/engine.hpp"

#include "engine/create.hpp"
#include "engine/driver.hpp"
#include "engine/engine_config.hpp"
#include "engine/engine_impl.hpp"
#include "engine/module_impl.hpp"
#include "engine/pool_plan.hpp"
#include "engine/pool_stacks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

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

Result<std::shared_ptr<Engine>> create_engine(
    const EngineOptions& options, const ModuleCache* cache
) {
  auto impl = std::make_unique<Engine::Impl>();
  capi::Config config = make_config(options, {});
  if (options.allocation == InstanceAllocation::Pooling) {
    const PoolPlan plan = plan_pool(
        std::min(options.pool_slots, kMostSlots),
        slot_sizes(),
        read_machine_limits(),
        probe_address_space
    );
    impl->note = plan.note;
    if (impl->note.empty() && options.pool_slots > kMostSlots) {
      impl->note = fmt::format(
          "the instance pool has {} slots instead of {}: that is the most this build supports",
          plan.slots,
          options.pool_slots
      );
    }
    if (plan.slots > 0) {
      use_pool(config.get(), options, plan.slots);
      impl->allocation = InstanceAllocation::Pooling;
      impl->slots = plan.slots;
    }
  }
  impl->key = make_key(options);
  impl->options = options;
  impl->engine = capi::Engine(wasm_engine_new_with_config(config.release()));
  auto engine = std::make_shared<Engine>(std::move(impl));
  WHORL_CHECKED(add_driver(*engine, options, cache));
  WHORL_CHECKED(start_clock(*engine));
  return engine;
}

Engine::Engine(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Engine::~Engine() = default;

InstanceAllocation Engine::allocation() const noexcept {
  return impl_->allocation;
}
std::uint32_t spare_stacks(const Engine& engine) noexcept {
  const std::uint32_t slots = engine.pool_slots();
  return counts_for(slots).stacks - slots;
}

std::uint32_t Engine::pool_slots() const noexcept {
  return impl_->slots;
}
const std::string& Engine::allocation_note() const noexcept {
  return impl_->note;
}
const std::string& Engine::compatibility_key() const noexcept {
  return impl_->key;
}

}  // namespace whorl::engine
