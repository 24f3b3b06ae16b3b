#include "engine/fiber.hpp"

#include "async/event.hpp"
#include "engine/fiber_world.hpp"

#include <doctest/doctest.h>

#include <array>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace whorl::engine {
namespace {
using namespace test;  // NOLINT(google-build-using-namespace): a test

TEST_CASE("a fiber runs its entry and ends") {
  World world([](Store&, RawVal*) { return HostStatus::Return; });
  QueueScheduler scheduler;
  std::int32_t answer = 0;
  Body body = world.calling("wait", 3, answer);
  Fiber fiber(*world.store, scheduler, entry_of(body), &body);
  CHECK(fiber.state() == Fiber::State::New);
  CHECK(scheduler.go(fiber) == Fiber::State::Done);
  CHECK(fiber.state() == Fiber::State::Done);
  CHECK(scheduler.done == 1);
  CHECK(fiber.outcome());
  CHECK(answer == 42);
  CHECK(world.store->current_fiber() == nullptr);
  CHECK(&fiber.store() == world.store.get());
}

TEST_CASE("a fiber parks and goes on after unpark") {
  World world(park_here);
  QueueScheduler scheduler;
  std::int32_t answer = 0;
  Body body = world.calling("wait", 2, answer);
  Fiber fiber(*world.store, scheduler, entry_of(body), &body);
  CHECK(scheduler.go(fiber) == Fiber::State::Parked);
  CHECK(scheduler.go(fiber) == Fiber::State::Parked);  // nobody woke it
  fiber.unpark();
  fiber.unpark();
  CHECK(scheduler.ready == 1);  // told once
  CHECK(fiber.state() == Fiber::State::Parked);
  CHECK(scheduler.go(fiber) == Fiber::State::Parked);  // the second wait
  CHECK(answer == 0);
  fiber.unpark();
  CHECK(scheduler.go(fiber) == Fiber::State::Done);
  CHECK(answer == 42);
  CHECK(world.store->current_fiber() == nullptr);
}

TEST_CASE("an unpark before the park is remembered once") {
  int parks = 0;
  World world([&](Store& store, RawVal* slots) {
    store.current_fiber()->unpark();
    store.current_fiber()->unpark();
    CHECK(store.current_fiber()->park());
    ++parks;
    return park_here(store, slots);
  });
  QueueScheduler scheduler;
  std::int32_t answer = 0;
  Body body = world.calling("wait", 1, answer);
  Fiber fiber(*world.store, scheduler, entry_of(body), &body);
  CHECK(scheduler.go(fiber) == Fiber::State::Parked);
  CHECK(parks == 1);
  CHECK(scheduler.ready == 0);
  fiber.unpark();
  CHECK(scheduler.go(fiber) == Fiber::State::Done);
}

TEST_CASE("an event wakes fibers of several stores") {
  async::Event event;
  const auto host = [&](Store& store, RawVal*) {
    return async::wait_on(*store.current_fiber(), event) ? HostStatus::Return : HostStatus::Trap;
  };
  World first(host);
  World second(host);
  QueueScheduler scheduler;
  std::int32_t a = 0;
  std::int32_t b = 0;
  Body body_a = first.calling("wait", 1, a);
  Body body_b = second.calling("wait", 1, b);
  Fiber fiber_a(*first.store, scheduler, entry_of(body_a), &body_a);
  Fiber fiber_b(*second.store, scheduler, entry_of(body_b), &body_b);
  scheduler.go(fiber_a);
  scheduler.go(fiber_b);
  CHECK(event.has_waiters());
  event.notify();
  scheduler.run();
  CHECK(a == 42);
  CHECK(b == 42);
}

TEST_CASE("several fibers of one store keep their own place") {
  std::vector<Fiber*> order;
  World world([&](Store& store, RawVal* slots) {
    Fiber* me = store.current_fiber();
    order.push_back(me);
    const HostStatus status = park_here(store, slots);
    CHECK(store.current_fiber() == me);
    return status;
  });
  QueueScheduler scheduler;
  std::array<std::int32_t, 4> answers = {};
  std::array<Body, 4> bodies;
  std::vector<std::unique_ptr<Fiber>> fibers;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    bodies[i] = world.calling("wait", static_cast<std::int32_t>(i + 1), answers[i]);
    fibers.push_back(
        std::make_unique<Fiber>(*world.store, scheduler, entry_of(bodies[i]), &bodies[i])
    );
    scheduler.go(*fibers.back());
  }
  for (int round = 0; round < 4; ++round) {
    for (std::size_t i = fibers.size(); i-- > 0;) {
      if (fibers[i]->state() == Fiber::State::Parked) {
        fibers[i]->unpark();
        scheduler.go(*fibers[i]);
      }
    }
  }
  CHECK(scheduler.done == 4);
  CHECK(answers == std::array<std::int32_t, 4>{42, 42, 42, 42});
  CHECK(order.size() == 10);
}

TEST_CASE("cancelling a parked fiber resumes it, and nothing in it waits again (K2)") {
  int parks = 0;
  bool unwound = false;
  World world([&](Store& store, RawVal*) {
    struct Guard {
      bool& flag;
      ~Guard() { flag = true; }
    } const guard{unwound};
    auto first = store.current_fiber()->park();
    ++parks;
    REQUIRE_FALSE(first);
    CHECK(first.error().kind() == ErrorKind::Cancelled);
    CHECK(store.current_fiber()->cancelled());
    // A clean-up that waits is told at once, and a host that hides it ends the guest all the same.
    CHECK_FALSE(store.current_fiber()->park());
    return HostStatus::Return;
  });
  QueueScheduler scheduler;
  std::int32_t answer = 0;
  Body body = world.calling("wait", 100, answer);
  Fiber fiber(*world.store, scheduler, entry_of(body), &body);
  scheduler.go(fiber);
  fiber.cancel(TrapKind::Cancelled, "the client went away");
  CHECK(fiber.state() == Fiber::State::Parked);  // never resumed inside
  CHECK(scheduler.ready == 1);
  fiber.cancel(TrapKind::WallDeadline, "too late");
  scheduler.run();
  CHECK(fiber.state() == Fiber::State::Done);
  CHECK(parks == 1);
  CHECK(unwound);
  REQUIRE_FALSE(fiber.outcome());
  CHECK(fiber.outcome().error().kind == TrapKind::Cancelled);
  CHECK(fiber.outcome().error().message == "the client went away");
  CHECK(world.store->is_dying());
  CHECK_FALSE(world.call("wait", 1));
}

TEST_CASE("cancellation waits for the operation") {
  Operation operation;
  World world([&](Store& store, RawVal*) {
    CHECK_FALSE(store.current_fiber()->park(&operation));
    return HostStatus::Trap;
  });
  QueueScheduler scheduler;
  std::int32_t answer = 0;
  Body body = world.calling("wait", 1, answer);
  Fiber fiber(*world.store, scheduler, entry_of(body), &body);
  scheduler.go(fiber);
  fiber.cancel(TrapKind::Cancelled, "stop");
  fiber.cancel(TrapKind::Cancelled, "stop");
  CHECK(operation.asked == 1);
  CHECK(scheduler.ready == 0);
  CHECK(scheduler.go(fiber) == Fiber::State::Parked);  // still under way
  fiber.unpark();                                      // the operation completes
  scheduler.run();
  CHECK(fiber.state() == Fiber::State::Done);
}

TEST_CASE("an interrupted fiber ends its waits, and nobody else's") {
  Operation operation;
  World world([](Store&, RawVal*) { return HostStatus::Return; });
  QueueScheduler scheduler;
  std::vector<std::string> log;
  Body waits = [&](Fiber& fiber) -> std::expected<void, Trap> {
    for (async::Cancellable* each : {static_cast<async::Cancellable*>(&operation), {}}) {
      log.emplace_back(fiber.park(each) ? "went on" : "cancelled");
    }
    CHECK(fiber.cancelled());
    fiber.clear_interrupt();
    log.emplace_back(fiber.park() ? "went on" : "cancelled");
    return {};
  };
  std::int32_t answer = 0;
  Body other = world.calling("wait", 1, answer);
  Fiber fiber(*world.store, scheduler, entry_of(waits), &waits);
  Fiber neighbour(*world.store, scheduler, entry_of(other), &other);
  scheduler.go(fiber);
  fiber.interrupt();
  fiber.interrupt();
  CHECK(operation.asked == 1);
  CHECK(log.empty());  // not before the operation is over
  fiber.unpark();
  CHECK(scheduler.go(fiber) == Fiber::State::Parked);
  CHECK(log == std::vector<std::string>{"cancelled", "cancelled"});
  CHECK_FALSE(world.store->is_dying());
  CHECK(scheduler.go(neighbour) == Fiber::State::Done);
  CHECK(answer == 42);
  fiber.unpark();
  CHECK(scheduler.go(fiber) == Fiber::State::Done);
  CHECK(log.back() == "went on");
  CHECK(fiber.outcome());
}

TEST_CASE("cancelling one fiber ends all of its store") {
  Operation operation;
  int waits = 0;
  World world([&](Store& store, RawVal*) {
    ++waits;
    (void)store.current_fiber()->park(waits == 1 ? &operation : nullptr);
    return HostStatus::Return;
  });
  QueueScheduler scheduler;
  std::int32_t answer = 0;
  Body body = world.calling("wait", 5, answer);
  Fiber first(*world.store, scheduler, entry_of(body), &body);
  Fiber second(*world.store, scheduler, entry_of(body), &body);
  Fiber third(*world.store, scheduler, entry_of(body), &body);
  scheduler.go(first);
  scheduler.go(second);
  second.cancel(TrapKind::WallDeadline, "over");
  CHECK(operation.asked == 1);
  first.unpark();
  scheduler.run();
  for (Fiber* fiber : {&first, &second, &third}) {
    CHECK(fiber->state() == Fiber::State::Done);
    CHECK(fiber->outcome().error().message == "over");
  }
  CHECK(waits == 2);
}

TEST_CASE("a trap in one fiber ends the waits of the others") {
  World world(park_here);
  QueueScheduler scheduler;
  std::int32_t answer = 0;
  Body body = world.calling("wait", 1, answer);
  Body ending = [&](Fiber& fiber) -> std::expected<void, Trap> {
    (void)fiber.store().set_trap(TrapKind::Exit, "exit", 1);
    return std::unexpected(Trap{TrapKind::Exit, "exit", 1, {}});
  };
  Fiber waiting(*world.store, scheduler, entry_of(body), &body);
  Fiber trapping(*world.store, scheduler, entry_of(ending), &ending);
  scheduler.go(waiting);
  CHECK(scheduler.go(trapping) == Fiber::State::Done);
  CHECK(trapping.outcome().error().exit_code == 1);
  waiting.unpark();
  CHECK(scheduler.go(waiting) == Fiber::State::Done);
  CHECK(waiting.outcome().error().kind == TrapKind::Exit);
}

TEST_CASE("dropping a fiber or its store unwinds what is parked") {
  int unwound = 0;
  struct Guard {
    int& count;
    ~Guard() { ++count; }
  };
  const auto host = [&](Store& store, RawVal*) {
    const Guard guard{unwound};
    (void)store.current_fiber()->park();
    CHECK_FALSE(store.current_fiber()->park());
    return HostStatus::Return;
  };
  QueueScheduler scheduler;
  std::int32_t answer = 0;
  SUBCASE("the fiber first") {
    World world(host);
    Body body = world.calling("wait", 1, answer);
    {
      Fiber parked(*world.store, scheduler, entry_of(body), &body);
      Fiber fresh(*world.store, scheduler, entry_of(body), &body);
      scheduler.go(parked);
    }
    CHECK(unwound == 1);
    CHECK(world.store->is_dying());
  }
  SUBCASE("the store first") {
    World world(host);
    Body body = world.calling("wait", 1, answer);
    Fiber first(*world.store, scheduler, entry_of(body), &body);
    Fiber second(*world.store, scheduler, entry_of(body), &body);
    Fiber fresh(*world.store, scheduler, entry_of(body), &body);
    scheduler.go(first);
    scheduler.go(second);
    world.store.reset();
    CHECK(unwound == 2);
    CHECK(first.state() == Fiber::State::Done);
    CHECK(first.outcome().error().kind == TrapKind::Cancelled);
    CHECK(first.cancelled());
    first.cancel(TrapKind::Cancelled, "nothing to do");
  }
  CHECK(scheduler.ready == 0);
}

TEST_CASE("K4: exceptions are caught on fibers, even when one parks inside a handler") {
  int caught = 0;
  World world([&](Store& store, RawVal*) {
    try {
      throw std::runtime_error("on a fiber, long enough not to be short");
    } catch (const std::exception& e) {
      const std::string before = e.what();
      (void)store.current_fiber()->park();
      CHECK(before == e.what());
      REQUIRE(std::current_exception());
      ++caught;
    }
    CHECK_FALSE(std::current_exception());
    return HostStatus::Return;
  });
  QueueScheduler scheduler;
  std::int32_t answer = 0;
  Body body = world.calling("wait", 3, answer);
  Fiber first(*world.store, scheduler, entry_of(body), &body);
  Fiber second(*world.store, scheduler, entry_of(body), &body);
  scheduler.go(first);
  scheduler.go(second);
  for (int i = 0; i < 3; ++i) {
    for (Fiber* fiber : {&first, &second}) {
      CHECK_FALSE(std::current_exception());
      CHECK(std::uncaught_exceptions() == 0);
      fiber->unpark();
      scheduler.go(*fiber);
    }
  }
  CHECK(caught == 6);
  CHECK_FALSE(std::current_exception());
}

TEST_CASE("K1: guests nested through host calls get a trap, not the end of the process") {
  World* self = nullptr;
  int depth = 0;
  int deepest = 0;
  World world([&](Store& store, RawVal*) {
    ++depth;
    deepest = std::max(deepest, depth);
    auto nested = self->call("deep", 2000);
    --depth;
    return nested ? HostStatus::Return
                  : store.set_trap(nested.error().kind, nested.error().message);
  });
  self = &world;
  QueueScheduler scheduler;
  std::int32_t answer = 0;
  Body body = world.calling("deep", 2000, answer);
  Fiber fiber(*world.store, scheduler, entry_of(body), &body);
  while (fiber.resume() == Fiber::State::Yielded) {
  }
  REQUIRE_FALSE(fiber.outcome());
  CHECK(fiber.outcome().error().kind == TrapKind::StackOverflow);
  CHECK(deepest >= 2);
}

TEST_CASE("K1: each nested entry may use its whole stack") {
  // The nested entry recurses until the engine's own limit ends it: that must fit the fiber.
  for (const std::int32_t frames : {0, 1000, 5000}) {
    World* self = nullptr;
    int nesting = 0;
    World world([&](Store& store, RawVal*) {
      auto nested = self->call("deep", ++nesting < 3 ? frames : 1'000'000'000);
      return nested ? HostStatus::Return
                    : store.set_trap(nested.error().kind, nested.error().message);
    });
    self = &world;
    QueueScheduler scheduler;
    std::int32_t answer = 0;
    Body body = world.calling("deep", frames, answer);
    Fiber fiber(*world.store, scheduler, entry_of(body), &body);
    while (fiber.resume() == Fiber::State::Yielded) {
    }
    REQUIRE_FALSE(fiber.outcome());
    CHECK(fiber.outcome().error().kind == TrapKind::StackOverflow);
  }
}

TEST_CASE("an endless loop yields to its neighbours and is ended by its budget") {
  Budget budget;
  budget.cpu = std::chrono::milliseconds(100);
  World looping([](Store&, RawVal*) { return HostStatus::Return; }, budget);
  World neighbour([](Store&, RawVal*) { return HostStatus::Return; });
  QueueScheduler scheduler;
  std::int32_t answer = 0;
  Body body = looping.calling("spin", 0, answer);
  Fiber fiber(*looping.store, scheduler, entry_of(body), &body);
  int served = 0;
  while (fiber.resume() == Fiber::State::Yielded) {
    CHECK(looping.store->current_fiber() == nullptr);
    std::int32_t quiet = 0;
    Body other = neighbour.calling("wait", 1, quiet);
    Fiber guest(*neighbour.store, scheduler, entry_of(other), &other);
    while (guest.resume() == Fiber::State::Yielded) {
    }
    CHECK(quiet == 42);
    ++served;
  }
  CHECK(served > 0);
  CHECK(scheduler.yielded >= served);
  CHECK(fiber.state() == Fiber::State::Done);
  CHECK(fiber.outcome().error().kind == TrapKind::CpuBudget);
  CHECK(fiber.outcome().error().message == "used its CPU budget of 100 ms");
  CHECK(fiber.outcome().error().backtrace.size() == 1);
  CHECK(looping.store->cpu_used() >= budget.cpu);
}

TEST_CASE("a running guest is ended at its deadline, which can be moved") {
  Budget budget;
  budget.deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
  World world([](Store&, RawVal*) { return HostStatus::Return; }, budget);
  QueueScheduler scheduler;
  std::int32_t answer = 0;
  Body body = world.calling("spin", 0, answer);
  Fiber fiber(*world.store, scheduler, entry_of(body), &body);
  CHECK(fiber.resume() == Fiber::State::Yielded);
  world.store->set_deadline(std::chrono::steady_clock::now());
  CHECK(fiber.resume() == Fiber::State::Done);
  CHECK(fiber.outcome().error().kind == TrapKind::WallDeadline);
  CHECK(fiber.outcome().error().message.starts_with("ran past its wall-clock limit of "));
}

TEST_CASE("a yielded guest that is cancelled, or dropped, ends at once") {
  World world([](Store&, RawVal*) { return HostStatus::Return; });
  std::int32_t answer = 0;
  Body body = world.calling("spin", 0, answer);
  end_yielded(world, body);
  CHECK(world.store->is_dying());
}

TEST_CASE("an endless start function is ended by its budget, off the fibers") {
  ModuleBuilder b;
  b.start(b.func(type(), Code().loop().br(0).end()));
  Budget budget;
  budget.cpu = std::chrono::milliseconds(5);
  auto store = make_store(budget);
  auto instance = store->instantiate(compile(b), {});
  REQUIRE_FALSE(instance);
  CHECK(instance.error().kind == TrapKind::CpuBudget);
  CHECK(instance.error().message == "used its CPU budget of 5 ms");
}

TEST_CASE("M6: modules come before fibers") {
  World world([](Store&, RawVal*) { return HostStatus::Return; });
  QueueScheduler scheduler;
  std::int32_t answer = 0;
  Body body = world.calling("wait", 1, answer);
  Fiber fiber(*world.store, scheduler, entry_of(body), &body);
  CHECK(scheduler.go(fiber) == Fiber::State::Done);
  auto late = world.store->instantiate(compile(ModuleBuilder()), {});
  REQUIRE_FALSE(late);
  CHECK(late.error().message == "modules are instantiated before the store's first fiber starts");
}

TEST_CASE("an entry that throws ends its fiber with a trap") {
  World world([](Store&, RawVal*) { return HostStatus::Return; });
  QueueScheduler scheduler;
  Body body = [](Fiber&) -> std::expected<void, Trap> { throw std::runtime_error("broken"); };
  Fiber fiber(*world.store, scheduler, entry_of(body), &body);
  CHECK(scheduler.go(fiber) == Fiber::State::Done);
  CHECK(fiber.outcome().error().message == "internal error: broken");
}

}  // namespace
}  // namespace whorl::engine
