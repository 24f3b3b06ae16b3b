/// Engine: the one Wasmtime engine of the process, its settings and its epoch clock.
///
/// Created once by apps/whorl (or a test) and shared read-only by all shards. Creating it never
/// aborts: what the machine cannot give (address space, vm.max_map_count) is probed first, and
/// instances are then allocated on demand (engine.md M7, A.1).
/// @thread any, after creation
#pragma once

#include "base/result.hpp"
#include "engine/types.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace whorl::engine {

enum class InstanceAllocation : std::uint8_t { Pooling, OnDemand };

struct EngineOptions {
  /// Preferred way; the engine says which one it got.
  InstanceAllocation allocation = InstanceAllocation::Pooling;
  /// Slots of the pool: memories and fiber stacks. Lowered to what the machine's limits allow.
  std::uint32_t pool_slots = 1000;
  /// Largest linear memory, bytes; a store's own limit may be lower.
  std::uint64_t max_memory_bytes = std::uint64_t{4} << 30;
  /// Native debug information for guests; optimisation off.
  bool debug_info = false;
};

/// Stack of a guest's own frames, and of the fiber they share with host frames (engine.md K1).
/// Quick code keeps each of a function's values there: until the optimised code takes over,
/// QuickJS needs more than 512 KiB, Ruby more than 1.5 MiB for a line of script.
inline constexpr std::size_t kMaxWasmStackBytes = 3 * 1024 * 1024;
#ifdef WHORL_SANITIZED
// Sanitizers make host frames several times larger.
inline constexpr std::size_t kFiberStackBytes = 7 * 1024 * 1024;
inline constexpr std::size_t kHostStackReserveBytes = 768 * 1024;
#else
inline constexpr std::size_t kFiberStackBytes = 6 * 1024 * 1024;
inline constexpr std::size_t kHostStackReserveBytes = 192 * 1024;
#endif

/// Length of one epoch tick.
inline constexpr std::chrono::microseconds kEpochTick{250};

class Engine {
 public:
  [[nodiscard]] static Result<std::shared_ptr<Engine>> create(const EngineOptions& options);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  /// What was really set up, and why if it differs from what was asked (empty otherwise).
  [[nodiscard]] InstanceAllocation allocation() const noexcept;
  [[nodiscard]] std::uint32_t pool_slots() const noexcept;
  [[nodiscard]] const std::string& allocation_note() const noexcept;
  /// Everything compiled code depends on: engine version, settings, CPU features. Part of the code
  /// cache's key.
  [[nodiscard]] const std::string& compatibility_key() const noexcept;

  struct Impl;
  explicit Engine(std::unique_ptr<Impl> impl) noexcept;  ///< for create()
  [[nodiscard]] Impl& impl() const noexcept { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace whorl::engine
