// What crossing the canonical ABI costs: a guest calls one host function a thousand times per call
// of its export; the figure is per host call.
//
//   whorl_abi_bench --benchmark_filter=Append
#include "component/component.hpp"
#include "component/export_call.hpp"
#include "component/thunk.hpp"
#include "engine/fiber.hpp"
#include "engine/test_modules.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace whorl::component {
namespace {

using engine::test::Code;
using engine::test::ModuleBuilder;
using enum engine::ValType;

constexpr int kCalls = 1000;

class Bag : public HostResource {
 public:
  static const ResourceTag kTag;
  virtual HostResult<std::expected<void, std::uint32_t>> append(
      Call& call, std::string_view name, ByteView value
  ) = 0;
};
constinit const ResourceTag Bag::kTag{"bench:abi/host", "bag"};

class Host {
 public:
  virtual ~Host() = default;
  virtual HostResult<std::uint32_t> add(Call& call, std::uint32_t a, std::uint32_t b) = 0;
  virtual HostResult<std::expected<Bytes, std::uint32_t>> read(Call& call, std::uint64_t size) = 0;
  virtual HostResult<Own<Bag>> bag_new(Call& call) = 0;
};

constexpr std::array<const char*, 2> kAb{"a", "b"};
constexpr std::array<const char*, 1> kSize{"size"};
constexpr std::array<const char*, 0> kNone{};
constexpr std::array<const char*, 3> kAppend{"self", "name", "value"};
constexpr HostFunction kFunctions[] = {
    host_function<&Host::add, kAb>("add"),
    host_function<&Host::read, kSize>("read"),
    host_function<&Host::bag_new, kNone>("[constructor]bag"),
    host_function<&Bag::append, kAppend>("[method]bag.append"),
};
constexpr HostResourceDesc kResources[] = {host_resource<Bag>()};
constexpr HostInterface kInterface{"bench:abi/host", "1.0.0", kFunctions, kResources};

class CountingBag final : public Bag {
 public:
  HostResult<std::expected<void, std::uint32_t>> append(
      Call&, std::string_view name, ByteView value
  ) override {
    bytes_ += name.size() + value.size();
    return std::expected<void, std::uint32_t>{};
  }

 private:
  std::uint64_t bytes_ = 0;
};

class BenchHost final : public Host {
 public:
  HostResult<std::uint32_t> add(Call&, std::uint32_t a, std::uint32_t b) override { return a + b; }
  HostResult<std::expected<Bytes, std::uint32_t>> read(Call&, std::uint64_t size) override {
    return Bytes(size, 'x');
  }
  HostResult<Own<Bag>> bag_new(Call&) override { return std::make_unique<CountingBag>(); }
};

/// Exports "go", which runs `body` a thousand times.
Bytes guest(const char* import, const engine::FuncType& type, const Code& body) {
  ModuleBuilder module;
  const char* const from = "bench:abi/host@1.0.0";
  module.import_func(from, import, type);
  module.import_func(from, "[constructor]bag", {{}, {I32}});
  module.import_func(from, "[resource-drop]bag", {{I32}, {}});
  module.memory(2);
  module.data(8, "content-type");
  module.data(32, "text/plain; charset=utf-8");
  module.export_func("cabi_realloc", {{I32, I32, I32, I32}, {I32}}, Code().i32_const(4096));
  Code loop;
  loop.i32_const(kCalls).local_set(0).call(1).local_set(1).loop();
  for (const std::uint8_t byte : body.bytes()) {
    loop.op(byte);
  }
  loop.local_get(0).i32_const(1).i32_sub().local_tee(0).br_if(0).end().local_get(1).call(2);
  module.export_func("bench:abi/api@1.0.0#go", {{}, {}}, loop, {I32, I32});
  return module.build();
}

struct NullScheduler final : engine::FiberScheduler {
  void fiber_ready(engine::Fiber&) noexcept override {}
  void fiber_yielded(engine::Fiber&) noexcept override {}
  void fiber_done(engine::Fiber&) noexcept override {}
};

[[noreturn]] void stop(const std::string& why) {
  std::fprintf(stderr, "abi bench: %s\n", why.c_str());
  std::exit(1);
}

struct Entry {
  benchmark::State& state;
  ComponentInstance& instance;
  const ExportedFunc& go;

  std::expected<void, engine::Trap> run(engine::Store& store) {
    for (auto _ : state) {
      if (auto called = call_export<void()>(instance, store, go); !called) {
        return called;
      }
    }
    return {};
  }
};

void run(benchmark::State& state, const Bytes& module) {
  static const std::shared_ptr<engine::Engine> engine = [] {
    auto created = engine::Engine::create({.pool_slots = 10});
    return created ? *created : nullptr;
  }();
  HostRegistry registry;
  registry.add(kInterface);
  auto component = Component::load(engine, nullptr, registry, module, "bench");
  if (!component) {
    stop(component.error().to_line());
  }
  BenchHost host;
  std::array<void*, 1> hosts{static_cast<Host*>(&host)};
  ComponentInstance instance(*component, hosts);
  engine::Budget budget;
  budget.slice = std::chrono::hours(1);
  budget.cpu = std::chrono::hours(1);
  auto store = engine::Store::create(engine, budget, &instance);
  if (!store || !instance.instantiate(**store)) {
    stop("no store or instance");
  }
  Entry entry{state, instance, *(*component)->find_export("bench:abi/api", "1.0.0", "go")};
  NullScheduler scheduler;
  engine::Fiber fiber(
      **store,
      scheduler,
      [](void* env, engine::Fiber& running) {
        return static_cast<Entry*>(env)->run(running.store());
      },
      &entry
  );
  while (fiber.resume() != engine::Fiber::State::Done) {
  }
  if (!fiber.outcome()) {
    stop(fiber.outcome().error().message);
  }
  state.SetItemsProcessed(state.iterations() * kCalls);
}

void Scalars(benchmark::State& state) {
  const Code body = Code().i32_const(1).i32_const(2).call(0).drop();
  run(state, guest("add", {{I32, I32}, {I32}}, body));
}
void AppendHandleStringBytes(benchmark::State& state) {
  const Code body = Code()
                        .local_get(1)
                        .i32_const(8)
                        .i32_const(12)
                        .i32_const(32)
                        .i32_const(25)
                        .i32_const(1024)
                        .call(0);
  run(state, guest("[method]bag.append", {{I32, I32, I32, I32, I32, I32}, {}}, body));
}
void ReadBytesThroughRealloc(benchmark::State& state) {
  const Code body = Code().i64_const(256).i32_const(1024).call(0);
  run(state, guest("read", {{I64, I32}, {}}, body));
}

BENCHMARK(Scalars)->Unit(benchmark::kMicrosecond);
BENCHMARK(AppendHandleStringBytes)->Unit(benchmark::kMicrosecond);
BENCHMARK(ReadBytesThroughRealloc)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace whorl::component

BENCHMARK_MAIN();
