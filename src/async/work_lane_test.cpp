#include "async/work_lane.hpp"

#include "async/mutex.hpp"
#include "async/test_fiber.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace whorl::async {
namespace {

struct Add final : WorkLane::Operation {
  explicit Add(int its_value) : value(its_value) {}
  void on_abandoned() noexcept override { was_abandoned = true; }
  int value;
  int sum_after = 0;
  std::atomic<bool> was_abandoned = false;
};

/// Adds up; can be held in the middle of a batch.
class Adder final : public WorkLane::Worker {
 public:
  void work(WorkLane::Batch batch) override {
    batches.push_back(batch.size());
    is_working = true;
    while (is_held) {
      std::this_thread::yield();
    }
    for (const auto& operation : batch) {
      auto& add = static_cast<Add&>(*operation);
      if (add.value < 0) {
        throw std::runtime_error("negative");
      }
      sum += add.value;
      add.sum_after = sum;
    }
  }
  std::atomic<bool> is_held = false;
  std::atomic<bool> is_working = false;
  int sum = 0;
  std::vector<std::size_t> batches;
};

TEST_CASE("operations of several threads are carried out by one at a time") {
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  Adder adder;
  BlockingPool pool(3);
  WorkLane lane(pool, adder);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&lane] {
        Shard shard(0);
        PollFiber fiber(shard);
        for (int n = 0; n < kEach; ++n) {
          const auto add = std::make_shared<Add>(1);
          REQUIRE(lane.run(shard, fiber, add));
          REQUIRE(add->sum_after > n);
        }
      });
    }
  }
  CHECK(adder.sum == kThreads * kEach);
}

TEST_CASE("what gathers while the worker is busy is one batch, as far as the limits allow") {
  Adder adder;
  BlockingPool pool(1);
  WorkLane lane(pool, adder, {.batch_operations = 3, .batch_cost = 100, .queue_operations = 5});
  adder.is_held = true;
  std::vector<std::jthread> threads;
  std::atomic<int> refused = 0;
  std::atomic<int> started = 0;
  const auto client = [&](std::size_t cost) {
    threads.emplace_back([&, cost] {
      Shard shard(0);
      PollFiber fiber(shard);
      ++started;
      const auto done = lane.run(shard, fiber, std::make_shared<Add>(1), cost);
      if (!done) {
        CHECK(done.error().kind() == ErrorKind::Overloaded);
        CHECK(done.error().message() == "5 operations are waiting");
        if (++refused == 2) {
          adder.is_held = false;
        }
      }
    });
  };
  client(1000);  // of any cost, since nothing waits
  while (!adder.is_working) {
    std::this_thread::yield();
  }
  for (int i = 0; i < 7; ++i) {
    client(10);
  }
  threads.clear();
  CHECK(refused == 2);
  CHECK(adder.sum == 6);
  CHECK(adder.batches == std::vector<std::size_t>{1, 3, 2});
}

TEST_CASE("a caller that is ended leaves at once; a failure fails its batch only") {
  Adder adder;
  BlockingPool pool(1);
  WorkLane lane(pool, adder);
  Shard shard(0);
  {
    PollFiber fiber(shard);
    const auto bad = lane.run(shard, fiber, std::make_shared<Add>(-1));
    REQUIRE_FALSE(bad);
    CHECK(bad.error().kind() == ErrorKind::Internal);
    CHECK(lane.run(shard, fiber, std::make_shared<Add>(2)));
  }
  adder.is_held = true;
  adder.is_working = false;
  const auto add = std::make_shared<Add>(3);
  {
    PollFiber fiber(shard);
    const std::jthread killer([&] {
      while (!adder.is_working) {
        std::this_thread::yield();
      }
      fiber.is_cancelled = true;
    });
    const auto ended = lane.run(shard, fiber, add);
    REQUIRE_FALSE(ended);
    CHECK(ended.error().kind() == ErrorKind::Cancelled);
    CHECK(add->was_abandoned);
  }
  adder.is_held = false;
  PollFiber fiber(shard);
  CHECK(lane.run(shard, fiber, std::make_shared<Add>(4)));
  CHECK(adder.sum == 9);
}

TEST_CASE("a lane that is destroyed drops what waits and lets end what runs") {
  Adder adder;
  BlockingPool pool(1);
  std::optional<WorkLane> lane(std::in_place, pool, adder, LaneLimits{.queue_operations = 1});
  adder.is_held = true;
  std::atomic<int> done = 0;
  std::atomic<int> refused = 0;
  std::atomic<int> dropped = 0;
  std::vector<std::jthread> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back([&] {
      Shard shard(0);
      PollFiber fiber(shard);
      const auto outcome = lane->run(shard, fiber, std::make_shared<Add>(1));
      ++(outcome ? done : outcome.error().kind() == ErrorKind::Overloaded ? refused : dropped);
    });
    while (!adder.is_working) {
      std::this_thread::yield();
    }
  }
  while (refused != 1) {
    std::this_thread::yield();
  }
  clients.emplace_back([&] {
    while (dropped != 1) {
      std::this_thread::yield();
    }
    adder.is_held = false;
  });
  lane.reset();
  clients.clear();
  CHECK(done == 1);
  CHECK(dropped == 1);
  pool.stop();
  WorkLane late(pool, adder);
  Shard shard(0);
  PollFiber fiber(shard);
  const auto late_outcome = late.run(shard, fiber, std::make_shared<Add>(1));
  REQUIRE_FALSE(late_outcome);
  CHECK(late_outcome.error().kind() == ErrorKind::Cancelled);
}

}  // namespace
}  // namespace whorl::async
