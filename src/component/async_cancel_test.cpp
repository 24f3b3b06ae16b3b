// A guest that is ended at each point at which it waits, in each way: whatever it has open then, on
// both sides, is gone afterwards.
#include "component/async_test_support.hpp"
#include "component/task.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace whorl::component {
namespace {

using testing::AsyncWorld;
using testing::kBlocked;

struct Operation final : async::Cancellable {
  void cancel() noexcept override { fiber->unpark(); }
  async::Parkable* fiber = nullptr;
};

/// The host's side: calls that wait, a producer and a consumer that are slow.
struct Host {
  HostResult<std::uint32_t> wait(Call& call, std::uint32_t value) {
    Operation operation;
    operation.fiber = call.fiber;
    waiting.push_back(&operation);
    (void)call.fiber->park(&operation);
    std::erase(waiting, &operation);
    return value + 1;
  }
  std::vector<Operation*> waiting;
  std::vector<HostEnd*> ends;
  std::size_t bytes = 0;
};

class Producer final : public StreamProducer<std::uint8_t> {
 public:
  explicit Producer(Host& host) : host_(host) { host_.ends.push_back(this); }
  ~Producer() override { std::erase(host_.ends, this); }
  [[nodiscard]] Progress produce(MutableByteView room) override {
    if (host_.bytes == 0) {
      return Progress::blocked();
    }
    host_.bytes = 0;
    room.front() = 'x';
    return Progress::items(1);
  }

 private:
  Host& host_;
};

class Consumer final : public StreamConsumer<std::uint8_t> {
 public:
  explicit Consumer(Host& host) : host_(host) { host_.ends.push_back(this); }
  ~Consumer() override { std::erase(host_.ends, this); }
  [[nodiscard]] Progress consume(ByteView /*bytes*/) override {
    if (host_.bytes == 0) {
      return Progress::blocked();
    }
    host_.bytes = 0;
    return Progress::items(1);
  }
  void ended(StreamEnd /*how*/) override {}

 private:
  Host& host_;
};

std::uint32_t low(std::uint64_t pair) {
  return static_cast<std::uint32_t>(pair);
}
std::uint32_t high(std::uint64_t pair) {
  return static_cast<std::uint32_t>(pair >> 32);
}

/// The guest: opens and begins something of every kind, then waits for all of it, again and again.
/// @return false when it was ended
bool run_guest(AsyncWorld& world) {
  auto& host = *static_cast<Host*>(world.instance->host(0));
  const auto set = world.call("waitable-set.new", {});
  const auto stream = world.call("stream.new", {});
  const auto future = world.call("future.new", {});
  if (!set || !stream || !future) {
    return false;
  }
  const std::uint32_t read =
      world.give(StreamReader<std::uint8_t>(std::make_unique<Producer>(host)));
  world.take<StreamReader<std::uint8_t>>(low(*stream)).consume(std::make_unique<Consumer>(host));
  std::uint32_t calls = 0;
  for (std::uint32_t i = 0; i < 3; ++i) {
    engine::RawVal slots[2] = {};
    slots[0].u64 = i;
    slots[1].u64 = 4096 + 4 * i;
    if (detail::async_thunk<&Host::wait>(&world.site, *world.store, slots) !=
            engine::HostStatus::Return ||
        !world.call("waitable.join", {slots[0].u32 >> 4, low(*set)})) {
      return false;
    }
    ++calls;
  }
  // A future that nobody writes, and both ends of the streams.
  if (!world.call("future.read", {low(*future), 8192}) ||
      !world.call("waitable.join", {read, low(*set)}) ||
      !world.call("waitable.join", {high(*stream), low(*set)})) {
    return false;
  }
  bool reads = false;
  bool writes = false;
  for (int i = 0; i < 40; ++i) {
    if (!reads) {
      const auto begun = world.call("stream.read", {read, 1024, 16});
      reads = begun == kBlocked;
    }
    if (!writes) {
      const auto begun = world.call("stream.write", {high(*stream), 2048, 16});
      writes = begun == kBlocked;
    }
    if (i % 7 == 6 && writes) {
      // Called back, and begun again in the next round.
      writes = !world.call("stream.cancel-write", {high(*stream)});
    }
    if (!world.call("waitable-set.wait", {low(*set), 0})) {
      return false;
    }
    std::uint32_t who = 0;
    std::memcpy(&who, world.memory().data(), sizeof who);
    reads = reads && who != read;
    writes = writes && who != high(*stream);
  }
  return calls == 3;
}

enum class Ending : std::uint8_t { ClientGone, DeadlineOver, BudgetOver, Dropped };

/// Runs the guest and ends it at a point.
/// @return how many points it came to; the last one is not ended if it is never reached
std::size_t end_at(std::size_t point, Ending how) {
  Host host;
  std::size_t points = 0;
  {
    AsyncWorld world(&host);
    auto entry = [&, &run = *world.run]() -> std::expected<void, engine::Trap> {
      Thread thread(run, nullptr, 0);
      run.push(thread);
      (void)run_guest(world);
      run.pop(thread);
      if (world.store->is_dying()) {
        return std::unexpected(world.store->call_guest({}, {}).error());
      }
      return {};
    };
    world.run->start(
        [](void* env, engine::Fiber&) { return (*static_cast<decltype(entry)*>(env))(); }, &entry
    );
    while (world.step() != FiberRun::State::Done && !world.run->is_empty()) {
      if (points++ == point) {
        switch (how) {
          case Ending::ClientGone:
            world.run->cancel(engine::TrapKind::Cancelled, "the client is gone");
            break;
          case Ending::DeadlineOver:
            world.run->cancel(engine::TrapKind::WallDeadline, "waited too long");
            break;
          case Ending::BudgetOver:
            world.run->cancel(engine::TrapKind::CpuBudget, "used its CPU budget");
            break;
          case Ending::Dropped:
            break;
        }
        if (how == Ending::Dropped) {
          // As when the host goes away: operations end first.
          const std::vector<Operation*> waiting = host.waiting;
          for (Operation* operation : waiting) {
            operation->fiber->unpark();
          }
          world.run.reset();
          break;
        }
        continue;
      }
      // One thing happens at a time.
      host.bytes = 1;
      if (points % 3 == 0 && !host.waiting.empty()) {
        host.waiting.front()->fiber->unpark();
      } else if (!host.ends.empty()) {
        host.ends[points % host.ends.size()]->notify();
      }
    }
    if (world.run) {
      if (world.run->end_remaining()) {
        world.step();
      }
      CHECK(world.run->is_empty());
      world.run.reset();
    }
    (void)world.instance->end_event();
    CHECK(world.instance->handles(0).size() == 0);
  }
  CHECK(host.waiting.empty());
  CHECK(host.ends.empty());
  return points;
}

TEST_CASE("a guest that is ended at any point at which it waits leaves nothing") {
  for (const Ending how :
       {Ending::ClientGone, Ending::DeadlineOver, Ending::BudgetOver, Ending::Dropped}) {
    std::size_t point = 0;
    while (end_at(point, how) > point) {
      ++point;
    }
    CAPTURE(static_cast<int>(how));
    CHECK(point > 10);
  }
}

}  // namespace
}  // namespace whorl::component
