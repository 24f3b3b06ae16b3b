/// For engine's tests and benchmarks: one small engine, a scheduler with a queue, short forms.
#pragma once

#include "engine/fiber.hpp"
#include "engine/module.hpp"
#include "engine/store.hpp"
#include "engine/test_modules.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::engine::test {

/// A pooled engine shared by the tests of one program.
inline const std::shared_ptr<Engine>& engine() {
  static const std::shared_ptr<Engine> shared = [] {
    EngineOptions options;
    options.pool_slots = 100;
    auto created = Engine::create(options);
    REQUIRE(created);
    return *created;
  }();
  return shared;
}

inline Module compile(const ModuleBuilder& builder) {
  auto module = Module::compile(*engine(), builder.build());
  REQUIRE_MESSAGE(module, (module ? std::string() : module.error().to_line()));
  return *module;
}

inline std::unique_ptr<Store> make_store(const Budget& budget = {}, void* host_data = nullptr) {
  auto store = Store::create(engine(), budget, host_data);
  REQUIRE(store);
  return *std::move(store);
}

inline Func func_of(Store& store, const Instance& instance, std::string_view name) {
  const auto item = store.find_export(instance, name);
  REQUIRE_MESSAGE(item, std::string(name));
  const auto func = store.as_func(*item);
  REQUIRE(func);
  return *func;
}

/// A scheduler that lists what it is told; run() resumes what is ready until nothing is.
class QueueScheduler final : public FiberScheduler {
 public:
  void fiber_ready(Fiber& fiber) noexcept override {
    ++ready;
    queue.push_back(&fiber);
  }
  void fiber_yielded(Fiber& fiber) noexcept override {
    ++yielded;
    queue.push_back(&fiber);
  }
  void fiber_done(Fiber&) noexcept override { ++done; }

  /// Resumes one fiber; false when none is ready.
  bool step() {
    if (queue.empty()) {
      return false;
    }
    Fiber* fiber = queue.front();
    queue.pop_front();
    fiber->resume();
    return true;
  }
  /// Resumes until the fiber parks or ends: on a busy machine any resume may meet a tick and yield.
  Fiber::State go(Fiber& fiber) {
    Fiber::State state = Fiber::State::Yielded;
    while (state == Fiber::State::Yielded) {
      state = fiber.resume();
      std::erase(queue, &fiber);
    }
    return state;
  }
  void run() {
    while (step()) {
    }
  }

  std::deque<Fiber*> queue;
  int ready = 0;
  int yielded = 0;
  int done = 0;
};

/// An entry made of any callable that takes the fiber.
template <class F>
Fiber::Entry entry_of(F&) {
  return [](void* env, Fiber& fiber) -> std::expected<void, Trap> {
    return (*static_cast<F*>(env))(fiber);
  };
}
/// A host function made of any callable that takes the store and the slots.
template <class F>
HostFunc host_func(FuncType type, F& f) {
  return HostFunc{
      .type = std::move(type),
      .call = [](void* env, Store& store, RawVal* slots
              ) { return (*static_cast<F*>(env))(store, slots); },
      .env = &f
  };
}

inline RawVal raw_i32(std::int32_t value) {
  RawVal raw = {};
  raw.i32 = value;
  return raw;
}

}  // namespace whorl::engine::test
