#include "engine/thread_use.hpp"

#include "engine/store_impl.hpp"
#include "engine/test_support.hpp"

#include <doctest/doctest.h>
#include <time.h>

#include <array>
#include <atomic>
#include <thread>

namespace whorl::engine {
namespace {
using namespace test;  // NOLINT(google-build-using-namespace): a test
using std::chrono::milliseconds;

TEST_CASE("a long time is the thread's own unless it left the core") {
  const ThreadUse before{.faults = 1, .waits = 2, .preemptions = 3, .cpu = milliseconds(100)};
  struct Case {
    std::uint64_t waits;
    std::uint64_t preemptions;
    milliseconds cpu_now;
    milliseconds own;
  };
  const Case cases[] = {
      {2, 3, milliseconds(104), milliseconds(5)},  // never left it: the clock is right
      {2, 4, milliseconds(101), milliseconds(1)},  // others had most of it
      {3, 3, milliseconds(101), milliseconds(1)},  // it waited
      {3, 4, milliseconds(180), milliseconds(5)},  // much happened since `before`
  };
  for (const Case& c : cases) {
    const ThreadUse now{
        .faults = 9, .waits = c.waits, .preemptions = c.preemptions, .cpu = milliseconds(100)
    };
    CHECK(own_time(milliseconds(5), before, now, c.cpu_now) == c.own);
  }
}

TEST_CASE("what the kernel counted last is remembered, by each thread for itself") {
  const ThreadUse seen = ThreadUse::now();
  CHECK(seen.cpu.count() > 0);
  CHECK(ThreadUse::last_seen().cpu == seen.cpu);
  CHECK(ThreadUse::last_seen().waits == seen.waits);
  std::thread([] { CHECK(ThreadUse::last_seen().waits == 0); }).join();
}

std::chrono::nanoseconds cpu_of_this_thread() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

void work(milliseconds time) {
  const auto begin = cpu_of_this_thread();
  while (cpu_of_this_thread() - begin < time) {
  }
}

TEST_CASE("a guest is not charged for the time that its thread did not have the core") {
  // Before the event the thread worked for longer than the event takes: that counts for nothing.
  work(milliseconds(60));
  std::atomic<int> stage{0};
  std::thread other([&] {
    stage.wait(0);
    work(milliseconds(40));
    stage.store(2);
    stage.notify_one();
  });
  auto waits = [&](Store&, RawVal*) {
    stage.store(1);
    stage.notify_one();
    stage.wait(1);
    return HostStatus::Return;
  };
  ModuleBuilder builder;
  const auto host = builder.import_func("env", "host", type({kI32}));
  builder.export_func("run", type(), Code().i32_const(0).call(host));
  auto store = make_store();
  auto function = host_func(type({kI32}), waits);
  const std::array imports = {store->define(function)};
  const auto instance = store->instantiate(compile(builder), imports);
  REQUIRE(instance);
  REQUIRE(store->begin_next_event({}));
  static_cast<void>(ThreadUse::now());
  const auto cpu = cpu_of_this_thread();
  REQUIRE(store->call_guest(func_of(*store, *instance, "run"), {}));
  const auto used = cpu_of_this_thread() - cpu;
  other.join();
  CHECK(store->cpu_used() <= used + kCpuLag);
}

}  // namespace
}  // namespace whorl::engine
