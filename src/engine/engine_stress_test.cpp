// Random switches over many stores and many fibers on each, with waits in nested calls, inside
// handlers and on operations, with yields, traps, cancellations, fibers and stores dropped in the
// middle. Every fiber checks its own answer, its stack and its place.
//
// WHORL_STRESS_SWITCHES sets the number of switches, WHORL_STRESS_SEED repeats a run.
#include "engine/engine_impl.hpp"
#include "engine/test_support.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <random>
#include <stdexcept>

namespace whorl::engine {
namespace {
using namespace test;  // NOLINT(google-build-using-namespace): a test

constexpr std::size_t kWorlds = 24;
constexpr std::size_t kFibersPerWorld = 8;

std::uint64_t number_from(const char* variable, std::uint64_t fallback) {
  const char* text = std::getenv(variable);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

struct Counts {
  std::uint64_t switches = 0, done = 0, ended = 0, yields = 0, parks = 0, nested = 0, traps = 0,
                cancels = 0, dropped_fibers = 0, dropped_stores = 0, thrown = 0;
};

struct Dice {
  std::mt19937_64 generator;
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(generator() % n); }
  bool one_in(std::uint32_t n) { return below(n) == 0; }
};

/// work(n): for i = n…1: acc = acc * 3 + host(i); burn(n): n turns of nothing.
Module stress_module() {
  ModuleBuilder b;
  const auto host = b.import_func("env", "host", type({kI32}, {kI32}));
  b.memory(1);
  b.export_func(
      "work",
      type({kI32}, {kI32}),
      Code()
          .loop()
          .local_get(1)
          .i32_const(3)
          .op(0x6c)
          .local_get(0)
          .call(host)
          .i32_add()
          .local_set(1)
          .local_get(0)
          .i32_const(1)
          .i32_sub()
          .local_tee(0)
          .br_if(0)
          .end()
          .local_get(1),
      {kI32}
  );
  b.export_func("trap", type({kI32}, {kI32}), Code().unreachable());
  b.export_func(
      "burn",
      type({kI32}, {kI32}),
      Code().loop().local_get(0).i32_const(1).i32_sub().local_tee(0).br_if(0).end().i32_const(9)
  );
  return compile(b);
}

struct World;

/// One fiber with what it must find unchanged whenever it goes on.
struct Task final : async::Cancellable {
  Task(World& in, std::int32_t id, std::int32_t loops);
  void cancel() noexcept override { asked = true; }
  [[nodiscard]] bool waits_for_operation() const noexcept { return in_operation; }

  World& world;
  std::int32_t id;
  std::int32_t loops;
  std::int32_t depth = 0;
  bool in_operation = false;
  bool asked = false;
  bool unwound = false;
  Fiber fiber;
};

struct World final : FiberScheduler {
  explicit World(Dice& d, Counts& c, const InstancePre& pre) : dice(d), counts(c) {
    Budget budget;
    budget.slice = std::chrono::nanoseconds(1);
    store = make_store(budget, this);
    const auto made = store->instantiate(pre);
    REQUIRE(made);
    work = func_of(*store, *made, "work");
    trap = func_of(*store, *made, "trap");
    burn = func_of(*store, *made, "burn");
  }
  ~World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void fiber_ready(Fiber&) noexcept override {}
  void fiber_yielded(Fiber&) noexcept override { ++counts.yields; }
  void fiber_done(Fiber& fiber) noexcept override { finished = &fiber; }

  /// @param in  the store, which while it is being dropped is no longer in `store`
  static std::expected<std::int32_t, Trap> call(Store& in, const Func& func, std::int32_t arg) {
    std::array<RawVal, 1> slots = {raw_i32(arg)};
    auto result = in.call_guest(func, slots);
    if (!result) {
      return std::unexpected(std::move(result.error()));
    }
    return slots[0].i32;
  }
  Task& task_of(const Fiber* fiber) {
    for (const auto& task : tasks) {
      if (&task->fiber == fiber) {
        return *task;
      }
    }
    FAIL("no current task");
    std::abort();
  }

  Dice& dice;
  Counts& counts;
  std::unique_ptr<Store> store;
  Func work, trap, burn;
  std::vector<std::unique_ptr<Task>> tasks;
  Fiber* finished = nullptr;
};

std::int32_t expected_work(std::int32_t id, std::int32_t loops) {
  std::uint32_t acc = 0;
  for (std::int32_t i = loops; i > 0; --i) {
    acc = acc * 3 + static_cast<std::uint32_t>(i * 7 + id);
  }
  return static_cast<std::int32_t>(acc);
}

/// Parks in one of several ways; true while the guest may go on.
bool wait(Task& task, Dice& dice) {
  ++task.world.counts.parks;
  const std::uint64_t canary = dice.generator();
  volatile std::uint64_t kept = canary;
  bool going_on = false;
  switch (dice.below(4)) {
    case 0:
      if (task.fiber.cancelled()) {  // an operation is not begun then
        going_on = false;
        break;
      }
      task.in_operation = true;
      task.asked = false;
      do {  // a wake-up from before may come first
        going_on = static_cast<bool>(task.fiber.park(&task));
      } while (going_on && task.in_operation);
      REQUIRE_FALSE(task.in_operation);  // whoever completes it clears that first
      break;
    case 1:
      try {
        throw std::runtime_error(std::to_string(canary));
      } catch (const std::runtime_error& e) {
        ++task.world.counts.thrown;
        going_on = static_cast<bool>(task.fiber.park());
        REQUIRE(std::to_string(canary) == e.what());
      }
      break;
    default:
      going_on = static_cast<bool>(task.fiber.park());
      break;
  }
  REQUIRE(kept == canary);
  REQUIRE(task.fiber.store().current_fiber() == &task.fiber);
  REQUIRE(going_on != task.fiber.store().is_dying());
  if (!going_on) {
    REQUIRE_FALSE(task.fiber.park());  // K2
  }
  return going_on;
}

HostStatus host(void*, Store& store, RawVal* slots) {
  World& world = *static_cast<World*>(store.host_data());
  Task& task = world.task_of(store.current_fiber());
  Dice& dice = world.dice;
  const std::int32_t i = slots[0].i32;
  struct Unwinds {
    std::int32_t& depth;
    ~Unwinds() { --depth; }
  } const unwinds{++task.depth};
  if (dice.one_in(2) && !wait(task, dice)) {
    // A host that swallows the cancellation is as good as one that tells.
    return dice.one_in(2) ? HostStatus::Return : HostStatus::Trap;
  }
  if (task.depth < 3 && dice.one_in(8)) {
    ++world.counts.nested;
    auto inner = world.call(store, world.work, 2);
    if (!inner) {
      return dice.one_in(2) ? store.set_trap(TrapKind::HostTrap, "nested") : HostStatus::Trap;
    }
    REQUIRE(*inner == expected_work(task.id, 2));
  }
  if (dice.one_in(2000)) {
    ++world.counts.traps;
    if (dice.one_in(2)) {
      return store.set_trap(TrapKind::Exit, "exit", 1);
    }
    REQUIRE_FALSE(world.call(store, world.trap, 0));
    return HostStatus::Return;
  }
  if (dice.one_in(64)) {
    (void)world.call(store, world.burn, 1000);
  }
  slots[0].i32 = i * 7 + task.id;
  return HostStatus::Return;
}

std::expected<void, Trap> entry(void* env, Fiber& fiber) {
  Task& task = *static_cast<Task*>(env);
  REQUIRE(&fiber == &task.fiber);
  auto result = World::call(fiber.store(), task.world.work, task.loops);
  task.unwound = true;
  REQUIRE(task.depth == 0);
  if (!result) {
    return std::unexpected(std::move(result.error()));
  }
  REQUIRE(*result == expected_work(task.id, task.loops));
  return {};
}

Task::Task(World& in, std::int32_t number, std::int32_t turns)
    : world(in), id(number), loops(turns), fiber(*in.store, in, entry, this) {}

class Stress {
 public:
  explicit Stress(std::uint64_t seed)
      : dice_{std::mt19937_64(seed)}, module_(stress_module()), pre_(link()) {}

  Counts run(std::uint64_t switches) {
    worlds_.resize(kWorlds);
    while (counts_.switches < switches) {
      if (counts_.switches % 512 == 0) {
        engine()->impl().clock->note_past_slice();  // so that ticks, and yields, happen
      }
      step(worlds_[dice_.below(kWorlds)]);
    }
    for (auto& world : worlds_) {
      drop_store(world);
    }
    return counts_;
  }

 private:
  InstancePre link() {
    const std::array imports = {
        InstancePre::Import{"env", "host", {type({kI32}, {kI32}), host, nullptr}}
    };
    auto pre = InstancePre::create(*engine(), module_, imports);
    REQUIRE(pre);
    return *std::move(pre);
  }

  void step(std::unique_ptr<World>& world) {
    if (world == nullptr) {
      world = std::make_unique<World>(dice_, counts_, pre_);
    }
    if (world->tasks.size() < kFibersPerWorld && dice_.one_in(4)) {
      world->tasks.push_back(std::make_unique<Task>(
          *world, next_id_++ & 0xffff, 1 + static_cast<std::int32_t>(dice_.below(20))
      ));
    }
    if (world->tasks.empty()) {
      return;
    }
    if (dice_.one_in(5000)) {
      drop_store(world);
      return;
    }
    Task& task = *world->tasks[dice_.below(static_cast<std::uint32_t>(world->tasks.size()))];
    if (dice_.one_in(1000)) {
      ++counts_.cancels;
      task.fiber.cancel(TrapKind::Cancelled, "stress");
    } else if (dice_.one_in(5000)) {
      drop_fiber(*world, task);
      return;
    }
    resume(*world, task);
    if (world->tasks.empty() && world->store->is_dying()) {
      world.reset();
    }
  }

  void resume(World& world, Task& task) {
    complete(task);
    if (!dice_.one_in(16)) {  // now and then nobody woke it
      task.fiber.unpark();
    }
    ++counts_.switches;
    world.finished = nullptr;
    const Fiber::State state = task.fiber.resume();
    REQUIRE(world.store->current_fiber() == nullptr);
    REQUIRE_FALSE(std::current_exception());
    if (state != Fiber::State::Done) {
      return;
    }
    REQUIRE(world.finished == &task.fiber);
    REQUIRE(task.depth == 0);
    const bool sound = task.fiber.outcome().has_value();
    REQUIRE((sound || world.store->is_dying()));
    ++(sound ? counts_.done : counts_.ended);
    remove(world, task);
  }

  /// The operation a task waits for, if any, is over.
  static void complete(Task& task) {
    if (std::exchange(task.in_operation, false)) {
      task.fiber.unpark();
    }
  }
  void drop_fiber(World& world, Task& task) {
    complete(task);
    ++counts_.dropped_fibers;
    remove(world, task);
    // The rest of a dying store is ended in the proper way.
    for (const auto& other : world.tasks) {
      other->fiber.cancel(TrapKind::Cancelled, "stress");
    }
  }
  void drop_store(std::unique_ptr<World>& world) {
    if (world == nullptr) {
      return;
    }
    ++counts_.dropped_stores;
    for (const auto& task : world->tasks) {
      complete(*task);
    }
    world->store.reset();
    for (const auto& task : world->tasks) {
      REQUIRE(task->fiber.state() == Fiber::State::Done);
      REQUIRE(task->depth == 0);
    }
    world.reset();
  }
  static void remove(World& world, const Task& task) {
    std::erase_if(world.tasks, [&](const auto& held) { return held.get() == &task; });
  }

  Dice dice_;
  Counts counts_;
  Module module_;
  InstancePre pre_;
  std::int32_t next_id_ = 0;
  std::vector<std::unique_ptr<World>> worlds_;
};

TEST_CASE("random switches over many stores and fibers") {
  const std::uint64_t switches = number_from("WHORL_STRESS_SWITCHES", 200'000);
  const std::uint64_t seed = number_from(
      "WHORL_STRESS_SEED",
      static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count())
  );
  INFO("WHORL_STRESS_SEED=", seed);
  MESSAGE("WHORL_STRESS_SEED=", seed);
  const auto start = std::chrono::steady_clock::now();
  const Counts c = Stress(seed).run(switches);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  MESSAGE(fmt::format(
      "{} switches in {:.1f} s: {} fibers done, {} ended, {} yields, {} waits ({} in handlers), {} "
      "nested entries, {} traps, {} cancellations, {} fibers and {} stores dropped",
      c.switches,
      took.count(),
      c.done,
      c.ended,
      c.yields,
      c.parks,
      c.thrown,
      c.nested,
      c.traps,
      c.cancels,
      c.dropped_fibers,
      c.dropped_stores
  ));
  CHECK(c.done > 0);
  if (switches >= 100'000) {
    CHECK(c.ended > 0);
    CHECK(c.nested > 0);
    CHECK(c.cancels > 0);
    CHECK(c.dropped_fibers > 0);
    CHECK(c.dropped_stores > 0);
  }
}

}  // namespace
}  // namespace whorl::engine
