#include "engine/pool_plan.hpp"

#include "engine/pool_stacks.hpp"
#include "engine/test_support.hpp"

#include <doctest/doctest.h>

namespace whorl::engine {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr SlotSizes kSizes = {.memory = 4 * kGiB, .table = 1 << 20, .stack = 2 << 20};

bool always(const PoolCounts&, const SlotSizes&) {
  return true;
}
bool never(const PoolCounts&, const SlotSizes&) {
  return false;
}
bool up_to_100_memories(const PoolCounts& counts, const SlotSizes&) {
  return counts.memories <= 100;
}

TEST_CASE("a pool is as large as asked where nothing limits it") {
  const PoolPlan plan = plan_pool(1000, kSizes, {}, always);
  CHECK(plan.slots == 1000);
  CHECK(plan.note.empty());
  CHECK(plan_pool(0, kSizes, {}, always).slots == 0);
  CHECK(plan_pool(1, kSizes, {}, always).slots == 1);
}

TEST_CASE("M7: vm.max_map_count lowers the pool") {
  struct Case {
    std::uint64_t max_map_count;
    std::uint64_t in_use;
    std::uint32_t slots;
  };
  // 4 mappings a memory and 2 for each stack, of which there are 2 for each of up to 1000 slots, 5
  // for 4 slots from 4000 on, and 4 more; 4096 kept.
  const std::vector<Case> cases = {
      {65530, 100, 9435},    // the default of most kernels
      {65530, 60000, 178},   // several engines in one process
      {262144, 100, 10000},  // raised
      {8192, 100, 498},      //
      {4400, 100, 24},       //
      {4096, 100, 0},        // too low for any pool
      {1000, 5000, 0},       //
  };
  for (const Case& c : cases) {
    const MachineLimits limits{.max_map_count = c.max_map_count, .mappings_in_use = c.in_use};
    const PoolPlan plan = plan_pool(10000, kSizes, limits, always);
    CHECK(plan.slots == c.slots);
    CHECK(plan.note.empty() == (c.slots == 10000));
    if (c.slots != 0) {
      CHECK(mappings_for(counts_for(c.slots)) + c.in_use + 4096 <= c.max_map_count);
    }
    if (c.slots != 10000) {
      CHECK(plan.note.find("vm.max_map_count is ") != std::string::npos);
    }
  }
}

TEST_CASE("ulimits and the kernel lower the pool, and the note says which") {
  const PoolPlan space = plan_pool(1000, kSizes, {.address_space = 401 * kGiB}, always);
  CHECK(space.slots == 98);
  CHECK(
      space.note ==
      "the instance pool has 98 slots instead of 1000: the address space is limited (ulimit -v)"
  );
  const PoolPlan data = plan_pool(1000, kSizes, {.data_segment = 2 * kGiB}, always);
  CHECK(bytes_for(counts_for(data.slots), kSizes).writable <= kGiB);
  CHECK(bytes_for(counts_for(data.slots + 1), kSizes).writable > kGiB);
  CHECK(data.note.ends_with("the data segment is limited (ulimit -d)"));

  const PoolPlan probed = plan_pool(1000, kSizes, {}, up_to_100_memories);
  CHECK(probed.slots == 62);
  CHECK(probed.note.ends_with("the kernel does not give more address space"));
  const PoolPlan none = plan_pool(1000, kSizes, {}, never);
  CHECK(none.slots == 0);
  CHECK(
      none.note == "instances are allocated on demand: the kernel does not give more address space"
  );
}

TEST_CASE("this machine's limits can be read, and a probe leaves nothing behind") {
  const MachineLimits limits = read_machine_limits();
  CHECK(limits.max_map_count > 1000);
  CHECK(limits.mappings_in_use > 10);
  CHECK(probe_address_space(counts_for(8), kSizes));
  CHECK(read_machine_limits().mappings_in_use <= limits.mappings_in_use + 8);
  // More than 47 bits can hold.
  CHECK_FALSE(probe_address_space(counts_for(40'000), kSizes));
}

TEST_CASE("an engine says what it got") {
  EngineOptions options;
  options.allocation = InstanceAllocation::OnDemand;
  auto on_demand = Engine::create(options);
  REQUIRE(on_demand);
  CHECK((*on_demand)->allocation() == InstanceAllocation::OnDemand);
  CHECK((*on_demand)->pool_slots() == 0);
  CHECK(instance_limit(**on_demand) == options.pool_slots);
  CHECK(spare_stacks(**on_demand) > 4);
  CHECK((*on_demand)->allocation_note().empty());
  CHECK(test::engine()->allocation() == InstanceAllocation::Pooling);
  CHECK((*on_demand)->compatibility_key().starts_with("wasmtime 48.0.8 "));

  options.allocation = InstanceAllocation::Pooling;
  options.pool_slots = 4'000'000;
  auto huge = Engine::create(options);
  REQUIRE(huge);
  CHECK((*huge)->pool_slots() < options.pool_slots);
  CHECK(instance_limit(**huge) == (*huge)->pool_slots());
  CHECK_FALSE((*huge)->allocation_note().empty());
}

TEST_CASE("many engines in one process never end it") {
  std::vector<std::shared_ptr<Engine>> engines;
  for (int i = 0; i < 6; ++i) {
    EngineOptions options;
    options.pool_slots = 20'000;
    auto engine = Engine::create(options);
    REQUIRE(engine);
    engines.push_back(*std::move(engine));
  }
  CHECK(engines.back()->pool_slots() <= engines.front()->pool_slots());
#ifndef WHORL_SANITIZED  // there each engine stays small
  CHECK(engines.back()->pool_slots() < engines.front()->pool_slots());
#endif
}

}  // namespace
}  // namespace whorl::engine
