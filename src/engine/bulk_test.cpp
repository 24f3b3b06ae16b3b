// memory.fill and memory.copy are one instruction each and may take half a second: they must give
// way and be ended like any loop, and still do what they are for (engine.md K9).
#include "engine/engine_config.hpp"
#include "engine/test_support.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <expected>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::engine {
namespace {

using namespace test;

constexpr std::uint32_t kPageOfMemory = 64 * 1024;

/// A store whose one instance has a memory, and functions that fill and copy in it.
struct Bulk {
  Bulk(std::uint32_t pages, const Budget& budget) : store(make_store(budget)) {
    constexpr std::uint8_t kPrefix = 0xfc;
    ModuleBuilder b;
    b.memory(pages);
    const auto operands = Code().local_get(0).local_get(1).local_get(2);
    b.export_func("fill", type({kI32, kI32, kI32}), Code(operands).op(kPrefix).op_u32(0x0b, 0));
    b.export_func(
        "copy", type({kI32, kI32, kI32}), Code(operands).op(kPrefix).op_u32(0x0a, 0).op(0)
    );
    const auto made = store->instantiate(compile(b), {});
    REQUIRE(made);
    instance = *made;
  }

  std::expected<void, Trap> call(
      std::string_view name, std::uint32_t to, std::uint32_t what, std::uint32_t size
  ) {
    std::array<RawVal, 3> slots = {
        raw_i32(static_cast<std::int32_t>(to)),
        raw_i32(static_cast<std::int32_t>(what)),
        raw_i32(static_cast<std::int32_t>(size))
    };
    return store->call_guest(func_of(*store, instance, name), slots);
  }
  MutableByteView memory() {
    return store->bytes_of(*store->as_memory(*store->find_export(instance, "memory")));
  }

  std::unique_ptr<Store> store;
  Instance instance;
};

// As much as any memory may have under the thread sanitizer.
constexpr auto kMuch =
    static_cast<std::uint32_t>(std::min<std::uint64_t>(512 << 20, kMemoryReservation));

/// Calls `name` with much memory on a fiber. @return how often it gave way, and how it ended
std::pair<int, std::expected<void, Trap>> run_long(Bulk& bulk, std::string_view name) {
  QueueScheduler scheduler;
  auto body = [&](Fiber&) {
    return name == "fill" ? bulk.call(name, 0, 7, kMuch) : bulk.call(name, 0, 1, kMuch - 1);
  };
  Fiber fiber(*bulk.store, scheduler, entry_of(body), &body);
  int yields = 0;
  while (fiber.resume() == Fiber::State::Yielded) {
    ++yields;
  }
  return {yields, fiber.outcome()};
}

TEST_CASE("K9: filling much memory gives way") {
  Bulk bulk(kMuch / kPageOfMemory, {});
  const auto [yields, outcome] = run_long(bulk, "fill");
  REQUIRE(outcome);
  CHECK(yields > 0);
  CHECK(bulk.memory().back() == 7);
}

TEST_CASE("K9: filling and copying much memory is ended by the budget") {
  Budget budget;
  budget.cpu = std::chrono::milliseconds(1);
  Bulk bulk(kMuch / kPageOfMemory, budget);
  SUBCASE("fill") {
    const auto outcome = run_long(bulk, "fill").second;
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().kind == TrapKind::CpuBudget);
    CHECK(outcome.error().backtrace.size() == 1);
    CHECK(bulk.memory().front() == 7);
    CHECK(bulk.memory().back() == 0);
  }
  SUBCASE("copy") {
    bulk.memory()[1] = 7;
    bulk.memory().back() = 7;
    const auto outcome = run_long(bulk, "copy").second;
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().kind == TrapKind::CpuBudget);
    CHECK(bulk.memory().front() == 7);
    CHECK(bulk.memory()[kMuch - 2] == 0);
  }
}

TEST_CASE("a copy in pieces is a copy, whichever way its ends overlap") {
  constexpr std::uint32_t kPages = 8;
  constexpr std::uint32_t kSize = 3 * kPageOfMemory + 17;
  struct Case {
    std::uint32_t to;
    std::uint32_t from;
  };
  for (const auto [to, from] : std::vector<Case>{
           {0, 1},
           {1, 0},
           {100, kPageOfMemory},
           {kPageOfMemory, 100},
           {kPageOfMemory + 5, 0},
           {0, 4 * kPageOfMemory},
           {4 * kPageOfMemory, 0},
           {33, 33},
       }) {
    CAPTURE(to);
    CAPTURE(from);
    Bulk bulk(kPages, {});
    const MutableByteView memory = bulk.memory();
    std::uint32_t state = 1;
    for (auto& byte : memory) {
      state = state * 1664525 + 1013904223;
      byte = static_cast<std::uint8_t>(state >> 24);
    }
    std::vector<std::uint8_t> wanted(memory.begin(), memory.end());
    std::memmove(wanted.data() + to, wanted.data() + from, kSize);
    REQUIRE(bulk.call("copy", to, from, kSize));
    CHECK(std::memcmp(wanted.data(), memory.data(), wanted.size()) == 0);
    std::memset(wanted.data() + to, 9, kSize);
    REQUIRE(bulk.call("fill", to, 9, kSize));
    CHECK(std::memcmp(wanted.data(), memory.data(), wanted.size()) == 0);
  }
}

TEST_CASE("a copy or fill past the end of the memory does nothing but trap") {
  Bulk bulk(4, {});
  const auto outcome = bulk.call("fill", 1, 9, 4 * kPageOfMemory);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().kind == TrapKind::MemoryOutOfBounds);
  CHECK(bulk.memory()[1] == 0);
}

}  // namespace
}  // namespace whorl::engine
