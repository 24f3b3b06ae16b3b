// What the engine's steps cost: a fresh instance, a call, a call on a fiber, a wait.
//
//   ./dev bench micro      or     whorl_engine_bench --benchmark_filter=Fresh
#include "must.hpp"

#include "engine/cache_entry.hpp"
#include "engine/fiber.hpp"
#include "engine/module.hpp"
#include "engine/store.hpp"
#include "engine/test_modules.hpp"

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

namespace whorl::engine {
namespace {
using namespace test;  // NOLINT(google-build-using-namespace): a bench

template <class T>
T must(std::expected<T, Trap> result) {
  if (!result) {
    stop(result.error().to_text());
  }
  return *std::move(result);
}

/// A small guest like a C hello: 17 pages, 6 of 4 KiB touched per call, one call of the host.
Bytes hello() {
  ModuleBuilder b;
  const auto write = b.import_func("env", "write", type({kI32, kI32}));
  const auto touch = b.func(
      type({kI32}), Code().local_get(0).local_get(0).i32_load().i32_const(1).i32_add().i32_store()
  );
  b.memory(17);
  b.data(1024, "hello from wasm");
  b.data(65536, "some other data");
  b.table(100, {touch});
  Code handle;
  for (const int address : {1040, 65600, 1048000, 1040000, 1052000, 1060000}) {
    handle.i32_const(address).call(touch);
  }
  handle.i32_const(1024).i32_const(15).call(write);
  b.export_func("handle", type(), handle);
  return b.build();
}

struct NullScheduler final : FiberScheduler {
  void fiber_ready(Fiber&) noexcept override {}
  void fiber_yielded(Fiber&) noexcept override {}
  void fiber_done(Fiber&) noexcept override {}
};

struct Guest {
  explicit Guest(HostFn write) {
    EngineOptions options;
    engine = must(Engine::create(options));
    const Module module = must(Module::compile(*engine, hello()));
    const std::array imports = {
        InstancePre::Import{"env", "write", {type({kI32, kI32}), write, nullptr}}
    };
    pre = std::make_unique<InstancePre>(must(InstancePre::create(*engine, module, imports)));
  }
  std::shared_ptr<Engine> engine;
  std::unique_ptr<InstancePre> pre;
};

HostStatus return_at_once(void*, Store&, RawVal*) {
  return HostStatus::Return;
}
HostStatus park(void*, Store& store, RawVal*) {
  return store.current_fiber()->park() ? HostStatus::Return : HostStatus::Trap;
}

struct Live {
  explicit Live(Guest& guest)
      : store(must(Store::create(guest.engine, {}, nullptr))),
        instance(must(store->instantiate(*guest.pre))),
        handle(*store->as_func(*store->find_export(instance, "handle"))) {}
  std::expected<void, Trap> call() {
    std::array<RawVal, 1> slots = {};
    return store->call_guest(handle, slots);
  }
  static std::expected<void, Trap> entry(void* live, Fiber&) {
    return static_cast<Live*>(live)->call();
  }
  std::unique_ptr<Store> store;
  Instance instance;
  Func handle;
};

void fresh_call(benchmark::State& state) {
  Guest guest(return_at_once);
  for (auto _ : state) {
    Live live(guest);
    if (!live.call()) {
      stop("trap");
    }
  }
}
BENCHMARK(fresh_call);

void fresh_instance_without_call(benchmark::State& state) {
  Guest guest(return_at_once);
  for (auto _ : state) {
    const Live live(guest);
    benchmark::DoNotOptimize(&live);
  }
}
BENCHMARK(fresh_instance_without_call);

void empty_store(benchmark::State& state) {
  Guest guest(return_at_once);
  for (auto _ : state) {
    benchmark::DoNotOptimize(must(Store::create(guest.engine, {}, nullptr)));
  }
}
BENCHMARK(empty_store);

void fresh_call_on_a_fiber(benchmark::State& state) {
  Guest guest(return_at_once);
  NullScheduler scheduler;
  for (auto _ : state) {
    Live live(guest);
    Fiber fiber(*live.store, scheduler, Live::entry, &live);
    fiber.resume();
    if (!fiber.outcome()) {
      stop("trap");
    }
  }
}
BENCHMARK(fresh_call_on_a_fiber);

void kept_call(benchmark::State& state) {
  Guest guest(return_at_once);
  Live live(guest);
  for (auto _ : state) {
    if (!live.call()) {
      stop("trap");
    }
  }
}
BENCHMARK(kept_call);

void kept_call_on_a_fiber(benchmark::State& state) {
  Guest guest(return_at_once);
  Live live(guest);
  NullScheduler scheduler;
  for (auto _ : state) {
    Fiber fiber(*live.store, scheduler, Live::entry, &live);
    fiber.resume();
  }
}
BENCHMARK(kept_call_on_a_fiber);

void kept_call_on_a_fiber_with_one_wait(benchmark::State& state) {
  Guest guest(park);
  Live live(guest);
  NullScheduler scheduler;
  for (auto _ : state) {
    Fiber fiber(*live.store, scheduler, Live::entry, &live);
    fiber.resume();
    fiber.unpark();
    if (fiber.resume() != Fiber::State::Done) {
      stop("still parked");
    }
  }
}
BENCHMARK(kept_call_on_a_fiber_with_one_wait);

void cancel_a_parked_fresh_fiber(benchmark::State& state) {
  Guest guest(park);
  NullScheduler scheduler;
  for (auto _ : state) {
    Live live(guest);
    Fiber fiber(*live.store, scheduler, Live::entry, &live);
    fiber.resume();
    fiber.cancel(TrapKind::Cancelled, "bench");
    fiber.resume();
  }
}
BENCHMARK(cancel_a_parked_fresh_fiber);

void create_engine(benchmark::State& state) {
  EngineOptions options;
  options.pool_slots = static_cast<std::uint32_t>(state.range(0));
  for (auto _ : state) {
    auto engine = must(Engine::create(options));
    state.PauseTiming();
    engine.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(create_engine)->Arg(100)->Arg(1000)->Arg(4000)->Unit(benchmark::kMillisecond);

/// Verification of a cache entry, by size in MiB.
void verify_cache_entry(benchmark::State& state) {
  const std::string path = std::filesystem::temp_directory_path() / "whorl-engine-bench";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const Bytes payload(static_cast<std::size_t>(state.range(0)) << 20, 7);
  if (fd < 0 || !write_entry(fd, {}, payload)) {
    stop("cannot write " + path);
  }
  for (auto _ : state) {
    if (!verify_entry(fd, {})) {
      stop("not sound");
    }
  }
  ::close(fd);
  std::filesystem::remove(path);
}
BENCHMARK(verify_cache_entry)->Arg(1)->Arg(36)->Unit(benchmark::kMillisecond);

/// WHORL_BENCH_MODULE names a core module: how long a warm cache takes to load it.
void load_from_cache(benchmark::State& state) {
  const char* path = std::getenv("WHORL_BENCH_MODULE");
  if (path == nullptr) {
    state.SkipWithError("WHORL_BENCH_MODULE is not set");
    return;
  }
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  auto engine = must(Engine::create({}));
  auto cache = must(ModuleCache::open(ModuleCache::default_directory()));
  must(cache.load_or_compile(*engine, as_bytes(text)));
  for (auto _ : state) {
    auto loaded = must(cache.load_or_compile(*engine, as_bytes(text)));
    if (loaded.origin != ModuleCache::Origin::Cache) {
      stop(loaded.note);
    }
  }
}
BENCHMARK(load_from_cache)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace whorl::engine

BENCHMARK_MAIN();
