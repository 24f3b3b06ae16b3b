#include "engine/engine_config.hpp"

#include <fmt/format.h>

#include <string_view>

#if !defined(__x86_64__)
#include <sys/auxv.h>
#endif

namespace whorl::engine {
namespace {

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

}  // namespace

capi::Config make_config(const EngineOptions& options, const CompilerUse& use) {
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
  const bool is_quick = use.quality == CodeQuality::Quick;
  wasmtime_config_cranelift_opt_level_set(
      config.get(),
      options.debug_info || is_quick ? WASMTIME_OPT_LEVEL_NONE : WASMTIME_OPT_LEVEL_SPEED
  );
  if (is_quick) {
    wasmtime_config_cranelift_regalloc_algorithm_set(config.get(), WASMTIME_REGALLOC_SINGLE_PASS);
  }
  wasmtime_config_parallel_compilation_set(
      config.get(), use.threads == CompileThreads::All && kParallelCompilation
  );
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

}  // namespace whorl::engine
