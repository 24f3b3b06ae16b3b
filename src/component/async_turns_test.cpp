// Who waits for a turn, for being let in, or for a set, and who is told when that may be over.
#include "component/async_test_support.hpp"
#include "component/task.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace whorl::component {
namespace {

using testing::AsyncWorld;
using testing::kBlocked;
using testing::on_fiber;

/// A thread that waits, says so when it goes on, and ends.
class Waiter final : public Thread {
 public:
  Waiter(FiberRun& run, Task* of, std::string name, std::vector<std::string>& log)
      : Thread(run, of, 0), name_(std::move(name)), log_(log) {}
  [[nodiscard]] Failure run() override {
    log_.push_back(name_);
    run_of.pop(*this);
    return std::nullopt;
  }

 private:
  std::string name_;
  std::vector<std::string>& log_;
};

/// Waiters of each kind, while somebody is alone in the component instance.
struct Turns {
  explicit Turns(AsyncWorld& in) : world(in) {
    callback.is_async_lift = stackful.is_async_lift = true;
    callback.callback_slot = 0;
    async.set_exclusive(0, &holder);
  }
  ~Turns() { async.set_exclusive(0, nullptr); }

  void wait(const char* name, Wait wait, Task* task = nullptr) {
    waiters.emplace_back(*world.run, task, name, log);
    world.run->start_waiting(waiters.back(), wait, false);
    world.step();
    CHECK(log.empty());
  }
  void give_turn() { async.set_exclusive(0, nullptr); }

  AsyncWorld& world;
  AsyncState& async = *world.instance->async();
  ExportedFunc callback;
  ExportedFunc stackful;
  Task of_callback{*world.run, async, 0, &callback, nullptr};
  Task of_stackful{*world.run, async, 0, &stackful, nullptr};
  Thread holder{*world.run, nullptr, 0};
  std::deque<Waiter> waiters;
  std::vector<std::string> log;
};

using Log = std::vector<std::string>;

TEST_CASE("nobody waits behind who waits for something else") {
  AsyncWorld world;
  Turns turns(world);
  const Wait enter{.kind = Wait::Kind::Enter};
  const Wait turn{.kind = Wait::Kind::Turn};
  SUBCASE("a callback behind a call that is not let in") {
    REQUIRE(world.instance->add_backpressure(0));
    turns.wait("enter", enter, &turns.of_callback);
    turns.wait("turn", turn);
    turns.give_turn();
    world.step();
    CHECK(turns.log == Log{"turn"});
    REQUIRE(world.instance->remove_backpressure(0));
    world.step();
    CHECK(turns.log == Log{"turn", "enter"});
  }
  SUBCASE("a call that needs no turn behind one that does") {
    REQUIRE(world.instance->add_backpressure(0));
    turns.wait("callback", enter, &turns.of_callback);
    turns.wait("first stackful", enter, &turns.of_stackful);
    turns.wait("second stackful", enter, &turns.of_stackful);
    REQUIRE(world.instance->remove_backpressure(0));
    world.step();
    CHECK(turns.log == Log{"first stackful", "second stackful"});
    turns.give_turn();
    world.step();
    CHECK(turns.log == Log{"first stackful", "second stackful", "callback"});
  }
  SUBCASE("who lost its event on the way") {
    const std::uint64_t pair = *world.call("stream.new", {});
    const auto reader = static_cast<std::uint32_t>(pair);
    const auto index = static_cast<std::uint32_t>(*world.call("waitable-set.new", {}));
    REQUIRE(world.call("waitable.join", {reader, index}));
    REQUIRE(world.call("stream.read", {reader, 2048, 1}) == kBlocked);
    REQUIRE(world.call("stream.drop-writable", {static_cast<std::uint32_t>(pair >> 32)}));
    auto* set = static_cast<WaitableSet*>(*world.instance->handles(0).get(index, kWaitableSetTag));
    turns.wait("set", {.kind = Wait::Kind::TurnAndSet, .set = set});
    turns.wait("turn", turn);
    turns.give_turn();
    CHECK(world.call("waitable-set.poll", {index, 0}) == 2U);
    world.step();
    CHECK(turns.log == Log{"turn"});
    world.run->stop_waiting(turns.waiters.front());
  }
}

TEST_CASE("a call that is cancelled when it might begin lets the next one in") {
  struct Cancelled final : TaskCaller {
    [[nodiscard]] Failure on_start(Task&, engine::RawVal*) override { return failure("started"); }
    [[nodiscard]] Failure on_resolve(Task&, TaskResult* result) override {
      is_cancelled = result == nullptr;
      return std::nullopt;
    }
    bool is_cancelled = false;
  };
  AsyncWorld world;
  Turns turns(world);
  Cancelled caller;
  const auto outcome = on_fiber(world, [&] {
    Task* task = turns.async.add_task(
        std::make_unique<Task>(*world.run, turns.async, 0, &turns.callback, &caller)
    );
    REQUIRE(task != nullptr);
    CHECK_FALSE(task->start());
    Waiter next(*world.run, &turns.of_callback, "next", turns.log);
    world.run->start_waiting(next, {.kind = Wait::Kind::Enter}, false);
    Thread& self = *world.run->current_thread();
    // A turn for the others: both are put off.
    CHECK_FALSE(world.run->wait_until(self, {.kind = Wait::Kind::Now}, false));
    turns.give_turn();
    CHECK_FALSE(task->request_cancellation(ComponentInstance::kHost));
    CHECK(caller.is_cancelled);
    CHECK_FALSE(world.run->wait_until(self, {.kind = Wait::Kind::Now}, false));
    CHECK_FALSE(world.run->wait_until(self, {.kind = Wait::Kind::Now}, false));
    CHECK(turns.log == Log{"next"});
  });
  CHECK(outcome);
}

TEST_CASE("many who wait for one set are told of its events one after the other") {
  AsyncWorld world;
  const auto index = static_cast<std::uint32_t>(*world.call("waitable-set.new", {}));
  auto* set = static_cast<WaitableSet*>(*world.instance->handles(0).get(index, kWaitableSetTag));
  std::deque<Waiter> waiters;
  std::vector<std::string> log;
  const auto wait = [&](const char* name, Wait::Kind kind) {
    waiters.emplace_back(*world.run, nullptr, name, log);
    world.run->start_waiting(waiters.back(), {.kind = kind, .set = set}, false);
  };
  wait("stack 1", Wait::Kind::Set);
  wait("callback 1", Wait::Kind::TurnAndSet);
  wait("stack 2", Wait::Kind::Set);
  wait("callback 2", Wait::Kind::TurnAndSet);
  world.step();
  CHECK(log.empty());
  CHECK(set->num_waiting() == 4);
  // None of these takes the event: each finds it there.
  const std::uint64_t pair = *world.call("stream.new", {});
  const auto reader = static_cast<std::uint32_t>(pair);
  REQUIRE(world.call("waitable.join", {reader, index}));
  REQUIRE(world.call("stream.read", {reader, 2048, 1}) == kBlocked);
  REQUIRE(world.call("stream.drop-writable", {static_cast<std::uint32_t>(pair >> 32)}));
  world.step();
  std::ranges::sort(log);
  CHECK(log == Log{"callback 1", "callback 2", "stack 1", "stack 2"});
  CHECK(set->num_waiting() == 0);
}

TEST_CASE("who is ended while it waits is not among those that wait any more") {
  AsyncWorld world;
  const auto index = static_cast<std::uint32_t>(*world.call("waitable-set.new", {}));
  auto* set = static_cast<WaitableSet*>(*world.instance->handles(0).get(index, kWaitableSetTag));
  (void)on_fiber(world, [&] { CHECK_FALSE(world.call("waitable-set.wait", {index, 0})); });
  CHECK(world.store->is_dying());
  CHECK(set->num_waiting() == 0);
}

TEST_CASE("a set gives its events in the order in which they came") {
  AsyncWorld world;
  const auto index = static_cast<std::uint32_t>(*world.call("waitable-set.new", {}));
  std::vector<std::uint64_t> pairs;
  for (int i = 0; i < 4; ++i) {
    pairs.push_back(*world.call("stream.new", {}));
    const auto reader = static_cast<std::uint32_t>(pairs.back());
    REQUIRE(world.call("waitable.join", {reader, index}));
    REQUIRE(world.call("stream.read", {reader, 2048, 1}) == kBlocked);
  }
  for (const int which : {2, 0, 3, 1}) {
    const auto writer = static_cast<std::uint32_t>(pairs[static_cast<std::size_t>(which)] >> 32);
    REQUIRE(world.call("stream.drop-writable", {writer}));
  }
  // One that leaves takes its event along.
  REQUIRE(world.call("waitable.join", {static_cast<std::uint32_t>(pairs[0]), 0}));
  for (const int which : {2, 3, 1}) {
    CHECK(world.call("waitable-set.poll", {index, 0}) == 2U);
    std::uint32_t event[2];
    std::memcpy(event, world.memory().data(), sizeof event);
    CHECK(event[0] == static_cast<std::uint32_t>(pairs[static_cast<std::size_t>(which)]));
  }
  CHECK(world.call("waitable-set.poll", {index, 0}) == 0U);
}

}  // namespace
}  // namespace whorl::component
