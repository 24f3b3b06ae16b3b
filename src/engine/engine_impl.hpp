/// Internal to engine/: what an Engine holds.
#pragma once

#include "engine/capi.hpp"
#include "engine/engine.hpp"
#include "engine/engine_config.hpp"
#include "engine/epoch_clock.hpp"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace whorl::engine {

/// Limits of one core module and one store that the engine is set up with.
inline constexpr std::uint32_t kMaxTableElements = 100'000;
inline constexpr std::uint32_t kMaxTablesPerModule = 4;
inline constexpr std::uint32_t kMaxMemoriesPerModule = 2;
inline constexpr std::int64_t kMaxInstancesPerStore = 1024;
inline constexpr std::int64_t kMaxTablesPerStore = 1024;
inline constexpr std::int64_t kMaxMemoriesPerStore = 128;

/// What is known of an engine whose making goes on (engine/late.hpp).
struct EngineMaking {
  std::mutex mutex;
  std::condition_variable settled;
  bool is_settled = false;      ///< under mutex
  std::optional<Error> failed;  ///< under mutex
};

struct Engine::Impl {
  // Shared by the engine and its views (code_views.hpp). Null until it is made; read them after
  // wait_until_made().
  std::shared_ptr<wasm_engine_t> engine;
  std::shared_ptr<wasmtime_instance_pre_t> driver;  ///< engine/driver.hpp
  InstanceAllocation allocation = InstanceAllocation::OnDemand;
  std::uint32_t slots = 0;
  std::string note;
  std::string key;
  EngineOptions options;
  /// How a view wants big modules compiled; nothing for the engine itself.
  std::optional<CompilerUse> view;
  /// Of a view: a module was compiled by its `quality`, which was Quick.
  mutable std::atomic<bool> has_quick_code = false;
  /// Of an engine in two steps; null: made at once.
  std::shared_ptr<EngineMaking> making;
  /// Of a view of an engine that was still to be made: where to look once it is.
  std::shared_ptr<const Engine> whole;
  std::shared_ptr<EpochClock> clock;  // last: its thread uses the engine
};

}  // namespace whorl::engine
