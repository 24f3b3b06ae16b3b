// What crossing the canonical ABI costs: a guest calls one host function a thousand times per call
// of its export; the figure is per host call. Each function is there twice: made of a C++ method,
// and its thunk written by hand with the same checks.
//
//   whorl_abi_bench --benchmark_filter=Append
#include "component/component.hpp"
#include "component/export_call.hpp"
#include "component/thunk.hpp"
#include "component/utf8.hpp"
#include "engine/fiber.hpp"
#include "engine/test_modules.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

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

// --- by hand -------------------------------------------------------------------------------------

engine::HostStatus refuse(engine::Store& store) {
  return store.set_trap(engine::TrapKind::HostTrap, "refused");
}

/// The bytes [ptr, ptr + size) of memory; nothing if they are not there.
std::optional<ByteView> bytes_at(ByteView memory, std::uint32_t ptr, std::uint32_t size) {
  if (std::uint64_t{ptr} + size > memory.size()) {
    return std::nullopt;
  }
  return memory.subspan(ptr, size);
}

engine::HostStatus add_by_hand(void* env, engine::Store& store, engine::RawVal* slots) {
  const auto& site = *static_cast<const CallSite*>(env);
  auto& instance = *static_cast<ComponentInstance*>(store.host_data());
  if (!instance.may_leave(site.component_index)) {
    return refuse(store);
  }
  Call call{instance, store, store.current_fiber()};
  auto& host = *static_cast<Host*>(instance.host(site.host_slot));
  const auto sum = host.add(call, slots[0].u32, slots[1].u32);
  if (!sum) {
    return refuse(store);
  }
  slots[0].u64 = *sum;
  return engine::HostStatus::Return;
}

engine::HostStatus append_by_hand(void* env, engine::Store& store, engine::RawVal* slots) {
  const auto& site = *static_cast<const CallSite*>(env);
  auto& instance = *static_cast<ComponentInstance*>(store.host_data());
  const engine::Memory* where = instance.memory(site.memory_slot);
  if (!instance.may_leave(site.component_index) || where == nullptr) {
    return refuse(store);
  }
  const ByteView memory = store.bytes_of(*where);
  HandleTable& handles = instance.handles(site.component_index);
  const std::uint32_t index = slots[0].u32;
  const auto bag = handles.lend(index, Bag::kTag);
  const auto name = bytes_at(memory, slots[1].u32, slots[2].u32);
  const auto value = bytes_at(memory, slots[3].u32, slots[4].u32);
  if (!bag || !name || !value) {
    return refuse(store);
  }
  const std::string_view text(reinterpret_cast<const char*>(name->data()), name->size());
  if (!is_valid_utf8(text)) {
    return refuse(store);
  }
  Call call{instance, store, store.current_fiber()};
  const auto result = static_cast<Bag*>(*bag)->append(call, text, *value);
  handles.unlend(index);
  const std::uint32_t retptr = slots[5].u32;
  const MutableByteView after = store.bytes_of(*where);
  if (!result || (retptr & 3) != 0 || std::uint64_t{retptr} + 8 > after.size()) {
    return refuse(store);
  }
  after[retptr] = result->has_value() ? 0 : 1;
  if (!result->has_value()) {
    std::memcpy(after.data() + retptr + 4, &result->error(), 4);
  }
  return engine::HostStatus::Return;
}

engine::HostStatus read_by_hand(void* env, engine::Store& store, engine::RawVal* slots) {
  const auto& site = *static_cast<const CallSite*>(env);
  auto& instance = *static_cast<ComponentInstance*>(store.host_data());
  const engine::Memory* where = instance.memory(site.memory_slot);
  const engine::Func* realloc = instance.func(site.realloc_slot);
  if (!instance.may_leave(site.component_index) || where == nullptr || realloc == nullptr) {
    return refuse(store);
  }
  Call call{instance, store, store.current_fiber()};
  auto& host = *static_cast<Host*>(instance.host(site.host_slot));
  const auto result = host.read(call, slots[0].u64);
  const std::uint32_t retptr = slots[1].u32;
  if (!result || !result->has_value() || (retptr & 3) != 0) {
    return refuse(store);
  }
  const Bytes& bytes = **result;
  engine::RawVal arguments[4] = {};
  arguments[2].u64 = 1;
  arguments[3].u64 = bytes.size();
  instance.set_may_leave(site.component_index, false);
  if (!store.call_guest(*realloc, arguments)) {
    return refuse(store);
  }
  instance.set_may_leave(site.component_index, true);
  const std::uint32_t ptr = arguments[0].u32;
  const MutableByteView memory = store.bytes_of(*where);
  if (std::uint64_t{ptr} + bytes.size() > memory.size() ||
      std::uint64_t{retptr} + 12 > memory.size()) {
    return refuse(store);
  }
  std::memcpy(memory.data() + ptr, bytes.data(), bytes.size());
  const std::uint32_t pair[] = {ptr, static_cast<std::uint32_t>(bytes.size())};
  memory[retptr] = 0;
  std::memcpy(memory.data() + retptr + 4, pair, 8);
  return engine::HostStatus::Return;
}

constexpr HostFunction by_hand(const char* name, const HostFunction& typed, engine::HostFn thunk) {
  return {name, typed.shape, typed.core_type, thunk};
}

constexpr HostFunction kAdd = host_function<&Host::add, kAb>("add");
constexpr HostFunction kRead = host_function<&Host::read, kSize>("read");
constexpr HostFunction kBagAppend = host_function<&Bag::append, kAppend>("[method]bag.append");
constexpr HostFunction kFunctions[] = {
    kAdd,
    kRead,
    host_function<&Host::bag_new, kNone>("[constructor]bag"),
    kBagAppend,
    by_hand("add-by-hand", kAdd, &add_by_hand),
    by_hand("read-by-hand", kRead, &read_by_hand),
    by_hand("[method]bag.append-by-hand", kBagAppend, &append_by_hand),
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

void scalars(benchmark::State& state, const char* function) {
  const Code body = Code().i32_const(1).i32_const(2).call(0).drop();
  run(state, guest(function, {{I32, I32}, {I32}}, body));
}
void append(benchmark::State& state, const char* function) {
  const Code body = Code()
                        .local_get(1)
                        .i32_const(8)
                        .i32_const(12)
                        .i32_const(32)
                        .i32_const(25)
                        .i32_const(1024)
                        .call(0);
  run(state, guest(function, {{I32, I32, I32, I32, I32, I32}, {}}, body));
}
void read(benchmark::State& state, const char* function) {
  const Code body = Code().i64_const(256).i32_const(1024).call(0);
  run(state, guest(function, {{I64, I32}, {}}, body));
}

BENCHMARK_CAPTURE(scalars, ByHand, "add-by-hand")
    ->Name("ScalarsByHand")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(scalars, Typed, "add")->Name("Scalars")->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(append, ByHand, "[method]bag.append-by-hand")
    ->Name("AppendHandleStringBytesByHand")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(append, Typed, "[method]bag.append")
    ->Name("AppendHandleStringBytes")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(read, ByHand, "read-by-hand")
    ->Name("ReadBytesThroughReallocByHand")
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(read, Typed, "read")
    ->Name("ReadBytesThroughRealloc")
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace whorl::component

BENCHMARK_MAIN();
