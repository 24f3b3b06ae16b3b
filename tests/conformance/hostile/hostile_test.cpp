// Runs the corpus of hostile guests: each ends as its table says, and afterwards a neighbour in the
// same process answers as before.
#include "corpus.hpp"
#include "host.hpp"

#include "component/component.hpp"
#include "component/dynamic_call.hpp"
#include "engine/fiber.hpp"

#include <doctest/doctest.h>

#include <array>
#include <chrono>

namespace whorl::hostile {
namespace {

using component::Component;
using component::ComponentInstance;
using component::Value;
using Stage = Ending::Stage;

constexpr std::uint64_t kMemoryBytes = std::uint64_t{16} << 20;

const std::shared_ptr<engine::Engine>& shared_engine() {
  static const std::shared_ptr<engine::Engine> kEngine = [] {
    engine::EngineOptions options;
    options.pool_slots = 50;
    auto created = engine::Engine::create(options);
    REQUIRE(created);
    return *created;
  }();
  return kEngine;
}

/// An instance in a store of its own.
class Running final : public engine::FiberScheduler {
 public:
  explicit Running(std::shared_ptr<const Component> component)
      : instance_(std::move(component), hosts_) {
    engine::Budget budget;
    budget.cpu = std::chrono::milliseconds(150);
    budget.memory_bytes = kMemoryBytes;
    auto store = engine::Store::create(shared_engine(), budget, &instance_);
    REQUIRE(store);
    store_ = *std::move(store);
  }

  [[nodiscard]] std::expected<void, engine::Trap> start() {
    if (auto made = instance_.instantiate(*store_); !made) {
      return made;
    }
    return on_fiber([this] { return instance_.run_deferred_starts(*store_); });
  }

  [[nodiscard]] std::expected<std::optional<Value>, engine::Trap> call(
      std::string_view name, std::span<Value> arguments
  ) {
    const component::ExportedFunc* func = instance_.component().find_export("", "", name);
    REQUIRE_MESSAGE(func != nullptr, std::string(name));
    std::expected<std::optional<Value>, engine::Trap> result;
    auto done = on_fiber([&]() -> std::expected<void, engine::Trap> {
      result = component::call_export(instance_, *store_, *func, arguments);
      return result ? std::expected<void, engine::Trap>() : std::unexpected(result.error());
    });
    if (!done) {
      return std::unexpected(std::move(done.error()));
    }
    return result;
  }

 private:
  template <class Body>
  [[nodiscard]] std::expected<void, engine::Trap> on_fiber(Body body) {
    engine::Fiber fiber(
        *store_,
        *this,
        [](void* env, engine::Fiber&) { return (*static_cast<Body*>(env))(); },
        &body
    );
    while (fiber.resume() == engine::Fiber::State::Yielded) {
    }
    REQUIRE(fiber.state() == engine::Fiber::State::Done);
    return fiber.outcome();
  }

  void fiber_ready(engine::Fiber&) noexcept override {}
  void fiber_yielded(engine::Fiber&) noexcept override {}
  void fiber_done(engine::Fiber&) noexcept override {}

  Host host_;
  std::array<void*, 1> hosts_ = {&host_};
  ComponentInstance instance_;
  std::unique_ptr<engine::Store> store_;  // goes first
};

Result<std::shared_ptr<const Component>> load(const Bytes& bytes) {
  return Component::load(shared_engine(), nullptr, Host::registry(), bytes, "guest");
}

/// `echo(p0: string) -> string` and `add(p0: u32, p1: u32) -> u32`, honestly.
Bytes honest_guest() {
  Module module;
  Code echo;
  echo.i32(8).get(0).op({0x36, 2, 0}).i32(12).get(1).op({0x36, 2, 0}).i32(8);
  module.funcs = {
      {{kI32, kI32}, {kI32}, echo, "echo", {}},
      {{kI32, kI32}, {kI32}, Code().get(0).get(1).op({0x6a}), "add", {}},
      bump_realloc(),
  };
  hostile::Component out;
  const std::uint32_t instance = out.core_instance(out.core_module(module.bytes()));
  const std::uint32_t realloc = out.alias_core_func(instance, "realloc");
  const std::uint32_t memory = out.alias_memory(instance);
  const std::uint32_t echo_type = out.func_type({"string"}, "string");
  const std::uint32_t add_type = out.func_type({"u32", "u32"}, "u32");
  const std::uint32_t echo_func = out.alias_core_func(instance, "echo");
  const std::uint32_t add_func = out.alias_core_func(instance, "add");
  const std::uint32_t echo_lifted =
      out.lift(echo_func, echo_type, {.memory = memory, .realloc = realloc});
  out.export_func("echo", echo_lifted);
  out.export_func("add", out.lift(add_func, add_type, {}));
  return out.bytes();
}

/// Instances that live beside the hostile guests: one for all of them, one made anew after each.
class Neighbour {
 public:
  Neighbour() {
    auto loaded = load(honest_guest());
    REQUIRE_MESSAGE(loaded, (loaded ? "" : loaded.error().to_line()));
    component_ = *std::move(loaded);
    renew();
  }

  void check() {
    if (++calls_ % 256 == 0) {
      renew();  // its budget is for a few hundred calls
    }
    check(*old_);
    Running fresh(component_);
    REQUIRE(fresh.start());
    check(fresh);
  }

 private:
  void renew() {
    old_ = std::make_unique<Running>(component_);
    REQUIRE(old_->start());
  }
  static void check(Running& instance) {
    std::array<Value, 2> numbers = {Value::unsigned_int(20), Value::unsigned_int(22)};
    const auto sum = instance.call("add", numbers);
    REQUIRE_MESSAGE(sum, (sum ? "" : sum.error().message));
    CHECK((*sum)->bits() == 42);
    std::array<Value, 1> text = {Value::string("still here \xe2\x82\xac")};
    const auto echo = instance.call("echo", text);
    REQUIRE_MESSAGE(echo, (echo ? "" : echo.error().message));
    CHECK((*echo)->to_utf8() == "still here \xe2\x82\xac");
  }

  std::shared_ptr<const Component> component_;
  std::unique_ptr<Running> old_;
  unsigned calls_ = 0;
};

void check_trap(const Ending& ending, const engine::Trap& trap) {
  CAPTURE(trap.message);
  CHECK(engine::to_string(trap.kind) == engine::to_string(ending.kind));
  CHECK_MESSAGE(trap.message.contains(ending.text), ending.text);
}

/// Runs one guest to its end.
void run(const Guest& guest) {
  const Ending& ending = guest.ending;
  const auto loaded = load(guest.component);
  if (ending.stage == Stage::Load) {
    REQUIRE_FALSE(loaded);
    CAPTURE(loaded.error().to_line());
    CHECK(loaded.error().kind() == ErrorKind::InvalidInput);
    CHECK(loaded.error().to_line().contains(ending.text));
    return;
  }
  REQUIRE_MESSAGE(loaded, (loaded ? "" : loaded.error().to_line()));
  Running instance(*loaded);
  if (const auto started = instance.start(); !started) {
    CAPTURE(started.error().message);
    REQUIRE(ending.stage == Stage::Instantiate);
    check_trap(ending, started.error());
    return;
  }
  REQUIRE(ending.stage != Stage::Instantiate);
  for (std::size_t i = 0; i < guest.calls.size(); ++i) {
    CAPTURE(guest.calls[i]);
    std::vector<Value> arguments;
    if (guest.arguments != nullptr) {
      arguments = guest.arguments();
    }
    const auto called = instance.call(guest.calls[i], arguments);
    const bool is_last = i + 1 == guest.calls.size();
    if (!is_last || ending.stage == Stage::Returns) {
      REQUIRE_MESSAGE(called, (called ? "" : called.error().message));
      continue;
    }
    REQUIRE_FALSE(called);
    check_trap(ending, called.error());
    // What trapped stays closed.
    std::vector<Value> again;
    if (guest.arguments != nullptr) {
      again = guest.arguments();
    }
    CHECK_FALSE(instance.call(guest.calls[i], again));
  }
}

Neighbour& neighbour() {
  static Neighbour shared;
  return shared;
}

void run_all(const Guests& guests) {
  for (const Guest& guest : guests) {
    CAPTURE(guest.name);
    run(guest);
    neighbour().check();
  }
  MESSAGE(guests.size() << " guests");
}

TEST_CASE("an honest guest") {
  for (int i = 0; i < 3; ++i) {
    neighbour().check();
  }
}
TEST_CASE("results at bad pointers") {
  run_all(bad_result_pointers());
}
TEST_CASE("bad strings") {
  run_all(bad_strings());
}
TEST_CASE("bad lists") {
  run_all(bad_lists());
}
TEST_CASE("bad scalars and discriminants") {
  run_all(bad_scalars());
}
TEST_CASE("realloc that misbehaves") {
  run_all(bad_reallocs());
}
TEST_CASE("post-return that misbehaves") {
  run_all(bad_post_returns());
}
TEST_CASE("start functions that misbehave") {
  run_all(bad_starts());
}
TEST_CASE("bodies that misbehave") {
  run_all(bad_bodies());
}
TEST_CASE("functions of other types than they claim") {
  run_all(bad_signatures());
}
TEST_CASE("guests that harm each other") {
  run_all(bad_calls_between_guests());
}
TEST_CASE("the host called with what it must not believe") {
  run_all(bad_host_calls());
}
TEST_CASE("calls in calls, destructors in destructors") {
  run_all(bad_nesting());
}
TEST_CASE("guests that call back") {
  run_all(bad_reentrance());
}
TEST_CASE("handles misused") {
  run_all(bad_handles());
}

}  // namespace
}  // namespace whorl::hostile
