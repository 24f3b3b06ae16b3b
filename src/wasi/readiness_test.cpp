#include "wasi/readiness.hpp"

#include "wasi/shard_timers.hpp"
#include "wasi/test_support.hpp"

#include <doctest/doctest.h>

namespace whorl::wasi {
namespace {

using Indices = std::vector<std::uint32_t>;

class Switch final : public Readiness {
 public:
  [[nodiscard]] bool is_ready() override { return on; }
  [[nodiscard]] async::Event* event() noexcept override { return &changed; }
  void turn_on() {
    on = true;
    changed.notify();
  }
  bool on = false;
  async::Event changed;
};

TEST_CASE("what is ready is returned without waiting") {
  test::Scene scene;
  Switch a;
  Switch b;
  Switch c;
  a.on = c.on = true;
  Readiness* const items[] = {&a, &b, &c, &a};
  CHECK(*wait_for_any(&scene.fiber, scene.timers, items) == Indices{0, 2, 3});
  CHECK(*wait_for_any(nullptr, scene.timers, items) == Indices{0, 2, 3});
  CHECK(scene.fiber.parks() == 0);
}

TEST_CASE("a wait ends with the first event that makes something ready") {
  test::Scene scene;
  Switch a;
  Switch b;
  Readiness* const items[] = {&a, &b, &b};
  scene.fiber.then([&] { a.changed.notify(); });  // a false alarm
  scene.fiber.then([&] { b.turn_on(); });
  CHECK(*wait_for_any(&scene.fiber, scene.timers, items) == Indices{1, 2});
  CHECK(scene.fiber.parks() == 2);
  CHECK_FALSE(a.changed.has_waiters());
  CHECK_FALSE(b.changed.has_waiters());
}

TEST_CASE("the earliest alarm ends a wait") {
  test::Scene scene;
  using std::chrono::seconds;
  const Instant start = scene.timers.now();
  Switch never;
  Alarm late(scene.timers, start + seconds(9));
  Alarm soon(scene.timers, start + seconds(2));
  Alarm no_time(scene.timers, std::nullopt);
  Readiness* const items[] = {&never, &late, &soon, &no_time};
  CHECK(*wait_for_any(&scene.fiber, scene.timers, items) == Indices{2});
  CHECK(scene.timers.now() == start + seconds(2));
  CHECK(wait_for(&scene.fiber, scene.timers, late));
  CHECK(scene.timers.now() == start + seconds(9));
  CHECK_FALSE(no_time.is_ready());
}

TEST_CASE("an event beats an alarm") {
  test::Scene scene;
  const Instant start = scene.timers.now();
  Switch item;
  Alarm alarm(scene.timers, start + std::chrono::seconds(1));
  Readiness* const items[] = {&alarm, &item};
  scene.fiber.then([&] { item.turn_on(); });
  CHECK(*wait_for_any(&scene.fiber, scene.timers, items) == Indices{1});
  CHECK(scene.timers.now() == start);
}

TEST_CASE("a guest that is being ended, or has no fiber, is trapped instead of waiting") {
  test::Scene scene;
  Switch item;
  Readiness* const items[] = {&item};
  auto off_fiber = wait_for_any(nullptr, scene.timers, items);
  REQUIRE_FALSE(off_fiber);
  CHECK(off_fiber.error().message.find("start function") != std::string::npos);
  auto ended = wait_for(&scene.fiber, scene.timers, item);
  REQUIRE_FALSE(ended);
  CHECK(ended.error().kind == engine::TrapKind::HostTrap);
  CHECK_FALSE(item.changed.has_waiters());
}

/// Lets a shard's loop run while it is parked.
class LoopFiber final : public async::Parkable {
 public:
  explicit LoopFiber(async::Shard& shard) : shard_(shard) {}
  [[nodiscard]] Result<> park(async::Cancellable* = nullptr) override {
    while (!unparked_) {
      shard_.poll();
    }
    unparked_ = false;
    return {};
  }
  void unpark() noexcept override { unparked_ = true; }
  [[nodiscard]] bool cancelled() const noexcept override { return false; }

 private:
  async::Shard& shard_;
  bool unparked_ = false;
};

TEST_CASE("the timers of a shard wake a fiber at its time, or before") {
  async::Shard shard(0);
  ShardTimers timers(shard);
  LoopFiber fiber(shard);
  Alarm alarm(timers, timers.now() + std::chrono::milliseconds(3));
  CHECK_FALSE(alarm.is_ready());
  CHECK(wait_for(&fiber, timers, alarm));
  CHECK(alarm.is_ready());

  Switch item;
  Alarm distant(timers, timers.now() + std::chrono::hours(1));
  Readiness* const items[] = {&distant, &item};
  shard.post([&] { item.turn_on(); });
  CHECK(*wait_for_any(&fiber, timers, items) == Indices{1});
}

}  // namespace
}  // namespace whorl::wasi
