// Host functions whose work is long give way between pieces of it, and are ended there, as loops of
// guests are.
#include "engine/fiber_world.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>

namespace whorl::engine {
namespace {

using namespace test;

constexpr int kTimes = 3;

TEST_CASE("a host function that asks between pieces of its work gives way, and goes on there") {
  int given = 0;
  int left = 0;
  World world([&](Store& store, RawVal*) {
    while (given < kTimes) {  // until it was its turn so often
      CHECK(store.give_way_if_due());
    }
    ++left;
    return HostStatus::Return;
  });
  QueueScheduler scheduler;
  std::int32_t answer = 0;
  Body body = world.calling("wait", 1, answer);
  Fiber fiber(*world.store, scheduler, entry_of(body), &body);
  while (given < kTimes) {
    CHECK(fiber.resume() == Fiber::State::Yielded);
    CHECK(world.store->current_fiber() == nullptr);
    CHECK(left == 0);
    ++given;
  }
  CHECK(scheduler.go(fiber) == Fiber::State::Done);
  CHECK(fiber.outcome());
  CHECK(answer == 42);
  CHECK(left == 1);
}

TEST_CASE("between pieces of a host function's work its guest is ended by its budget") {
  Budget budget;
  budget.cpu = std::chrono::milliseconds(5);
  bool was_ended = false;
  World world(
      [&](Store& store, RawVal*) {
        while (store.give_way_if_due()) {
        }
        was_ended = true;
        CHECK_FALSE(store.give_way_if_due());
        return HostStatus::Return;  // of no account: the store is dying
      },
      budget
  );
  QueueScheduler scheduler;
  std::int32_t answer = 0;
  Body body = world.calling("wait", 1, answer);
  Fiber fiber(*world.store, scheduler, entry_of(body), &body);
  CHECK(scheduler.go(fiber) == Fiber::State::Done);
  CHECK(was_ended);
  CHECK(answer == 0);
  CHECK(fiber.outcome().error().kind == TrapKind::CpuBudget);
  CHECK(fiber.outcome().error().message == "used its CPU budget of 5 ms");
  CHECK(fiber.outcome().error().backtrace.size() == 1);
}

TEST_CASE(
    "what ended a guest between pieces of the host's work is told, whatever the host made of it"
) {
  Budget budget;
  budget.cpu = std::chrono::milliseconds(5);
  World world([](Store&, RawVal*) { return HostStatus::Return; }, budget);
  QueueScheduler scheduler;
  Body body = [&](Fiber&) -> std::expected<void, Trap> {
    while (world.store->give_way_if_due()) {
    }
    return std::unexpected(Trap{.kind = TrapKind::Cancelled, .message = "ended", .backtrace = {}});
  };
  Fiber fiber(*world.store, scheduler, entry_of(body), &body);
  CHECK(scheduler.go(fiber) == Fiber::State::Done);
  CHECK(fiber.outcome().error().kind == TrapKind::CpuBudget);
  CHECK(fiber.outcome().error().message == "used its CPU budget of 5 ms");
}

TEST_CASE("a guest that gave way in a host function is cancelled, or dropped, there") {
  bool was_ended = false;
  World world([&](Store& store, RawVal*) {
    while (store.give_way_if_due()) {
    }
    was_ended = true;
    return HostStatus::Trap;
  });
  std::int32_t answer = 0;
  Body body = world.calling("wait", 1, answer);
  end_yielded(world, body);
  CHECK(was_ended);
  CHECK(world.store->is_dying());
}

TEST_CASE("a host function that a start function calls has nobody to give way to") {
  World world([](Store&, RawVal*) { return HostStatus::Return; });
  CHECK(world.store->current_fiber() == nullptr);
  CHECK(world.store->give_way_if_due());
  world.store->set_trap(TrapKind::HostTrap, "over");
  CHECK_FALSE(world.store->give_way_if_due());
}

}  // namespace
}  // namespace whorl::engine
