#include "engine/engine.hpp"

#include "engine/driver.hpp"
#include "engine/engine_impl.hpp"
#include "engine/pool_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#if !defined(__x86_64__)
#include <sys/auxv.h>
#endif

namespace whorl::engine {
namespace {

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WHORL_ENGINE_TSAN 1
#endif
#endif

// Reservation and guard decide how bounds checks are compiled, so pooled and on-demand engines
// share them: code compiled for one loads in the other.
#ifdef WHORL_ENGINE_TSAN
// The thread sanitizer leaves too little address space for 4 GiB a memory (engine.md M14), and
// reports false races in the engine's compile threads.
constexpr std::uint64_t kMemoryReservation = std::uint64_t{256} << 20;
constexpr std::uint32_t kMostSlots = 32;
constexpr bool kParallelCompilation = false;
#elif defined(WHORL_SANITIZED)
constexpr std::uint64_t kMemoryReservation = std::uint64_t{4} << 30;
constexpr std::uint32_t kMostSlots = 256;
constexpr bool kParallelCompilation = true;
#else
constexpr std::uint64_t kMemoryReservation = std::uint64_t{4} << 30;
constexpr std::uint32_t kMostSlots = 20'000;
constexpr bool kParallelCompilation = true;
#endif
constexpr std::uint64_t kMemoryGuard = std::uint64_t{32} << 20;

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

std::string cpu_features() {
#if defined(__x86_64__)
  std::string names;
  const auto add = [&names](bool has, std::string_view name) {
    if (has) {
      names += ' ';
      names += name;
    }
  };
  __builtin_cpu_init();
  add(__builtin_cpu_supports("sse3") != 0, "sse3");
  add(__builtin_cpu_supports("ssse3") != 0, "ssse3");
  add(__builtin_cpu_supports("sse4.1") != 0, "sse4.1");
  add(__builtin_cpu_supports("sse4.2") != 0, "sse4.2");
  add(__builtin_cpu_supports("popcnt") != 0, "popcnt");
  add(__builtin_cpu_supports("avx") != 0, "avx");
  add(__builtin_cpu_supports("avx2") != 0, "avx2");
  add(__builtin_cpu_supports("fma") != 0, "fma");
  add(__builtin_cpu_supports("bmi") != 0, "bmi");
  add(__builtin_cpu_supports("bmi2") != 0, "bmi2");
  add(__builtin_cpu_supports("lzcnt") != 0, "lzcnt");
  add(__builtin_cpu_supports("avx512f") != 0, "avx512f");
  add(__builtin_cpu_supports("avx512dq") != 0, "avx512dq");
  add(__builtin_cpu_supports("avx512vl") != 0, "avx512vl");
  add(__builtin_cpu_supports("avx512vbmi") != 0, "avx512vbmi");
  add(__builtin_cpu_supports("avx512bitalg") != 0, "avx512bitalg");
  return "x86-64" + names;
#else
  return fmt::format("hwcap {:x} {:x}", ::getauxval(AT_HWCAP), ::getauxval(AT_HWCAP2));
#endif
}

/// Settings that compiled code depends on, and those that do not.
capi::Config make_config(const EngineOptions& options, bool parallel_compilation) {
  capi::Config config(wasm_config_new());
  wasmtime_config_concurrency_support_set(config.get(), false);
  wasmtime_config_epoch_interruption_set(config.get(), true);
  wasmtime_config_signals_based_traps_set(config.get(), true);
  wasmtime_config_memory_init_cow_set(config.get(), true);
  wasmtime_config_max_wasm_stack_set(config.get(), kMaxWasmStackBytes);
  wasmtime_config_async_stack_size_set(config.get(), kFiberStackBytes);
  wasmtime_config_memory_reservation_set(config.get(), kMemoryReservation);
  wasmtime_config_memory_guard_size_set(config.get(), kMemoryGuard);
  // The reservation holds whatever a memory may become; component/ relies on the base that stays.
  wasmtime_config_memory_may_move_set(config.get(), false);
  // Exceptions never cross guest frames, and the engine walks frame pointers for its backtraces:
  // without the tables artefacts are smaller and loading registers nothing.
  wasmtime_config_native_unwind_info_set(config.get(), options.debug_info);
  wasmtime_config_debug_info_set(config.get(), options.debug_info);
  wasmtime_config_cranelift_opt_level_set(
      config.get(), options.debug_info ? WASMTIME_OPT_LEVEL_NONE : WASMTIME_OPT_LEVEL_SPEED
  );
  wasmtime_config_parallel_compilation_set(config.get(), parallel_compilation);
  // Memories shared between threads would make every host access a race, and no guest of ours has
  // a second thread. Heap types would bypass the memory limit; no toolchain for components emits
  // them.
  wasmtime_config_shared_memory_set(config.get(), false);
  wasmtime_config_wasm_gc_set(config.get(), false);
  return config;
}

std::string make_key(const EngineOptions& options) {
  return fmt::format(
      "wasmtime {} epoch cow reservation={} guard={} move=0 unwind={} debug={} opt={} gc=0 "
      "shared=0 {}",
      WASMTIME_VERSION,
      kMemoryReservation,
      kMemoryGuard,
      options.debug_info ? 1 : 0,
      options.debug_info ? 1 : 0,
      options.debug_info ? "none" : "speed",
      cpu_features()
  );
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

}  // namespace

Result<std::shared_ptr<Engine>> Engine::create(const EngineOptions& options) {
  auto impl = std::make_unique<Impl>();
  capi::Config config = make_config(options, kParallelCompilation);
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
  impl->engine.reset(wasm_engine_new_with_config(config.release()));
  const capi::Engine compiler(wasm_engine_new_with_config(make_config(options, false).release()));
  WHORL_TRY(impl->driver, make_driver(impl->engine.get(), compiler.get()));
  try {
    impl->clock = std::make_unique<EpochClock>(
        [](void* engine) { wasmtime_engine_increment_epoch(static_cast<wasm_engine_t*>(engine)); },
        impl->engine.get()
    );
  } catch (const std::system_error& e) {
    return fail(ErrorKind::Unavailable, "starting the engine's clock: {}", e.what());
  }
  return std::make_shared<Engine>(std::move(impl));
}

Engine::Engine(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Engine::~Engine() = default;

InstanceAllocation Engine::allocation() const noexcept {
  return impl_->allocation;
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
