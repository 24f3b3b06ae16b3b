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

TEST_CASE("a better service takes the place of the first, once") {
  const auto first = std::make_shared<const Service>();
  const auto better = std::make_shared<const Service>();
  ServiceSlot slot;
  CHECK(slot.replace(better) == nullptr);  // still pending
  CHECK(slot.state() == ServiceSlot::State::Pending);
  slot.settle(first);
  CHECK(slot.hold() == first);
  slot.release_replaced();  // nothing was
  CHECK(slot.hold() == first);
  CHECK(slot.replace(nullptr) == nullptr);
  CHECK(slot.hold() == first);
  const auto* in_a_turn = slot.get();
  CHECK(slot.replace(better) == first);
  CHECK(slot.state() == ServiceSlot::State::Ready);
  CHECK(*in_a_turn == first);  // until every shard has begun another turn
  REQUIRE(slot.get() != nullptr);
  CHECK(*slot.get() == better);
  CHECK(first.use_count() == 2);
  slot.release_replaced();
  CHECK(first.use_count() == 1);
  CHECK(slot.hold() == better);
  CHECK(slot.replace(first) == nullptr);
  slot.settle(nullptr);
  CHECK(slot.hold() == better);

  ServiceSlot failed;
  failed.settle(nullptr);
  CHECK(failed.replace(better) == nullptr);
  CHECK(failed.state() == ServiceSlot::State::Failed);
  CHECK(failed.hold() == nullptr);
}

}  // namespace
}  // namespace whorl::runtime
