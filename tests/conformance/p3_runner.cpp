// whorl_p3_runner: runs one WASI command (wasi:cli/run of 0.2 or 0.3) with the real engine and the
// real host, for conformance tests. It may bind, listen and connect. Not part of the product.
//
//   whorl_p3_runner [--env NAME=VALUE]... [--dir HOST::GUEST]... [--read-only-dir HOST::GUEST]...
//                   [--stdin] [--timeout SECONDS] COMPONENT [ARGUMENT]...
//
// Its exit code is the guest's, 1 when `run` failed; 134 when the guest trapped, 2 when it could
// not be run.
#include "command_runner.hpp"

#include "async/shard.hpp"
#include "component/component.hpp"
#include "component/fiber_run.hpp"
#include "engine/engine.hpp"
#include "fs/file.hpp"
#include "http/allowed_hosts.hpp"
#include "wasi/command.hpp"
#include "wasi/p1/preview1.hpp"
#include "wasi/p3/hosts.hpp"
#include "wasi/shard_blocking_work.hpp"
#include "wasi/shard_timers.hpp"

#include <chrono>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace whorl::conformance {
namespace {

/// One command in its own instance, on the one shard there is.
class Run final : public component::FiberRun::Driver {
 public:
  Run(CommandOptions options, async::Shard& shard)
      : options_(std::move(options)),
        shard_(shard),
        timers_(shard),
        blocking_(shard),
        network_{shard, {}, {}, true} {}

  /// @return the exit code
  [[nodiscard]] Result<int> run() {
    WHORL_TRY(allowed_hosts_, http::AllowedHosts::parse(kEverywhere, {}));
    component::HostRegistry registry;
    const wasi::p2::Slots p2_slots = wasi::p2::register_p2(registry);
    const wasi::p3::Slots p3_slots = wasi::p3::register_p3(registry);
    const std::uint16_t p1_slot = wasi::p1::register_preview1(registry);
    WHORL_TRY(const auto component, load(registry));
    command_ = wasi::find_command(*component);
    if (command_ == nullptr) {
      return fail(ErrorKind::InvalidInput, "the component is no command");
    }
    wasi::p2::P2Hosts p2(context());
    wasi::p3::P3Hosts p3(p2);
    wasi::p1::Preview1 p1(context());
    std::vector<void*> hosts(registry.size());
    p2.fill(p2_slots, hosts);
    p3.fill(p3_slots, hosts);
    hosts[p1_slot] = &p1;
    component::ComponentInstance instance(component, hosts);
    instance_ = &instance;
    engine::Budget budget;
    budget.deadline = std::chrono::steady_clock::now() + options_.timeout;
    WHORL_TRY(auto store, engine::Store::create(component->engine(), budget, &instance));
    store_ = store.get();
    if (auto instantiated = instance.instantiate(*store); !instantiated) {
      return exit_code_of(instantiated.error());
    }
    component::FiberRun tasks(instance, *store, *this);
    tasks_ = &tasks;
    tasks.start(
        [](void* self, engine::Fiber&) { return static_cast<Run*>(self)->call_command(); }, this
    );
    step();
    if (!is_done_) {
      shard_.run();
    }
    if (!tasks.outcome()) {
      return exit_code_of(tasks.outcome().error());
    }
    return verdict_ == wasi::CommandVerdict::Succeeded ? 0 : 1;
  }

 private:
  static inline const std::vector<std::string> kEverywhere{"*://*:*"};

  [[nodiscard]] Result<std::shared_ptr<const component::Component>> load(
      const component::HostRegistry& registry
  ) {
    engine::EngineOptions engine_options;
    engine_options.allocation = engine::InstanceAllocation::OnDemand;
    WHORL_TRY(const auto engine, engine::Engine::create(engine_options));
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
        .blocking = &blocking_,
        .network = &network_,
        .allowed_hosts = &allowed_hosts_,
    };
  }

  [[nodiscard]] std::expected<void, engine::Trap> call_command() {
    if (auto started = instance_->run_deferred_starts(*store_); !started) {
      return started;
    }
    auto verdict = wasi::call_command(*instance_, *store_, *command_);
    if (!verdict) {
      return std::unexpected(std::move(verdict.error()));
    }
    verdict_ = *verdict;
    return {};
  }

  void step() {
    switch (tasks_->step()) {
      case component::FiberRun::State::Waiting:
        break;
      case component::FiberRun::State::Yielded:
        shard_.post([this] { step(); });
        break;
      case component::FiberRun::State::Done:
        tasks_->end_remaining();
        is_done_ = tasks_->is_empty();
        if (is_done_) {
          shard_.stop();
        }
    }
  }

  // component::FiberRun::Driver
  void wake() noexcept override {
    shard_.post([this] {
      if (!is_done_) {
        step();
      }
    });
  }

  CommandOptions options_;
  async::Shard& shard_;
  wasi::ShardTimers timers_;
  wasi::ShardBlockingWork blocking_;
  wasi::NetworkAccess network_;
  http::AllowedHosts allowed_hosts_;
  ProcessOutput output_{STDOUT_FILENO};
  ProcessOutput error_{STDERR_FILENO};
  ProcessInput input_;
  const component::ExportedFunc* command_ = nullptr;
  component::ComponentInstance* instance_ = nullptr;
  engine::Store* store_ = nullptr;
  component::FiberRun* tasks_ = nullptr;
  wasi::CommandVerdict verdict_ = wasi::CommandVerdict::Failed;
  bool is_done_ = false;
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
