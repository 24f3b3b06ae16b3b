/// For tests: the asynchronous built-ins of one component instance, called without a guest.
#pragma once

#include "component/async_host.hpp"
#include "component/async_state.hpp"
#include "component/component_impl.hpp"
#include "component/fiber_run.hpp"
#include "component/stream.hpp"
#include "component/test_builder.hpp"
#include "engine/test_support.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <expected>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace whorl::component::testing {

/// What a copy returns that waits. @spec definitions.py BLOCKED
inline constexpr std::uint32_t kBlocked = 0xffff'ffff;

/// A component with a memory of one page and every built-in of streams, futures and waitables, for
/// u8 and, under the names that end in "-text", for strings.
[[nodiscard]] inline Bytes async_component() {
  ComponentBuilder out;
  const std::uint32_t instance = out.core_instance(out.module(CoreBuilder{}.bytes()));
  const std::uint32_t memory = out.core_memory(instance, "m");
  const std::uint32_t realloc = out.core_func(instance, "r");
  const std::uint32_t stream = out.type({0x66, 1, kU8});
  const std::uint32_t future = out.type({0x65, 1, kU32});
  const std::uint32_t texts = out.type({0x66, 1, kStringType});
  const Wasm async_memory = Wasm{2, 6, 3}.leb(memory);
  for (const int first : {0x0e, 0x15}) {
    const std::uint32_t type = first == 0x0e ? stream : future;
    (void)out.canon(Wasm{first}.leb(type));
    (void)out.canon(Wasm{first + 1}.leb(type).add(async_memory));
    (void)out.canon(Wasm{first + 2}.leb(type).add(async_memory));
    (void)out.canon(Wasm{first + 3}.leb(type).add({1}));
    (void)out.canon(Wasm{first + 4}.leb(type).add({1}));
    (void)out.canon(Wasm{first + 5}.leb(type));
    (void)out.canon(Wasm{first + 6}.leb(type));
  }
  (void)out.canon({0x1f});
  (void)out.canon(Wasm{0x20, 0}.leb(memory));
  (void)out.canon(Wasm{0x21, 0}.leb(memory));
  (void)out.canon({0x22});
  (void)out.canon({0x23});
  (void)out.canon({0x06, 1});
  (void)out.canon({0x0d});
  (void)out.canon(Wasm{0x0f}.leb(texts).add(Wasm{3, 6, 3}.leb(memory).add({4}).leb(realloc)));
  (void)out.canon(Wasm{0x0e}.leb(texts));
  (void)out.canon(Wasm{0x10}.leb(texts).add(async_memory));
  (void)out.canon(Wasm{0x1c, 1, 3}.leb(memory));
  (void)out.canon(Wasm{0x1d, 2, 3}.leb(memory).add({4}).leb(realloc));
  (void)out.canon({0x1e});
  return out.bytes();
}

/// One instance of it, and who drives its fibers.
class AsyncWorld final : public FiberRun::Driver {
 public:
  explicit AsyncWorld(void* host = nullptr) : hosts_{host} {
    static const auto loaded = Component::load(
        engine::test::engine(), nullptr, test_registry(), async_component(), "test"
    );
    REQUIRE_MESSAGE(loaded, (loaded ? "" : loaded.error().to_line()));
    component = *loaded;
    instance.emplace(component, hosts_);
    store = engine::test::make_store({}, &*instance);
    REQUIRE(instance->instantiate(*store));
    run.emplace(*instance, *store, *this);
  }
  ~AsyncWorld() {
    if (run) {
      if (run->end_remaining()) {
        step();
      }
      CHECK(run->is_empty());
      run.reset();
    }
    (void)instance->end_event();
  }
  AsyncWorld(const AsyncWorld&) = delete;
  AsyncWorld& operator=(const AsyncWorld&) = delete;

  void wake() noexcept override { is_woken = true; }
  /// Runs all that can run.
  FiberRun::State step() {
    FiberRun::State state = FiberRun::State::Yielded;
    do {
      is_woken = false;
      state = run->step();
    } while (state == FiberRun::State::Yielded || (state == FiberRun::State::Waiting && is_woken));
    return state;
  }

  /// The n-th built-in of that name.
  [[nodiscard]] const HostImport& import_of(std::string_view name, int which = 0) const {
    for (const auto& host : component->impl().plan.hosts) {
      if (host->label == name && which-- == 0) {
        return *host;
      }
    }
    FAIL("no built-in ", std::string(name));
    return *component->impl().plan.hosts.front();
  }
  /// Calls a built-in. @return nothing if it ended the guest
  std::optional<std::uint64_t> call(
      const HostImport& import, std::initializer_list<std::uint32_t> arguments
  ) {
    engine::RawVal slots[4] = {};
    std::size_t i = 0;
    for (const std::uint32_t argument : arguments) {
      slots[i++].u64 = argument;
    }
    const auto status = import.func.call(import.func.env, *store, slots);
    return status == engine::HostStatus::Return ? std::optional(slots[0].u64) : std::nullopt;
  }
  std::optional<std::uint64_t> call(
      std::string_view name, std::initializer_list<std::uint32_t> arguments
  ) {
    return call(import_of(name), arguments);
  }
  [[nodiscard]] MutableByteView memory() { return store->bytes_of(*instance->memory(0)); }

  /// Gives the guest a stream or future of the host.
  template <class Reader>
  [[nodiscard]] std::uint32_t give(Reader reader) {
    InstanceHeap heap(*instance, *store, site);
    LowerContext cx(heap, instance->handles(0));
    const std::uint32_t index = lower_async_value(cx, reader.take_half());
    CHECK_FALSE(cx.failed());
    return index;
  }
  /// Takes one from the guest.
  template <class Reader>
  [[nodiscard]] Reader take(std::uint32_t index) {
    LiftContext cx(memory(), instance->handles(0));
    engine::RawVal slot{};
    slot.u64 = index;
    Reader reader = Abi<Reader>::lift_flat(cx, &slot);
    CHECK_FALSE(cx.failed());
    return reader;
  }

  CallSite site{0, 0, 0, 0, StringEncoding::Utf8};
  std::shared_ptr<const Component> component;
  std::optional<ComponentInstance> instance;
  std::unique_ptr<engine::Store> store;
  std::optional<FiberRun> run;
  bool is_woken = false;

 private:
  void* hosts_[1];
};

/// Runs a body on the first fiber, as if a guest's task did.
///
/// @param wait  called whenever it waits: makes something happen that lets it go on
template <class Body, class Wait>
std::expected<void, engine::Trap> on_fiber(AsyncWorld& world, Body body, Wait wait) {
  auto entry = [&]() -> std::expected<void, engine::Trap> {
    Thread thread(*world.run, nullptr, 0);
    world.run->push(thread);
    body();
    world.run->pop(thread);
    if (world.store->is_dying()) {
      return std::unexpected(world.store->call_guest({}, {}).error());
    }
    return {};
  };
  world.run->start(
      [](void* env, engine::Fiber&) { return (*static_cast<decltype(entry)*>(env))(); }, &entry
  );
  while (world.step() != FiberRun::State::Done) {
    wait();
  }
  return world.run->outcome();
}
/// A body that does not wait, or not for long.
template <class Body>
std::expected<void, engine::Trap> on_fiber(AsyncWorld& world, Body body) {
  return on_fiber(world, std::move(body), [] { FAIL("nothing lets it go on"); });
}

}  // namespace whorl::component::testing
