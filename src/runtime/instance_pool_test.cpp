#include "runtime/instance_pool.hpp"

#include "async/shard.hpp"

#include <doctest/doctest.h>

#include <memory>

namespace whorl::runtime {
namespace {

TEST_CASE("what is known of a service that was replaced goes with its last event") {
  async::Shard shard{0};
  InstancePool pool(shard);
  const auto service = std::make_shared<const Service>();
  LocalPtr<KeptInstances> event = pool.of(service);

  SUBCASE("one that waits finds what was known, and nothing is kept of it") {
    pool.forget(*service);
    CHECK(pool.of(service) == event);
    CHECK(event->is_off);
    pool.trim();
    CHECK(pool.of(service) == event);
    event.reset();
    pool.trim();
  }
  SUBCASE("at once if there is none") {
    event.reset();
    pool.forget(*service);
  }
  CHECK(service.use_count() == 1);
}

TEST_CASE("what is known of a service stays while its events come and go") {
  async::Shard shard{0};
  InstancePool pool(shard);
  const auto service = std::make_shared<const Service>();
  pool.of(service)->is_off = true;
  pool.forget(Service());
  CHECK(pool.of(service)->is_off);
}

}  // namespace
}  // namespace whorl::runtime
