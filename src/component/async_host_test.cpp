// Async functions of the host, and the event loop.
#include "component/async_test_support.hpp"
#include "component/task.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace whorl::component {
namespace {

using engine::HostStatus;
using testing::AsyncWorld;
using testing::kBlocked;
using testing::on_fiber;

struct Operation final : async::Cancellable {
  void cancel() noexcept override {
    ++asked;
    fiber->unpark();
  }
  async::Parkable* fiber = nullptr;
  int asked = 0;
};

struct Host {
  HostResult<std::uint32_t> wait(Call& call, std::uint32_t value) {
    if (value == 0) {
      return 1;  // at once
    }
    Operation operation;
    operation.fiber = call.fiber;
    waiting.push_back(&operation);
    const bool went_on = call.fiber->park(&operation).has_value();
    std::erase(waiting, &operation);
    ended.push_back(went_on ? "done" : "cancelled");
    return value + 1;
  }
  std::deque<Operation*> waiting;
  std::vector<std::string> ended;
};

/// Runs a body whose calls of the host end one after the other, whenever it waits.
template <class Body>
std::expected<void, engine::Trap> beside(Host& host, AsyncWorld& world, Body body) {
  return on_fiber(world, std::move(body), [&] {
    REQUIRE_FALSE(host.waiting.empty());
    host.waiting.front()->fiber->unpark();
  });
}

std::optional<std::uint32_t> call_wait(AsyncWorld& world, std::uint32_t value, std::uint32_t ptr) {
  engine::RawVal slots[2] = {};
  slots[0].u64 = value;
  slots[1].u64 = ptr;
  const auto status = detail::async_thunk<&Host::wait>(&world.site, *world.store, slots);
  return status == HostStatus::Return ? std::optional(slots[0].u32) : std::nullopt;
}

TEST_CASE("an async function of the host runs beside its caller") {
  Host host;
  AsyncWorld world(&host);
  const auto outcome = beside(host, world, [&] {
    CHECK(call_wait(world, 0, 2048) == 2U);  // RETURNED
    CHECK(world.memory()[2048] == 1);
    std::vector<std::uint32_t> subtasks;
    const auto set = static_cast<std::uint32_t>(*world.call("waitable-set.new", {}));
    for (std::uint32_t i = 0; i < 10; ++i) {
      const auto packed = call_wait(world, 10 + i, 2048 + 4 * i);
      REQUIRE(packed);
      CHECK((*packed & 0xf) == 1);  // STARTED
      subtasks.push_back(*packed >> 4);
      CHECK(world.call("waitable.join", {subtasks.back(), set}));
    }
    CHECK(host.waiting.size() == 10);
    for (std::size_t i = 0; i < subtasks.size(); ++i) {
      CHECK(world.call("waitable-set.wait", {set, 0}) == 1U);
      std::uint32_t event[2];
      std::memcpy(event, world.memory().data(), sizeof event);
      CHECK(event[1] == 2);
      CHECK(world.call("subtask.drop", {event[0]}));
    }
    for (std::uint32_t i = 0; i < 10; ++i) {
      CHECK(world.memory()[2048 + 4 * i] == 11 + i);
    }
    CHECK(world.call("waitable-set.drop", {set}));
  });
  CHECK(outcome);
  CHECK(world.instance->handles(0).size() == 0);
}

TEST_CASE("a call of the host that nobody wants any more ends, and it alone") {
  Host host;
  AsyncWorld world(&host);
  const auto outcome = beside(host, world, [&] {
    const std::uint32_t first = *call_wait(world, 5, 2048) >> 4;
    const std::uint32_t second = *call_wait(world, 6, 2052) >> 4;
    CHECK(world.call("subtask.cancel", {first}) == kBlocked);
    const auto set = static_cast<std::uint32_t>(*world.call("waitable-set.new", {}));
    CHECK(world.call("waitable.join", {first, set}));
    CHECK(world.call("waitable-set.wait", {set, 0}) == 1U);
    std::uint32_t event[2];
    std::memcpy(event, world.memory().data(), sizeof event);
    CHECK(event[0] == first);
    CHECK(event[1] == 4);  // CANCELLED_BEFORE_RETURNED
    CHECK(world.call("waitable.join", {second, set}));
    CHECK(world.call("waitable-set.wait", {set, 0}) == 1U);
    CHECK(world.call("subtask.drop", {first}));
    CHECK(world.call("subtask.drop", {second}));
  });
  CHECK(outcome);
  CHECK(host.ended == std::vector<std::string>{"cancelled", "done"});
  CHECK(world.memory()[2048] == 0);
  CHECK(world.memory()[2052] == 7);
}

TEST_CASE("a call of the host that is over when the guest traps is unwound with it") {
  SUBCASE("called back by the guest") {
    Host host;
    AsyncWorld world(&host);
    const auto outcome = beside(host, world, [&] {
      const auto started = call_wait(world, 9, 2048);
      REQUIRE(started);
      CHECK(world.call("subtask.cancel", {*started >> 4}) == kBlocked);
      CHECK_FALSE(world.call("subtask.cancel", {*started >> 4}));  // traps
    });
    CHECK_FALSE(outcome);
    CHECK(host.ended == std::vector<std::string>{"cancelled"});
    CHECK(world.run->is_empty());
  }
  SUBCASE("by itself") {
    Host host;
    AsyncWorld world(&host);
    const auto outcome = beside(host, world, [&] {
      REQUIRE(call_wait(world, 9, 2048));
      host.waiting.front()->fiber->unpark();
      CHECK_FALSE(world.call("subtask.drop", {999}));  // traps
    });
    CHECK_FALSE(outcome);
    CHECK(host.waiting.empty());
    CHECK(world.run->is_empty());
  }
}

TEST_CASE("what a guest leaves going when its event is over is ended") {
  Host host;
  {
    AsyncWorld world(&host);
    CHECK(beside(host, world, [&] { CHECK(call_wait(world, 5, 2048)); }));
    CHECK(host.waiting.size() == 1);
  }
  CHECK(host.ended == std::vector<std::string>{"cancelled"});
}

TEST_CASE("who waits for what never comes is ended") {
  AsyncWorld world;
  const auto outcome = on_fiber(world, [&] {
    const auto set = static_cast<std::uint32_t>(*world.call("waitable-set.new", {}));
    CHECK_FALSE(world.call("waitable-set.wait", {set, 0}));
  });
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().message == "deadlock detected: event loop cannot make further progress");
}

struct TextsHost {
  HostResult<std::uint32_t> take(Call& call, std::vector<std::string> texts) {
    taken.push_back(texts.size());
    waiting.push_back(call.fiber);
    (void)call.fiber->park();
    return 7;
  }
  std::vector<std::size_t> taken;
  std::deque<async::Parkable*> waiting;
};

TEST_CASE("arguments of calls that wait are bounded for all of them together") {
  TextsHost host;
  AsyncWorld world(&host);
  AsyncState& async = *world.instance->async();
  constexpr std::uint32_t kText = 50'000;
  // The same text again and again: a guest needs no memory for what the host copies.
  const auto list = [&](std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t text[2] = {0, kText};
      std::memcpy(world.memory().data() + kText + 8 * i, text, sizeof text);
    }
    engine::RawVal slots[3] = {};
    slots[0].u64 = kText;
    slots[1].u64 = count;
    slots[2].u64 = 65'532;
    const auto status = detail::async_thunk<&TextsHost::take>(&world.site, *world.store, slots);
    return status == HostStatus::Return ? std::optional(slots[0].u32) : std::nullopt;
  };
  const auto outcome = on_fiber(world, [&] {
    REQUIRE(list(1));
    CHECK(async.kept_bytes() == 0);  // too few to be counted
    REQUIRE(list(100));
    const std::uint64_t one = async.kept_bytes();
    CHECK(one >= std::uint64_t{100} * kText);
    REQUIRE(list(100));
    CHECK(async.kept_bytes() == 2 * one);
    while (list(1900)) {
      CHECK(async.kept_bytes() <= KeptBytes::kMost);
    }
    CHECK(host.taken.size() == 5);
  });
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().message == KeptBytes::kTooMany);
  CHECK(async.kept_bytes() == 0);
}

TEST_CASE("calls of the host are bounded") {
  Host host;
  AsyncWorld world(&host);
  const auto outcome = beside(host, world, [&] {
    for (std::size_t i = 0; i <= FiberRun::kMaxWorkers; ++i) {
      if (!call_wait(world, 9, 2048)) {
        return;
      }
    }
  });
  CHECK_FALSE(outcome);
}

}  // namespace
}  // namespace whorl::component
