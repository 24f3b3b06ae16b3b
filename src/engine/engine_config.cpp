#include "engine/engine_config.hpp"

#include <fmt/format.h>

#include <string_view>

#if defined(__x86_64__)
#define _Bool bool  // the header of glibc 2.36 is C's
#include <sys/platform/x86.h>
#undef _Bool
#else
#include <sys/auxv.h>
#endif

namespace whorl::engine {
namespace {

std::string cpu_features() {
#if defined(__x86_64__)
  // What the C library's loader has found out already: asking the processor takes microseconds in a
  // virtual machine, each time, and the compiler's own functions ask in every start.
  std::string names;
  const auto add = [&names](bool has, std::string_view name) {
    if (has) {
      names += ' ';
      names += name;
    }
  };
  add(CPU_FEATURE_ACTIVE(SSE3), "sse3");
  add(CPU_FEATURE_ACTIVE(SSSE3), "ssse3");
  add(CPU_FEATURE_ACTIVE(SSE4_1), "sse4.1");
  add(CPU_FEATURE_ACTIVE(SSE4_2), "sse4.2");
  add(CPU_FEATURE_ACTIVE(POPCNT), "popcnt");
  add(CPU_FEATURE_ACTIVE(AVX), "avx");
  add(CPU_FEATURE_ACTIVE(AVX2), "avx2");
  add(CPU_FEATURE_ACTIVE(FMA), "fma");
  add(CPU_FEATURE_ACTIVE(BMI1), "bmi");
  add(CPU_FEATURE_ACTIVE(BMI2), "bmi2");
  add(CPU_FEATURE_ACTIVE(LZCNT), "lzcnt");
  add(CPU_FEATURE_ACTIVE(AVX512F), "avx512f");
  add(CPU_FEATURE_ACTIVE(AVX512DQ), "avx512dq");
  add(CPU_FEATURE_ACTIVE(AVX512VL), "avx512vl");
  add(CPU_FEATURE_ACTIVE(AVX512_VBMI), "avx512vbmi");
  add(CPU_FEATURE_ACTIVE(AVX512_BITALG), "avx512bitalg");
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
      "wasmtime {} {} epoch cow reservation={} guard={} move=0 unwind={} debug={} opt={} gc=0 "
      "shared=0 {}",
      WASMTIME_VERSION,
      WHORL_ENGINE_PATCHES,
      kMemoryReservation,
      kMemoryGuard,
      options.debug_info ? 1 : 0,
      options.debug_info ? 1 : 0,
      options.debug_info ? "none" : "speed",
      cpu_features()
  );
}

}  // namespace whorl::engine
