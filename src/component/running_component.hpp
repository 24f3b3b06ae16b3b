/// Running: components that are linked, instantiated and called, for tests of what they do.
/// @thread any one
#pragma once

#include "component/composition.hpp"
#include "component/dynamic_call.hpp"
#include "component/test_components.hpp"
#include "engine/fiber.hpp"
#include "engine/test_support.hpp"

#include <doctest/doctest.h>

#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::component::testing {

/// Parts with an instance of what they make up.
class Running {
 public:
  explicit Running(std::span<const Part> parts) {
    auto loaded = Component::load(engine::test::engine(), nullptr, test_registry(), parts);
    REQUIRE_MESSAGE(loaded, (loaded ? "" : loaded.error().to_line()));
    component_ = *std::move(loaded);
    instance_ = std::make_unique<ComponentInstance>(component_, hosts_);
    store_ = engine::test::make_store({}, instance_.get());
    const auto made = instance_->instantiate(*store_);
    REQUIRE_MESSAGE(made, (made ? "" : made.error().message));
  }
  ~Running() {
    store_.reset();
    instance_.reset();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  /// Calls an exported function with at most one argument, after the start functions of the first
  /// time. @return the result as text, or the trap's message
  [[nodiscard]] std::string call(
      std::string_view interface,
      std::string_view version,
      std::string_view name,
      std::optional<Value> argument = {}
  ) {
    const ExportedFunc* func = component_->find_export(interface, version, name);
    REQUIRE(func != nullptr);
    std::string out;
    auto entry = [&](engine::Fiber&) -> std::expected<void, engine::Trap> {
      if (!std::exchange(started_, true)) {
        REQUIRE(instance_->run_deferred_starts(*store_));
      }
      std::vector<Value> arguments;
      if (argument) {
        arguments.push_back(*std::move(argument));
      }
      auto called = call_export(*instance_, *store_, *func, arguments);
      out = !called    ? called.error().message
            : !*called ? "done"
                       : to_text(**called, *func->shape.result);
      return {};
    };
    engine::test::QueueScheduler scheduler;
    engine::Fiber fiber(*store_, scheduler, engine::test::entry_of(entry), &entry);
    scheduler.go(fiber);
    return out;
  }

  /// Calls "run" likewise.
  [[nodiscard]] std::string run(std::string_view interface = "", std::string_view version = "") {
    return call(interface, version, "run");
  }

  Log log;

 private:
  void* hosts_[1] = {&log};
  std::shared_ptr<const Component> component_;
  std::unique_ptr<ComponentInstance> instance_;
  std::unique_ptr<engine::Store> store_;
  bool started_ = false;
};

}  // namespace whorl::component::testing
