#include "fleet.hpp"

#include "http/observed_handler.hpp"
#include "log/line_writer.hpp"
#include "log/log.hpp"
#include "net/listener_sources.hpp"
#include "runtime/shard_runtime.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <optional>
#include <utility>

namespace whorl {
namespace {

/// What guests whose requests were cut have for unwinding.
constexpr std::chrono::milliseconds kUnwindTime{500};

/// Waits until nothing is left, and gives up at the deadline or when the operator is impatient.
bool wait_for_end(
    StopSignals& signals, const std::atomic<unsigned>& left, async::Deadline deadline
) {
  while (left.load() != 0) {
    const auto cause = signals.wait(deadline);
    if (cause == StopSignals::Cause::Stop || cause == StopSignals::Cause::TimedOut) {
      return left.load() == 0;
    }
  }
  return true;
}

/// Lets subscriptions handle what they have taken. @return whether all have
bool drain(
    StopSignals& signals, const Fleet::Subscriptions& subscriptions, async::Deadline deadline
) {
  // Shared: one that is told too late tells nobody.
  const auto left = std::make_shared<std::atomic<unsigned>>(subscriptions.size());
  for (const auto& each : subscriptions) {
    each->drain([left, &signals] {
      if (left->fetch_sub(1) == 1) {
        signals.notify();
      }
    });
  }
  return wait_for_end(signals, *left, deadline);
}

/// Whether nobody else holds the version or one of its components.
bool is_unused(const Fleet::App& app) {
  return app.use_count() == 1 && std::ranges::all_of(app->components, [](const auto& entry) {
           const auto service = entry.second->hold();
           return service != nullptr ? service.use_count() == 2  // the slot's and this one
                                     : entry.second->state() == runtime::ServiceSlot::State::Failed;
         });
}

}  // namespace

/// Everything that lives on one shard.
struct Fleet::World {
  World(
      async::Shard& its_shard,
      runtime::Platform& platform,
      Observatory& observatory,
      const Edge& edge,
      App app
  )
      : shard(its_shard),
        recorder(observatory.make_recorder(its_shard)),
        runtime(its_shard, platform),
        trigger(std::move(app), runtime),
        server(its_shard, observed(), edge.server) {
    server.set_tls(edge.tls);
    runtime.outbound().set_in_process_hosts(&trigger);
    if (recorder != nullptr) {
      runtime.set_metrics(*recorder->metrics());
      runtime.outbound().set_recorder(recorder.get());
    }
  }

  /// The trigger, behind what notes its requests where that is wanted.
  http::Handler& observed() {
    if (recorder == nullptr) {
      return trigger;
    }
    return observer.emplace(*recorder, trigger);
  }

  async::Shard& shard;
  std::unique_ptr<telemetry::Recorder> recorder;  ///< null: nothing is recorded
  runtime::ShardRuntime runtime;
  trigger::HttpTrigger trigger;
  std::optional<http::ObservedHandler> observer;
  http::Server server;
};

/// Tells the main thread when nothing is left to do: no connection, no guest, on any shard.
class Fleet::DrainWatch {
 public:
  /// @param left  shards that are not done; the last one notifies `signals`
  DrainWatch(World& world, std::atomic<unsigned>& left, StopSignals& signals) noexcept
      : world_(world), left_(left), signals_(signals), connections_(*this), guests_(*this) {}

  /// On the shard, once, when its server drains.
  void start() { check(); }

 private:
  class Listener final : public async::Waiter {
   public:
    explicit Listener(DrainWatch& watch) noexcept : watch_(watch) {}
    void on_event() noexcept override { watch_.check(); }

   private:
    DrainWatch& watch_;
  };

  void check() noexcept {
    if (done_) {
      return;
    }
    if (world_.server.is_empty() && world_.runtime.in_flight() == 0) {
      done_ = true;
      if (left_.fetch_sub(1) == 1) {
        signals_.notify();
      }
      return;
    }
    if (!connections_.is_linked()) {
      world_.server.empty_event().add(connections_);
    }
    if (!guests_.is_linked()) {
      world_.runtime.empty_event().add(guests_);
    }
  }

  World& world_;
  std::atomic<unsigned>& left_;
  StopSignals& signals_;
  Listener connections_;
  Listener guests_;
  bool done_ = false;
};

Fleet::Fleet(
    unsigned count, runtime::Platform& platform, Observatory& observatory, const Edge& edge, App app
)
    : scheme_(edge.scheme()), shards_(count), app_(std::move(app)) {
  for (unsigned i = 0; i < shards_.size(); ++i) {
    worlds_.push_back(std::make_unique<World>(shards_[i], platform, observatory, edge, app_));
  }
}

Fleet::~Fleet() = default;

Result<> Fleet::listen(net::Listeners listeners) {
  if (listeners.unix_path.empty() && !std::exchange(has_self_, true)) {
    for (const auto& world : worlds_) {
      world->runtime.outbound().set_self(
          {.scheme = scheme_, .authority = listeners.address.to_string()}
      );
    }
  }
  WHORL_TRY(auto sets, net::spread(std::move(listeners), size()));
  for (std::size_t i = 0; i < sets.size(); ++i) {
    for (fs::Fd& socket : sets[i]) {
      worlds_[i]->server.listen(std::move(socket));
    }
  }
  return {};
}

Result<> Fleet::start() {
  return shards_.start();
}

void Fleet::post(std::move_only_function<void(runtime::ShardRuntime&)> work) {
  World& world = *worlds_[next_.fetch_add(1, std::memory_order_relaxed) % worlds_.size()];
  world.shard.post([&world, work = std::move(work)]() mutable { work(world.runtime); });
}

void Fleet::forget(const std::shared_ptr<const runtime::Service>& service) {
  for (auto& world : worlds_) {
    world->shard.post([&world = *world, service] { world.runtime.forget(*service); });
  }
}

void Fleet::forget_replaced(
    const std::shared_ptr<runtime::ServiceSlot>& slot,
    const std::shared_ptr<const runtime::Service>& old
) {
  const auto left = std::make_shared<std::atomic<unsigned>>(shards_.size());
  for (auto& world : worlds_) {
    world->shard.post([&world = *world, slot, old, left] {
      world.runtime.forget(*old);
      if (left->fetch_sub(1) == 1) {
        slot->release_replaced();
      }
    });
  }
}

void Fleet::replace(App app, StopSignals& signals) {
  release_retired();
  const App old = std::exchange(app_, std::move(app));
  retired_.push_back(old);
  const auto left = std::make_shared<std::atomic<unsigned>>(shards_.size());
  replacing_ = left;
  for (auto& world : worlds_) {
    world->shard.post([&world = *world, &signals, left, old, next = app_]() mutable {
      world.trigger.replace(std::move(next));
      for (const auto& [id, slot] : old->components) {
        if (const auto* service = slot->get()) {
          world.runtime.forget(**service);
        }
      }
      if (left->fetch_sub(1) == 1) {
        signals.notify();
      }
    });
  }
}

bool Fleet::take_replaced() noexcept {
  if (replacing_ == nullptr || replacing_->load() != 0) {
    return false;
  }
  replacing_.reset();
  return true;
}

void Fleet::set_tls(const std::shared_ptr<const net::TlsServerContext>& tls) {
  for (auto& world : worlds_) {
    world->shard.post([&server = world->server, tls] { server.set_tls(tls); });
  }
}

void Fleet::release_retired() {
  std::erase_if(retired_, is_unused);
}

void Fleet::stop(
    StopSignals& signals,
    const Subscriptions& subscriptions,
    async::Milliseconds drain_time,
    http::Patience patience,
    std::move_only_function<void()> give_up
) {
  const auto deadline = async::Deadline::after(drain_time);
  for (auto& world : worlds_) {
    world->shard.post([&server = world->server, deadline, patience] {
      server.drain(deadline, patience);
    });
  }
  // A second signal means: now.
  bool is_over = drain(signals, subscriptions, deadline);
  std::atomic<unsigned> left{static_cast<unsigned>(worlds_.size())};
  std::vector<std::unique_ptr<DrainWatch>> watches;
  for (auto& world : worlds_) {
    auto& watch = *watches.emplace_back(std::make_unique<DrainWatch>(*world, left, signals));
    world->shard.post([&watch] { watch.start(); });
  }
  is_over = is_over && wait_for_end(signals, left, deadline);
  give_up();
  if (!is_over) {
    for (auto& world : worlds_) {
      world->shard.post([&guests = world->runtime, &server = world->server] {
        server.close_all();
        guests.cancel_all("the program is stopping");
      });
    }
    if (!wait_for_end(signals, left, async::Deadline::after(kUnwindTime))) {
      // A guest that cannot be unwound in time (one endless bulk instruction) or an impatient
      // operator. Tearing its stack down from here is not safe, and nothing is lost without it.
      log::warn("whorl::trigger", "stopped with guests still running");
      log::finish_lines();
      std::_Exit(0);
    }
  }
  shards_.stop();
  shards_.join();
  for (auto& world : worlds_) {
    if (world->recorder != nullptr) {
      world->recorder->flush();
    }
  }
}

std::uint64_t Fleet::instances_started() const {
  std::uint64_t instances = 0;
  for (const auto& world : worlds_) {
    instances += world->runtime.instances_started();
  }
  return instances;
}

}  // namespace whorl
