// What a clean instance costs where the last event's is put back (Guest::reset, the code that
// serves): only that is timed; the event before it is one that the guest answers.
//
//   whorl_reset_bench [FLAG…] [GUEST.wasm…]               (default: the hello example's guest)
#include "must.hpp"

#include "async/shard.hpp"
#include "base/local_ptr.hpp"
#include "component/fiber_run.hpp"
#include "engine/fault_watch.hpp"
#include "engine/module.hpp"
#include "engine/page_tracker.hpp"
#include "fs/file.hpp"
#include "http/client.hpp"
#include "http/outbound.hpp"
#include "log/guest_output.hpp"
#include "runtime/component_output.hpp"
#include "runtime/guest.hpp"
#include "runtime/platform.hpp"
#include "wasi/p2/handler.hpp"
#include "wasi/shard_blocking_work.hpp"
#include "wasi/shard_timers.hpp"

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace whorl {
namespace {

class World final : public component::FiberRun::Driver {
 public:
  explicit World(const std::string& path) {
    const Bytes bytes = must(fs::read_file(path, std::uint64_t{512} << 20));
    const engine::ModuleCache cache =
        must(engine::ModuleCache::open(engine::ModuleCache::default_directory()));
    auto service = std::make_shared<runtime::Service>();
    service->id = "bench";
    service->component = must(component::Component::load(
        platform_->engine(), &cache, platform_->registry(), bytes, "bench"
    ));
    service->http_handler =
        service->component->find_export("wasi:http/incoming-handler", "0.2.0", "handle");
    if (service->http_handler == nullptr) {
      stop("the guest has no wasi:http/incoming-handler of 0.2");
    }
    service->standard_output = output(log::GuestStream::Stdout);
    service->standard_error = output(log::GuestStream::Stderr);
    kept_->service = std::move(service);
    guest_ = std::make_unique<runtime::Guest>(
        *platform_, around_, platform_->instances().try_enter(), kept_
    );
  }

  /// Has the guest answer one request. @return whether its instance was put back, and how long that
  /// took
  std::optional<std::chrono::duration<double>> serve() {
    if (!guest_->begin({}, std::chrono::steady_clock::now())) {
      stop("the guest does not instantiate");
    }
    exchange_ = make_local<http::Exchange>();
    exchange_->request().authority = "localhost";
    exchange_->request().body = http::BodyPipe::empty();
    component::FiberRun run(guest_->instance(), guest_->store(), *this);
    run.start([](void* self, engine::Fiber&) { return static_cast<World*>(self)->answer(); }, this);
    while (run.step() != component::FiberRun::State::Done) {
      shard_.poll();
    }
    if (!run.outcome() || !exchange_->has_response() || run.end_remaining()) {
      stop("the guest does not answer");
    }
    exchange_.reset();
    const auto start = std::chrono::steady_clock::now();
    const bool is_back = guest_->reset();
    const auto end = std::chrono::steady_clock::now();
    if (!is_back) {
      guest_ = std::make_unique<runtime::Guest>(
          *platform_, around_, platform_->instances().try_enter(), kept_
      );
      return std::nullopt;
    }
    return end - start;
  }

 private:
  void wake() noexcept override {}

  std::expected<void, engine::Trap> answer() {
    if (auto started = guest_->run_starts(); !started) {
      return started;
    }
    return wasi::p2::call_incoming_handler(
        guest_->instance(), guest_->store(), *kept_->service->http_handler, guest_->p2(), exchange_
    );
  }
  std::shared_ptr<runtime::ComponentOutput> output(log::GuestStream stream) {
    return std::make_shared<runtime::ComponentOutput>(output_, "bench", stream);
  }

  std::unique_ptr<runtime::Platform> platform_ = must(runtime::Platform::create({}));
  log::GuestOutput output_ = must(log::GuestOutput::open({}));
  async::Shard shard_{0};
  wasi::ShardTimers timers_{shard_};
  wasi::ShardBlockingWork blocking_{shard_};
  http::Client client_{shard_, platform_->outgoing()};
  http::Outbound outbound_{client_};
  wasi::NetworkAccess network_{shard_, platform_->outgoing().blocked, platform_->socket_limits()};
  runtime::GuestSurroundings around_{timers_, blocking_, outbound_, network_};
  LocalPtr<runtime::KeptInstances> kept_ = make_local<runtime::KeptInstances>();
  std::unique_ptr<runtime::Guest> guest_;
  LocalPtr<http::Exchange> exchange_;
};

void put_back(benchmark::State& state, const std::string& path) {
  World world(path);
  // Which pages are written is learned from the first events.
  for (int i = 0; i < 16; ++i) {
    (void)world.serve();
  }
  for (auto _ : state) {
    const auto time = world.serve();
    if (!time) {
      state.SkipWithError("an instance was not put back");
      return;
    }
    state.SetIterationTime(time->count());
  }
}
}  // namespace
}  // namespace whorl

int main(int count, char** arguments) {
  whorl::engine::PageTracker::disable_huge_pages();
  whorl::engine::FaultWatch::prepare();
  benchmark::Initialize(&count, arguments);
  std::vector<std::string> guests(arguments + 1, arguments + count);
  if (guests.empty()) {
    guests.emplace_back(WHORL_SOURCE_DIR "/examples/hello/hello.wasm");
  }
  for (const std::string& guest : guests) {
    benchmark::RegisterBenchmark(guest.c_str(), whorl::put_back, guest)
        ->UseManualTime()
        ->Unit(benchmark::kNanosecond);
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
