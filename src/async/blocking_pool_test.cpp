#include "async/blocking_pool.hpp"

#include "async/test_fiber.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <optional>

namespace whorl::async {
namespace {

TEST_CASE("what a fiber has run on the pool comes back to it") {
  Shard shard(0);
  PollFiber fiber(shard);
  BlockingPool pool(1);
  CHECK(*pool.run(shard, fiber, [] { return 42; }) == 42);
  const auto refused = pool.run(shard, fiber, []() -> Result<int> {
    return fail(ErrorKind::Unavailable, "no disk");
  });
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind() == ErrorKind::Unavailable);
}

TEST_CASE("work that outlives its caller and its shard reports to nobody") {
  BlockingPool pool(1);
  std::atomic<bool> is_running = false;
  std::atomic<bool> go_on = false;
  std::optional<Shard> shard(0);
  std::optional<PollFiber> fiber(*shard);
  std::jthread canceller([&] {
    is_running.wait(false);
    fiber->is_cancelled = true;
  });
  const auto left = pool.run(*shard, *fiber, [&] {
    is_running = true;
    is_running.notify_all();
    go_on.wait(false);
  });
  REQUIRE_FALSE(left);
  CHECK(left.error().kind() == ErrorKind::Cancelled);
  canceller.join();
  fiber.reset();
  shard.reset();
  go_on = true;
  go_on.notify_all();
  pool.stop();  // waits for the work; sanitizers see it if it touches the shard
}

}  // namespace
}  // namespace whorl::async
