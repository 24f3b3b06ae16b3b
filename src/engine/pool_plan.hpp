/// Internal to engine/: how large a pool this machine can carry. The engine's constructor ends the
/// process when the kernel refuses the pool (engine.md M7), so the answer is found beforehand.
/// @thread any
#pragma once

#include <cstdint>
#include <string>

namespace whorl::engine {

/// What limits a pool. Read by read_machine_limits(), made up by tests.
struct MachineLimits {
  std::uint64_t max_map_count = 65530;              ///< vm.max_map_count
  std::uint64_t mappings_in_use = 0;                ///< mappings this process has already
  std::uint64_t address_space = ~std::uint64_t{0};  ///< bytes left under RLIMIT_AS
  std::uint64_t data_segment = ~std::uint64_t{0};   ///< bytes of writable memory, RLIMIT_DATA
};
[[nodiscard]] MachineLimits read_machine_limits();

/// What one slot needs of the address space.
struct SlotSizes {
  std::uint64_t memory = 0;  ///< reservation and guard of a linear memory
  std::uint64_t table = 0;
  std::uint64_t stack = 0;  ///< with its guard page
};

/// Counts of a pool: everything follows from the number of slots.
struct PoolCounts {
  std::uint32_t memories = 0;
  std::uint32_t tables = 0;
  std::uint32_t core_instances = 0;
  std::uint32_t stacks = 0;
};
[[nodiscard]] PoolCounts counts_for(std::uint32_t slots) noexcept;

/// Bytes of address space that a pool takes; `writable` is the part mapped writable at once.
struct PoolBytes {
  std::uint64_t reserved = 0;
  std::uint64_t writable = 0;
};
[[nodiscard]] PoolBytes bytes_for(const PoolCounts& counts, const SlotSizes& sizes) noexcept;

/// Mappings that a pool may come to use when all of it is in use.
[[nodiscard]] std::uint64_t mappings_for(const PoolCounts& counts) noexcept;

/// The smallest pool worth having; below it instances are allocated on demand.
inline constexpr std::uint32_t kLeastSlots = 8;

struct PoolPlan {
  std::uint32_t slots = 0;  ///< 0: no pool
  std::string note;         ///< why it is smaller than asked, empty if it is not
};

/// Sees whether the kernel would give the memory right now.
using Probe = bool (*)(const PoolCounts& counts, const SlotSizes& sizes);
/// Maps and unmaps what the pool would map.
[[nodiscard]] bool probe_address_space(const PoolCounts& counts, const SlotSizes& sizes);

/// The largest pool up to `wanted` slots that fits the limits and the probe.
[[nodiscard]] PoolPlan plan_pool(
    std::uint32_t wanted, const SlotSizes& sizes, const MachineLimits& limits, Probe probe
);

}  // namespace whorl::engine
