// What a component costs before and in a request: decode, plan, prepare, a fresh instance.
//
//   WHORL_BENCH_GUEST=app.wasm whorl_component_bench      (default: the hello example's guest)
#include "must.hpp"

#include "async/shard.hpp"
#include "component/binary.hpp"
#include "component/component.hpp"
#include "component/plan.hpp"
#include "engine/module.hpp"
#include "engine/store.hpp"
#include "fs/file.hpp"
#include "runtime/platform.hpp"
#include "wasi/p2/hosts.hpp"
#include "wasi/shard_timers.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace whorl {
namespace {

/// Swallows what guests print.
class NullSink final : public wasi::OutputSink {
 public:
  [[nodiscard]] std::size_t room() const noexcept override { return 64 * 1024; }
  void write(ByteView) override {}
};

struct World {
  Bytes bytes = must(fs::read_file(guest_path(), std::uint64_t{512} << 20));
  std::unique_ptr<runtime::Platform> platform = must(runtime::Platform::create({}));
  engine::ModuleCache cache =
      must(engine::ModuleCache::open(engine::ModuleCache::default_directory()));
  std::shared_ptr<const component::Component> component = load(&cache);
  async::Shard shard{0};
  wasi::ShardTimers timers{shard};
  NullSink sink;

  static std::string guest_path() {
    const char* path = std::getenv("WHORL_BENCH_GUEST");
    return path != nullptr ? path : WHORL_SOURCE_DIR "/examples/hello/hello.wasm";
  }
  std::shared_ptr<const component::Component> load(const engine::ModuleCache* with) {
    return must(
        component::Component::load(platform->engine(), with, platform->registry(), bytes, "bench")
    );
  }
  static World& get() {
    static World world;
    return world;
  }
};

void Decode(benchmark::State& state) {
  World& world = World::get();
  for (auto _ : state) {
    // A core module is no component and says so; the plan below covers both.
    benchmark::DoNotOptimize(component::decode_component(world.bytes).has_value());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * world.bytes.size()));
}
BENCHMARK(Decode)->Unit(benchmark::kMicrosecond);

void DecodeAndPlan(benchmark::State& state) {
  World& world = World::get();
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        must(component::plan_component(world.platform->registry(), world.bytes, {}))
    );
  }
}
BENCHMARK(DecodeAndPlan)->Unit(benchmark::kMicrosecond);

void PrepareWithWarmCache(benchmark::State& state) {
  World& world = World::get();
  for (auto _ : state) {
    benchmark::DoNotOptimize(world.load(&world.cache));
  }
}
BENCHMARK(PrepareWithWarmCache)->Unit(benchmark::kMicrosecond);

void PrepareCompilingAnew(benchmark::State& state) {
  World& world = World::get();
  for (auto _ : state) {
    benchmark::DoNotOptimize(world.load(nullptr));
  }
}
BENCHMARK(PrepareCompilingAnew)->Unit(benchmark::kMillisecond);

/// Store, host objects and instance, made and destroyed: what a request pays before its first call.
void FreshInstance(benchmark::State& state) {
  World& world = World::get();
  for (auto _ : state) {
    std::array<void*, runtime::kHostSlots> slots{};
    wasi::p2::P2Hosts hosts(wasi::InstanceContext{
        .timers = world.timers,
        .standard_output = world.sink,
        .standard_error = world.sink,
        .environment = {},
    });
    hosts.fill(world.platform->p2_slots(), slots);
    component::ComponentInstance instance(world.component, slots);
    auto store = must(engine::Store::create(world.platform->engine(), {}, &instance));
    if (!instance.instantiate(*store)) {
      stop("the guest does not instantiate");
    }
  }
}
BENCHMARK(FreshInstance)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace whorl

BENCHMARK_MAIN();
