// whorl_p1_runner: runs one WASI preview 1 command with the real engine and the real host, for
// conformance tests. Not part of the product.
//
//   whorl_p1_runner [--env NAME=VALUE]... [--dir HOST::GUEST]... [--read-only-dir HOST::GUEST]...
//                   [--stdin] [--timeout SECONDS] MODULE [ARGUMENT]...
//
// Its exit code is the guest's; 134 when the guest trapped, 2 when it could not be run.
#include "command_runner.hpp"

#include "async/shard.hpp"
#include "component/component.hpp"
#include "engine/engine.hpp"
#include "engine/fiber.hpp"
#include "fs/file.hpp"
#include "wasi/p1/preview1.hpp"
#include "wasi/shard_timers.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <span>
#include <utility>

namespace whorl::conformance {
namespace {

/// One command in its own instance, on the one shard there is.
class Run final : public engine::FiberScheduler {
 public:
  Run(CommandOptions options, async::Shard& shard)
      : options_(std::move(options)), shard_(shard), timers_(shard) {}

  /// @return the exit code
  [[nodiscard]] Result<int> run() {
    WHORL_TRY(const auto component, load());
    const component::ExportedFunc* start = component->find_export("", "", "_start");
    if (start == nullptr) {
      return fail(ErrorKind::InvalidInput, "the module is no command: it exports no `_start`");
    }
    start_slot_ = start->func_slot;
    wasi::p1::Preview1 preview1(context());
    hosts_[slot_] = &preview1;
    component::ComponentInstance instance(component, hosts_);
    instance_ = &instance;
    engine::Budget budget;
    budget.deadline = std::chrono::steady_clock::now() + options_.timeout;
    WHORL_TRY(auto store, engine::Store::create(component->engine(), budget, &instance));
    store_ = store.get();
    if (auto instantiated = instance.instantiate(*store); !instantiated) {
      return exit_code_of(instantiated.error());
    }
    engine::Fiber fiber(
        *store,
        *this,
        [](void* self, engine::Fiber&) { return static_cast<Run*>(self)->call_start(); },
        this
    );
    fiber_ = &fiber;
    step();
    if (fiber.state() != engine::Fiber::State::Done) {
      shard_.run();
    }
    return fiber.outcome() ? 0 : exit_code_of(fiber.outcome().error());
  }

 private:
  [[nodiscard]] Result<std::shared_ptr<const component::Component>> load() {
    engine::EngineOptions engine_options;
    engine_options.allocation = engine::InstanceAllocation::OnDemand;
    WHORL_TRY(const auto engine, engine::Engine::create(engine_options));
    component::HostRegistry registry;
    slot_ = wasi::p1::register_preview1(registry);
    WHORL_TRY(const Bytes bytes, fs::read_file(options_.module, std::uint64_t{256} << 20));
    return component::Component::load(engine, nullptr, registry, bytes, options_.module);
  }

  [[nodiscard]] wasi::InstanceContext context() {
    return {
        .timers = timers_,
        .standard_output = output_,
        .standard_error = error_,
        .environment = options_.environment,
        .arguments = options_.arguments,
        .standard_input = options_.reads_stdin ? &input_ : nullptr,
        .preopens = options_.preopens,
    };
  }

  [[nodiscard]] std::expected<void, engine::Trap> call_start() {
    if (auto started = instance_->run_deferred_starts(*store_); !started) {
      return started;
    }
    engine::RawVal none{};
    return store_->call_guest(*instance_->func(start_slot_), std::span(&none, 1));
  }

  void step() {
    switch (fiber_->resume()) {
      case engine::Fiber::State::Done:
        shard_.stop();
        break;
      case engine::Fiber::State::Yielded:
        shard_.post([this] { step(); });
        break;
      default:
        break;
    }
  }

  // engine::FiberScheduler
  void fiber_ready(engine::Fiber&) noexcept override {
    shard_.post([this] { step(); });
  }
  void fiber_yielded(engine::Fiber&) noexcept override {}
  void fiber_done(engine::Fiber&) noexcept override {}

  CommandOptions options_;
  async::Shard& shard_;
  wasi::ShardTimers timers_;
  ProcessOutput output_{STDOUT_FILENO};
  ProcessOutput error_{STDERR_FILENO};
  ProcessInput input_;
  std::array<void*, 1> hosts_{};
  std::uint16_t slot_ = 0;
  std::uint16_t start_slot_ = 0;
  component::ComponentInstance* instance_ = nullptr;
  engine::Store* store_ = nullptr;
  engine::Fiber* fiber_ = nullptr;
};

}  // namespace
}  // namespace whorl::conformance

int main(int argc, char** argv) {
  using namespace whorl;  // NOLINT(google-build-using-namespace): main is in no namespace
  return conformance::run_main(
      std::span(argv + 1, static_cast<std::size_t>(argc - 1)),
      [](conformance::CommandOptions options) {
        async::Shard shard(0);
        return conformance::Run(std::move(options), shard).run();
      }
  );
}
