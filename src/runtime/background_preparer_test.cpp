#include "runtime/background_preparer.hpp"

#include <doctest/doctest.h>

#include <condition_variable>
#include <list>
#include <mutex>
#include <string>
#include <vector>

namespace whorl::runtime {
namespace {

/// Holds the preparer's threads until it is opened.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return is_open_; });
  }
  void wait_for(int arrivals) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ >= arrivals; });
  }
  void open() {
    const std::scoped_lock lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  bool is_open_ = false;
};

Result<BackgroundPreparer::Made> make_named(const std::string& id) {
  auto service = std::make_shared<Service>();
  service->id = id;
  return BackgroundPreparer::Made{std::move(service)};
}

/// Lets a loop run until it is told that the slot is settled.
void wait_for(async::Shard& shard, ServiceSlot& slot) {
  slot.when_settled(shard, [&shard] { shard.stop(); });
  shard.run();
}

TEST_CASE("services are made in the background, those that somebody waits for first") {
  Gate gate;
  std::mutex mutex;
  std::vector<std::string> order;
  std::list<async::Shard> shards;  // outlive the threads that post to them
  BackgroundPreparer preparer;
  const auto held = [&] {
    gate.pass();
    return make_named("held");
  };
  const auto add = [&](const char* id) {
    return preparer.prepare([&, id] {
      const std::scoped_lock lock(mutex);
      order.emplace_back(id);
      return make_named(id);
    });
  };
  const auto one = preparer.prepare(held);
  const auto two = preparer.prepare(held);
  const auto first = add("first");
  const auto second = add("second");
  const auto third = add("third");
  REQUIRE(preparer.start());
  gate.wait_for(2);  // both threads are busy now
  third->when_settled(shards.emplace_back(0), [] {});
  gate.open();
  for (const auto& slot : {one, two, first, second, third}) {
    wait_for(shards.emplace_back(1), *slot);
    CHECK(slot->state() == ServiceSlot::State::Ready);
  }
  REQUIRE(order.size() == 3);
  CHECK(order[0] == "third");
  CHECK((*second->get())->id == "second");
}

TEST_CASE("a service that can't be made fails its slot") {
  async::Shard shard(0);
  BackgroundPreparer preparer;
  const auto slot = preparer.prepare([]() -> Result<BackgroundPreparer::Made> {
    return fail(ErrorKind::NotFound, "no such file");
  });
  REQUIRE(preparer.start());
  wait_for(shard, *slot);
  CHECK(slot->state() == ServiceSlot::State::Failed);
}

TEST_CASE("what fails for want of a descriptor is tried again") {
  async::Shard shard(0);  // outlives the thread that posts to it
  BackgroundPreparer preparer;
  int calls = 0;
  const auto slot = preparer.prepare([&calls]() -> Result<BackgroundPreparer::Made> {
    if (++calls < 3) {
      return fail(ErrorKind::ResourceLimit, "too many open files");
    }
    return make_named("third");
  });
  REQUIRE(preparer.start());
  wait_for(shard, *slot);
  REQUIRE(slot->get() != nullptr);
  CHECK((*slot->get())->id == "third");
  CHECK(calls == 3);
}

std::shared_ptr<const Service> named(const std::string& id) {
  return make_named(id)->service;
}

using Better = Result<std::shared_ptr<const Service>>;

/// Counts what was replaced.
class Replacements {
 public:
  BackgroundPreparer::Replaced listener() {
    return [this](const auto& slot, const auto& old) {
      const std::scoped_lock lock(mutex_);
      told_ += old->id + "->" + slot->hold()->id + " ";
      changed_.notify_all();
    };
  }
  std::string wait_for(const std::string& last) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return told_.ends_with(last + " "); });
    return told_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string told_;
};

TEST_CASE("what was made quickly is replaced by what is better, in order") {
  Replacements replacements;
  BackgroundPreparer preparer;
  const auto pending = preparer.prepare([]() -> Result<BackgroundPreparer::Made> {
    return BackgroundPreparer::Made{named("a1"), [] { return Better(named("a2")); }};
  });
  const auto ready = std::make_shared<ServiceSlot>(named("b1"));
  preparer.improve(ready, [] { return Better(named("b2")); });
  auto nobodys = std::make_shared<ServiceSlot>(named("c1"));
  preparer.improve(std::move(nobodys), []() -> Result<std::shared_ptr<const Service>> {
    FAIL_CHECK("nobody has this slot any more");
    return nullptr;
  });
  const auto stays = std::make_shared<ServiceSlot>(named("d1"));
  preparer.improve(stays, []() -> Result<std::shared_ptr<const Service>> {
    return fail(ErrorKind::InvalidInput, "the file has changed since");
  });
  CHECK(ready->hold()->id == "b1");  // not before start()
  REQUIRE(preparer.start(replacements.listener()));
  CHECK(replacements.wait_for("a1->a2") == "b1->b2 a1->a2 ");
  CHECK(pending->hold()->id == "a2");
  CHECK(ready->hold()->id == "b2");
  CHECK(stays->hold()->id == "d1");
  const auto later = std::make_shared<ServiceSlot>(named("e1"));
  preparer.improve(later, [] { return Better(named("e2")); });
  replacements.wait_for("e1->e2");

  CHECK(preparer.has_replaced());
  for (const auto& slot : {pending, ready, later}) {
    slot->release_replaced();
  }
  while (preparer.has_replaced()) {  // the thread that replaced them may hold the last one still
    preparer.release_replaced();
  }
}

TEST_CASE("what is made when the preparer is stopped replaces nothing") {
  Gate gate;
  Replacements replacements;
  BackgroundPreparer preparer;
  const auto slot = std::make_shared<ServiceSlot>(named("quick"));
  const auto next = std::make_shared<ServiceSlot>(named("quick"));
  const auto make = [&gate] {
    gate.pass();
    return Better(named("optimised"));
  };
  preparer.improve(slot, make);
  preparer.improve(next, make);
  REQUIRE(preparer.start(replacements.listener()));
  gate.wait_for(1);
  preparer.stop();
  CHECK(preparer.is_busy());
  gate.open();
  while (preparer.is_busy()) {
  }
  CHECK(slot->hold()->id == "quick");
  CHECK(next->hold()->id == "quick");
}

TEST_CASE("stopping fails what is pending at once, and what is being made comes too late") {
  Gate gate;
  BackgroundPreparer preparer;
  std::vector<std::shared_ptr<ServiceSlot>> slots;
  for (int i = 0; i < 4; ++i) {
    slots.push_back(preparer.prepare([&] {
      gate.pass();
      return make_named("late");
    }));
  }
  REQUIRE(preparer.start());
  gate.wait_for(2);
  preparer.stop();
  for (const auto& slot : slots) {
    CHECK(slot->state() == ServiceSlot::State::Failed);
  }
  gate.open();
}

}  // namespace
}  // namespace whorl::runtime
