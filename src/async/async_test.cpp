#include "async/awaitable.hpp"
#include "async/blocking_pool.hpp"
#include "async/deadline.hpp"
#include "async/event.hpp"
#include "async/gate.hpp"
#include "async/shard.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace whorl::async {
namespace {

using namespace std::chrono_literals;

struct Recorder final : Waiter {
  Recorder(std::vector<int>& log, int id) : log_(log), id_(id) {}
  void on_event() noexcept override { log_.push_back(id_); }

 private:
  std::vector<int>& log_;
  int id_;
};

TEST_CASE("an event wakes its waiters once, in order, and forgets those that left") {
  std::vector<int> log;
  Event event;
  Recorder first(log, 1);
  Recorder third(log, 3);
  event.add(first);
  {
    Recorder second(log, 2);
    event.add(second);
    event.add(third);
  }
  CHECK(event.has_waiters());
  event.notify();
  CHECK(log == std::vector{1, 3});
  CHECK_FALSE(first.is_linked());
  event.notify();
  CHECK(log == std::vector{1, 3});
}

TEST_CASE("an event that dies leaves its waiters unlinked") {
  std::vector<int> log;
  Recorder waiter(log, 1);
  {
    Event event;
    event.add(waiter);
  }
  CHECK_FALSE(waiter.is_linked());
}

TEST_CASE("a shard runs posted work in order on its own thread and stops") {
  ShardSet shards(2);
  CHECK(Shard::current() == nullptr);
  std::vector<int> order;
  std::atomic<int> right_thread = 0;
  REQUIRE(shards.start());
  for (int i = 0; i < 100; ++i) {
    shards[1].post([&, i] {
      order.push_back(i);
      right_thread += Shard::current() == &shards[1] ? 1 : 0;
    });
  }
  shards[1].post([&] { shards.stop(); });
  shards.join();
  CHECK(right_thread == 100);
  CHECK(order.size() == 100);
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("as many shards as processors, at least one") {
  CHECK(ShardSet::default_count() >= 1);
}

TEST_CASE("deadlines") {
  CHECK(Deadline::never().is_never());
  CHECK_FALSE(Deadline::never().is_expired());
  CHECK(Deadline::after(Clock::duration::max()).is_never());
  CHECK(Deadline(Clock::time_point()).is_expired());
  CHECK(Deadline(Clock::time_point()).remaining() == 0ns);
  CHECK(Deadline::after(1h).earlier(Deadline::never()) < Deadline::never());
  CHECK_FALSE(Deadline::after(1h).is_expired());
}

TEST_CASE("a gate closes, and is empty when the last one left") {
  std::vector<int> log;
  Gate gate;
  Recorder empty(log, 1);
  gate.empty_event().add(empty);
  Gate::Pass first = gate.try_enter();
  {
    const Gate::Pass second = gate.try_enter();
    CHECK(gate.inside() == 2);
  }
  CHECK(log.empty());
  gate.close();
  CHECK_FALSE(gate.is_empty());
  CHECK_FALSE(gate.try_enter());
  Gate::Pass moved = std::move(first);
  CHECK(gate.inside() == 1);
  moved = Gate::Pass();
  CHECK(gate.is_empty());
  CHECK(log == std::vector{1});
}

Awaitable<> wait_into(Shard& shard, Event& event, Deadline deadline, std::vector<int>& log) {
  const auto waited = co_await wait_event(shard, event, deadline);
  log.push_back(waited ? 0 : static_cast<int>(waited.error().kind()));
}

TEST_CASE("a coroutine waits for an event or a deadline") {
  Shard shard(0);
  std::vector<int> log;
  Event event;
  spawn(shard, wait_into(shard, event, Deadline::never(), log));
  shard.poll();
  CHECK(log.empty());
  event.notify();
  CHECK(log.empty());
  shard.poll();
  CHECK(log == std::vector{0});

  spawn(shard, wait_into(shard, event, Deadline(Clock::time_point()), log));
  while (log.size() < 2) {
    shard.poll();
  }
  CHECK(log[1] == static_cast<int>(ErrorKind::DeadlineExceeded));
}

TEST_CASE("a loop that ends takes its waiting coroutines with it") {
  auto token = std::make_shared<int>(0);
  Event event;
  std::vector<int> log;
  {
    Shard shard(0);
    spawn(shard, [](Shard& on, Event& what, std::shared_ptr<int>) -> Awaitable<> {
      (void)co_await wait_event(on, what);
    }(shard, event, token));
    shard.poll();
    CHECK(token.use_count() == 2);
  }
  CHECK(token.use_count() == 1);
  CHECK_FALSE(event.has_waiters());
}

TEST_CASE("the blocking pool bounds its queue and drops it when stopped") {
  BlockingPool pool(1, 2);
  std::atomic<bool> started = false;
  std::atomic<bool> go_on = false;
  std::atomic<int> ran = 0;
  std::atomic<int> dropped = 0;
  REQUIRE(pool.submit([&](BlockingPool::Fate) {
    started = true;
    started.notify_all();
    go_on.wait(false);
  }));
  started.wait(false);
  const auto count = [&](BlockingPool::Fate fate) {
    ++(fate == BlockingPool::Fate::Run ? ran : dropped);
  };
  REQUIRE(pool.submit(count));
  REQUIRE(pool.submit(count));
  const auto full = pool.submit(count);
  REQUIRE_FALSE(full);
  CHECK(full.error().kind() == ErrorKind::Overloaded);
  go_on = true;
  go_on.notify_all();
  pool.stop();
  CHECK(ran + dropped == 2);
  CHECK(pool.submit(count).error().kind() == ErrorKind::Cancelled);
}

TEST_CASE("blocking work is awaited by a coroutine, and its exceptions stay inside") {
  Shard shard(0);
  BlockingPool pool(2);
  std::vector<int> log;
  spawn(shard, [](Shard& on, BlockingPool& in, std::vector<int>& out) -> Awaitable<> {
    auto work = [] { return 42; };
    auto good = co_await run_blocking(in, on, std::move(work));
    out.push_back(*good);
    auto bad_work = []() -> Result<int> { throw std::runtime_error("no"); };
    auto bad = co_await run_blocking(in, on, std::move(bad_work));
    out.push_back(bad ? 0 : static_cast<int>(bad.error().kind()));
    on.stop();
  }(shard, pool, log));
  shard.run();
  CHECK(log == std::vector{42, static_cast<int>(ErrorKind::Internal)});
}

TEST_CASE("a loop that was looked into without work still waits for it") {
  Shard shard(0);
  CHECK_FALSE(shard.poll());
  bool is_done = false;
  const std::jthread other([&] {
    shard.post([&] {
      is_done = true;
      shard.stop();
    });
  });
  shard.run();
  CHECK(is_done);
}

}  // namespace
}  // namespace whorl::async
