#include "engine/kept_fiber.hpp"

#include "engine/fiber_world.hpp"
#include "engine/store_impl.hpp"
#include "engine/thread_use.hpp"

namespace whorl::engine {
namespace {
using namespace test;  // NOLINT(google-build-using-namespace): a test

TEST_CASE("a kept fiber serves one entry after the other, and waits in each") {
  World world(park_here);
  keep_fiber(*world.store);
  QueueScheduler scheduler;
  for (std::int32_t waits = 0; waits < 4; ++waits) {
    std::int32_t answer = 0;
    Body body = world.calling("wait", waits + 1, answer);
    Fiber fiber(*world.store, scheduler, entry_of(body), &body);
    CHECK(scheduler.go(fiber) == Fiber::State::Parked);
    for (std::int32_t i = 0; i < waits; ++i) {
      fiber.unpark();
      CHECK(scheduler.go(fiber) == Fiber::State::Parked);
    }
    fiber.unpark();
    CHECK(scheduler.go(fiber) == Fiber::State::Done);
    CHECK(fiber.outcome());
    CHECK(answer == 42);
    CHECK(world.store->impl().resting != nullptr);
  }
}

TEST_CASE("what kept fibers leave behind ends with the store, and no trap is kept") {
  World world([](Store&, RawVal* slots) {
    return slots[0].i32 == 1 ? HostStatus::Trap : HostStatus::Return;
  });
  keep_fiber(*world.store);
  QueueScheduler scheduler;
  std::int32_t answer = 0;
  Body deep = world.calling("deep", 40, answer);
  {
    Fiber one(*world.store, scheduler, entry_of(deep), &deep);
    Fiber other(*world.store, scheduler, entry_of(deep), &deep);
    CHECK(scheduler.go(one) == Fiber::State::Done);
    CHECK(scheduler.go(other) == Fiber::State::Done);
    CHECK(answer == 40);
  }
  // Two at once: both give their stacks back.
  CHECK(world.store->impl().resting == nullptr);
  {
    Fiber alone(*world.store, scheduler, entry_of(deep), &deep);
    CHECK(scheduler.go(alone) == Fiber::State::Done);
  }
  CHECK(world.store->impl().resting != nullptr);
  CHECK(world.store->begin_next_event({}));
  Body trapping = world.calling("wait", 1, answer);
  {
    Fiber fiber(*world.store, scheduler, entry_of(trapping), &trapping);
    CHECK(scheduler.go(fiber) == Fiber::State::Done);
    CHECK_FALSE(fiber.outcome());
  }
  CHECK(world.store->is_dying());
  CHECK(world.store->impl().resting == nullptr);
}

TEST_CASE("a kept fiber that is dropped while it is parked unwinds") {
  World world(park_here);
  keep_fiber(*world.store);
  QueueScheduler scheduler;
  int unwound = 0;
  struct Guard {
    int& count;
    ~Guard() { ++count; }
  };
  for (int i = 0; i < 2; ++i) {
    Body body = [&](Fiber&) -> std::expected<void, Trap> {
      const Guard guard{unwound};
      auto called = world.call("wait", 1);
      return called ? std::expected<void, Trap>() : std::unexpected(called.error());
    };
    Fiber fiber(*world.store, scheduler, entry_of(body), &body);
    CHECK(scheduler.go(fiber) == Fiber::State::Parked);
    if (i == 0) {
      fiber.unpark();
      CHECK(scheduler.go(fiber) == Fiber::State::Done);
    }
  }
  CHECK(unwound == 2);
  CHECK(world.store->is_dying());
  CHECK(world.store->impl().resting == nullptr);
}

TEST_CASE("a kept fiber goes on through ticks, budgets and yields as a new one does") {
  World world([](Store&, RawVal*) { return HostStatus::Return; });
  keep_fiber(*world.store);
  QueueScheduler scheduler;
  std::int32_t answer = 0;
  Body quick = world.calling("wait", 3, answer);
  for (int i = 0; i < 3; ++i) {
    Fiber fiber(*world.store, scheduler, entry_of(quick), &quick);
    CHECK(scheduler.go(fiber) == Fiber::State::Done);
    CHECK(fiber.outcome());
  }
  static_cast<void>(ThreadUse::now());  // as whoever puts an instance back does
  CHECK(world.store->begin_next_event({.cpu = std::chrono::milliseconds(20)}));
  Body endless = world.calling("spin", 0, answer);
  Fiber fiber(*world.store, scheduler, entry_of(endless), &endless);
  int yields = 0;
  while (fiber.resume() == Fiber::State::Yielded) {
    ++yields;
  }
  CHECK(yields > 0);
  REQUIRE_FALSE(fiber.outcome());
  CHECK(fiber.outcome().error().kind == TrapKind::CpuBudget);
}

}  // namespace
}  // namespace whorl::engine
