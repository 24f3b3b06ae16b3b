#include "runtime/service_slot.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::runtime {
namespace {

TEST_CASE("a slot is pending, then what it was first settled as") {
  auto service = std::make_shared<const Service>();
  ServiceSlot slot;
  CHECK(slot.state() == ServiceSlot::State::Pending);
  CHECK(slot.get() == nullptr);
  slot.settle(service);
  slot.settle(nullptr);
  CHECK(slot.state() == ServiceSlot::State::Ready);
  REQUIRE(slot.get() != nullptr);
  CHECK(*slot.get() == service);

  ServiceSlot failed;
  failed.settle(nullptr);
  failed.settle(service);
  CHECK(failed.state() == ServiceSlot::State::Failed);
  CHECK(failed.get() == nullptr);
}

TEST_CASE("who waits for a slot is told on the shard, in order, and never at once") {
  async::Shard shard(0);
  std::string told;
  ServiceSlot slot;
  CHECK_FALSE(slot.is_wanted());
  slot.when_settled(shard, [&] { told += 'a'; });
  slot.when_settled(shard, [&] { told += 'b'; });
  CHECK(slot.is_wanted());
  CHECK_FALSE(shard.poll());
  slot.settle(std::make_shared<const Service>());
  CHECK(told.empty());
  slot.when_settled(shard, [&] { told += 'c'; });
  CHECK(told.empty());
  while (shard.poll()) {
  }
  CHECK(told == "abc");
}

}  // namespace
}  // namespace whorl::runtime
