/// Internal to engine/: the settings of the serving engine and of those that only compile for it.
///
/// Code loads in every engine whose settings differ only in how hard it tries (quality, threads):
/// the engine exempts those from its check, and engine_config_test holds it to that.
#pragma once

#include "engine/capi.hpp"
#include "engine/engine.hpp"

#include <cstdint>
#include <string>

namespace whorl::engine {

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
inline constexpr std::uint64_t kMemoryReservation = std::uint64_t{256} << 20;
inline constexpr std::uint32_t kMostSlots = 32;
inline constexpr bool kParallelCompilation = false;
#elif defined(WHORL_SANITIZED)
inline constexpr std::uint64_t kMemoryReservation = std::uint64_t{4} << 30;
inline constexpr std::uint32_t kMostSlots = 256;
inline constexpr bool kParallelCompilation = true;
#else
inline constexpr std::uint64_t kMemoryReservation = std::uint64_t{4} << 30;
inline constexpr std::uint32_t kMostSlots = 20'000;
inline constexpr bool kParallelCompilation = true;
#endif
inline constexpr std::uint64_t kMemoryGuard = std::uint64_t{32} << 20;

/// How good the code has to be.
enum class CodeQuality : std::uint8_t {
  Optimised,
  Quick,  ///< no optimisation, registers in a single pass: a third of the time, 1.5 times the bytes
};
enum class CompileThreads : std::uint8_t { All, One };

struct CompilerUse {
  CodeQuality quality = CodeQuality::Optimised;
  CompileThreads threads = CompileThreads::All;
};

/// Settings that compiled code depends on, and those that do not.
[[nodiscard]] capi::Config make_config(const EngineOptions& options, const CompilerUse& use);
/// All of the former as text, for the code cache: Engine::compatibility_key().
[[nodiscard]] std::string make_key(const EngineOptions& options);

}  // namespace whorl::engine
