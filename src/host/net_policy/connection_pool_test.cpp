#include "host/net_policy/connection_pool.hpp"

#include "host/test_support.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::host::net_policy {
namespace {

struct Wire {
  explicit Wire(int& its_count) : count(its_count) { ++count; }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  ~Wire() { --count; }
  [[nodiscard]] bool is_usable() const noexcept { return usable; }
  int& count;
  bool usable = true;
};

using Pool = ConnectionPool<std::string, Wire>;

struct World : test::Scene {
  explicit World(std::uint64_t most, std::size_t max_idle = 64)
      : limit(std::make_shared<http::ConnectionLimit>(most)),
        pool(shard, {.limits = {limit}, .max_idle = max_idle}) {}
  Result<Pool::Lease> take(const std::string& key, async::Deadline deadline) {
    auto lease = pool.take({shard, fiber}, key, deadline);
    if (lease && lease->connection() == nullptr) {
      lease->set(std::make_unique<Wire>(open));
      ++made;
    }
    return lease;
  }
  Result<Pool::Lease> take(const std::string& key) {
    return take(key, async::Deadline::after(std::chrono::milliseconds(30)));
  }

  int open = 0;
  int made = 0;
  std::shared_ptr<http::ConnectionLimit> limit;
  Pool pool;
};

TEST_CASE("connections are used again, by who wants the same") {
  World world(8);
  world.run([&] {
    world.pool.give_back("a", *world.take("a"));
    world.pool.give_back("a", *world.take("a"));
    CHECK(world.made == 1);
    {
      const auto other = world.take("b");
      CHECK(world.made == 2);
      CHECK(world.open == 2);
    }
    CHECK(world.open == 1);
    auto again = world.take("a");
    CHECK(world.made == 2);
    again->connection()->usable = false;
    world.pool.give_back("a", *std::move(again));
    CHECK(world.limit->used() == 1);
    const auto fresh = world.take("a");
    CHECK(world.made == 3);
    CHECK(world.open == 1);
    CHECK(world.limit->used() == 1);
  });
}

TEST_CASE("never more than the limit, idle ones included") {
  World world(2);
  world.run([&] {
    auto first = world.take("a");
    world.pool.give_back("b", *world.take("b"));
    CHECK(world.pool.idle() == 0);  // scarce: another shard may want the place
    auto second = world.take("c");
    REQUIRE(second);
    CHECK(world.take("d").error().kind() == ErrorKind::Overloaded);
    {
      const Pool::Lease gone = *std::move(first);
    }
    CHECK(world.take("d"));
    CHECK(world.open <= 2);
  });
  World closed(0);
  closed.run([&] {
    CHECK(closed.take("a", async::Deadline::never()).error().kind() == ErrorKind::Overloaded);
  });
}

TEST_CASE("an idle connection to another server makes room") {
  World world(8);
  world.run([&] {
    for (const char* key : {"a", "b", "c", "d", "e", "f"}) {
      world.pool.give_back(key, *world.take(key));
    }
    CHECK(world.pool.idle() == 6);
    std::vector<Pool::Lease> held;
    for (int i = 0; i < 8; ++i) {
      auto lease = world.take("z");
      REQUIRE(lease);
      held.push_back(*std::move(lease));
    }
    CHECK(world.pool.idle() == 0);
    CHECK(world.open == 8);
  });
  World small(100, 2);
  small.run([&] {
    for (const char* key : {"a", "b", "c"}) {
      small.pool.give_back(key, *small.take(key));
    }
    CHECK(small.pool.idle() == 2);
    CHECK(small.limit->used() == 2);
  });
}

TEST_CASE("an idle connection gives way to who shares a limit with its pool") {
  World world(8);
  Pool other(world.shard, {.limits = {world.limit, std::make_shared<http::ConnectionLimit>(8)}});
  world.run([&] {
    world.pool.give_back("a", *world.take("a"));
    REQUIRE(world.pool.idle() == 1);
    while (world.limit->try_enter()) {
    }
    const auto lease = other.take(
        {world.shard, world.fiber}, "b", async::Deadline::after(std::chrono::seconds(20))
    );
    CHECK(lease);
    CHECK(world.pool.idle() == 0);
    CHECK(world.open == 0);
  });
}

}  // namespace
}  // namespace whorl::host::net_policy
