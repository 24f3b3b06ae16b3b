/// Internal to engine/: what an Engine holds.
#pragma once

#include "engine/capi.hpp"
#include "engine/engine.hpp"
#include "engine/epoch_clock.hpp"

namespace whorl::engine {

/// Limits of one core module and one store that the engine is set up with.
inline constexpr std::uint32_t kMaxTableElements = 100'000;
inline constexpr std::uint32_t kMaxTablesPerModule = 4;
inline constexpr std::uint32_t kMaxMemoriesPerModule = 2;
inline constexpr std::int64_t kMaxInstancesPerStore = 1024;
inline constexpr std::int64_t kMaxTablesPerStore = 1024;
inline constexpr std::int64_t kMaxMemoriesPerStore = 128;

struct Engine::Impl {
  capi::Engine engine;
  capi::InstancePre driver;  ///< engine/driver.hpp
  InstanceAllocation allocation = InstanceAllocation::OnDemand;
  std::uint32_t slots = 0;
  std::string note;
  std::string key;
  std::unique_ptr<EpochClock> clock;  // last: its thread uses the engine
};

}  // namespace whorl::engine
