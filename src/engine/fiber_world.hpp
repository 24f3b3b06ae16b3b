/// For tests of fibers: a store with one instance whose functions call the host. Tests only.
#pragma once

#include "engine/fiber.hpp"
#include "engine/test_support.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

namespace whorl::engine::test {

using Body = std::move_only_function<std::expected<void, Trap>(Fiber&)>;
using Host = std::move_only_function<HostStatus(Store&, RawVal*)>;

/// A store with one instance: wait(n) calls the host n times and returns 42, spin never returns.
struct World {
  explicit World(Host function, const Budget& budget = {})
      : host(std::move(function)), store(make_store(budget)) {
    ModuleBuilder b;
    const auto import = b.import_func("env", "host", type({kI32}));
    b.export_func(
        "wait",
        type({kI32}, {kI32}),
        Code()
            .loop()
            .local_get(0)
            .call(import)
            .local_get(0)
            .i32_const(1)
            .i32_sub()
            .local_tee(0)
            .br_if(0)
            .end()
            .i32_const(42)
    );
    b.export_func("spin", type(), Code().loop().br(0).end());
    b.export_func(
        "deep",
        type({kI32}, {kI32}),  // deep(n) = n frames, then the host
        Code()
            .local_get(0)
            .i32_eqz()
            .if_()
            .i32_const(0)
            .call(import)
            .i32_const(0)
            .return_()
            .end()
            .local_get(0)
            .i32_const(1)
            .i32_sub()
            .call(3)
            .i32_const(1)
            .i32_add()
    );
    const std::array imports = {store->define(host_func(type({kI32}), host))};
    const auto made = store->instantiate(compile(b), imports);
    REQUIRE(made);
    instance = *made;
  }
  std::expected<std::int32_t, Trap> call(std::string_view name, std::int32_t arg) {
    std::array<RawVal, 1> slots = {raw_i32(arg)};
    auto result = store->call_guest(func_of(*store, instance, name), slots);
    if (!result) {
      return std::unexpected(result.error());
    }
    return slots[0].i32;
  }
  Body calling(std::string_view name, std::int32_t arg, std::int32_t& answer) {
    return [this, name, arg, &answer](Fiber&) -> std::expected<void, Trap> {
      auto result = call(name, arg);
      if (!result) {
        return std::unexpected(result.error());
      }
      answer = *result;
      return {};
    };
  }
  Host host;
  std::unique_ptr<Store> store;
  Instance instance;
};

inline HostStatus park_here(Store& store, RawVal*) {
  return store.current_fiber()->park() ? HostStatus::Return : HostStatus::Trap;
}

/// A guest that yields is ended at once, either way that there is (two subcases).
inline void end_yielded(World& world, Body& body) {
  QueueScheduler scheduler;
  SUBCASE("cancelled") {
    Fiber fiber(*world.store, scheduler, entry_of(body), &body);
    CHECK(fiber.resume() == Fiber::State::Yielded);
    fiber.cancel(TrapKind::Cancelled, "stop");
    CHECK(fiber.resume() == Fiber::State::Done);
    CHECK(fiber.outcome().error().message == "stop");
  }
  SUBCASE("dropped") {
    Fiber fiber(*world.store, scheduler, entry_of(body), &body);
    CHECK(fiber.resume() == Fiber::State::Yielded);
  }
}

struct Operation final : async::Cancellable {
  void cancel() noexcept override { ++asked; }
  int asked = 0;
};

}  // namespace whorl::engine::test
