#include "app_runner.hpp"

#include "capabilities.hpp"
#include "signals.hpp"

#include "app/http_trigger.hpp"
#include "app/startup_output.hpp"
#include "async/shard.hpp"
#include "engine/module.hpp"
#include "http/server.hpp"
#include "log/guest_output.hpp"
#include "log/log.hpp"
#include "log/terminal.hpp"
#include "net/listener.hpp"
#include "runtime/platform.hpp"
#include "runtime/prepare.hpp"
#include "runtime/shard_runtime.hpp"
#include "trigger/http/http_trigger.hpp"

#include <atomic>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace whorl {
namespace {

constexpr std::string_view kLogTarget = "whorl::trigger";
/// From the signal to the end: requests in flight are waited for, then cut.
constexpr std::chrono::milliseconds kDrainTime{4000};
/// What guests whose requests were cut have for unwinding.
constexpr std::chrono::milliseconds kUnwindTime{500};

/// Everything that lives on one shard.
struct ShardWorld {
  ShardWorld(
      async::Shard& its_shard,
      runtime::Platform& platform,
      std::shared_ptr<const trigger::HttpApp> app
  )
      : shard(its_shard),
        runtime(its_shard, platform),
        trigger(std::move(app), runtime),
        server(its_shard, trigger) {}

  async::Shard& shard;
  runtime::ShardRuntime runtime;
  trigger::HttpTrigger trigger;
  http::Server server;
};

/// Tells the main thread when nothing is left to do: no connection, no guest, on any shard.
class DrainWatch {
 public:
  /// @param left  shards that are not done; the last one notifies `signals`
  DrainWatch(ShardWorld& world, std::atomic<unsigned>& left, StopSignals& signals) noexcept
      : world_(world), left_(left), signals_(signals), connections_(*this), guests_(*this) {}

  /// On the shard, once.
  void start(async::Deadline deadline) {
    world_.server.drain(deadline);
    check();
  }

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

  ShardWorld& world_;
  std::atomic<unsigned>& left_;
  StopSignals& signals_;
  Listener connections_;
  Listener guests_;
  bool done_ = false;
};

engine::EngineOptions engine_options(const cli::UpRequest& request) {
  engine::EngineOptions options;
  options.allocation = request.allocation == cli::Allocation::Pooling
                           ? engine::InstanceAllocation::Pooling
                           : engine::InstanceAllocation::OnDemand;
  options.debug_info = request.debug_info == cli::DebugInfo::On;
  return options;
}

runtime::Limits limits_of(const cli::RequestBudgets& budgets) {
  runtime::Limits limits;
  limits.cpu = budgets.cpu;
  limits.response_delay = budgets.response_delay;
  if (budgets.instance_memory) {
    limits.memory_bytes = *budgets.instance_memory;
  }
  return limits;
}

log::GuestOutputOptions output_options(const cli::UpRequest& request) {
  return log::GuestOutputOptions{
      .directory = request.log_dir,
      .truncate = request.log_files == cli::LogFiles::Truncate,
      .quiet = request.is_quiet,
      .follow = request.follow,
  };
}

/// The code cache, or nothing with a warning: a folder that cannot be used costs compiling.
std::optional<engine::ModuleCache> open_cache(const cli::UpRequest& request) {
  if (request.code_cache == cli::CodeCache::Disabled) {
    return std::nullopt;
  }
  auto cache = engine::ModuleCache::open(engine::ModuleCache::default_directory());
  if (!cache) {
    log::warn(kLogTarget, "compiled code is not kept: {}", cache.error().to_line());
    return std::nullopt;
  }
  return *std::move(cache);
}

Result<net::Listeners> bind(const cli::UpRequest& request, unsigned count) {
  WHORL_TRY(
      const auto address, net::SocketAddress::from_ip(request.listen.ip, request.listen.port)
  );
  return request.port_search == cli::PortSearch::FindFree ? net::listen_on_free_port(address, count)
                                                          : net::listen_on(address, count);
}

void print_startup(
    const cli::UpRequest& request, const trigger::HttpApp& http_app, const net::Listeners& listeners
) {
  const std::string base_url = "http://" + listeners.address.to_string();
  const auto routes = app::list_routes(*request.runnable.app, http_app.triggers, http_app.routes);
  const auto colour = log::wants_colour(1) ? app::Colour::Ansi : app::Colour::Never;
  log::write_all(
      1,
      request.format == cli::StartupFormat::Json ? app::startup_json(base_url, routes)
                                                 : app::startup_plain(base_url, routes, colour)
  );
}

Result<runtime::Services> prepare(
    const cli::UpRequest& request,
    const std::vector<app::HttpTrigger>& triggers,
    const runtime::Platform& platform,
    const AppCapabilities& capabilities,
    log::GuestOutput& output
) {
  std::vector<std::string> ids;
  for (const app::HttpTrigger& trigger : triggers) {
    if (trigger.wagi) {
      return fail(
                 ErrorKind::Unsupported,
                 "the WAGI executor is known from Spin but not supported yet"
      )
          .context(fmt::format("trigger \"{}\"", trigger.id));
    }
    if (!trigger.static_response) {
      ids.push_back(trigger.component);
    }
  }
  const auto cache = open_cache(request);
  return runtime::prepare_http_services(
      *request.runnable.app,
      ids,
      runtime::PrepareOptions{
          .platform = &platform,
          .cache = cache ? &*cache : nullptr,
          .output = &output,
          .capabilities = capabilities.all(),
          .limits = limits_of(request.budgets),
      }
  );
}

/// Lets requests in flight end, then ends the guests that are left, then the shards.
void stop(
    async::ShardSet& shards, std::vector<std::unique_ptr<ShardWorld>>& worlds, StopSignals& signals
) {
  std::atomic<unsigned> left{static_cast<unsigned>(worlds.size())};
  std::vector<std::unique_ptr<DrainWatch>> watches;
  const auto deadline = async::Deadline::after(kDrainTime);
  for (auto& world : worlds) {
    auto& watch = *watches.emplace_back(std::make_unique<DrainWatch>(*world, left, signals));
    world->shard.post([&watch, deadline] { watch.start(deadline); });
  }
  // A second signal means: now.
  if (signals.wait(kDrainTime) != StopSignals::Cause::Notified) {
    for (auto& world : worlds) {
      world->shard.post([&guests = world->runtime, &server = world->server] {
        server.close_all();
        guests.cancel_all("the program is stopping");
      });
    }
    if (signals.wait(kUnwindTime) != StopSignals::Cause::Notified) {
      // A guest that cannot be unwound in time (one endless bulk instruction) or an impatient
      // operator. Tearing its stack down from here is not safe, and nothing is lost without it.
      log::warn(kLogTarget, "stopped with guests still running");
      std::_Exit(0);
    }
  }
  shards.stop();
  shards.join();
  std::uint64_t instances = 0;
  for (const auto& world : worlds) {
    instances += world->runtime.instances_started();
  }
  log::info(kLogTarget, "stopped after {} requests in instances of their own", instances);
}

Result<> serve(
    const cli::UpRequest& request,
    std::vector<app::HttpTrigger> triggers,
    runtime::Platform& platform,
    const runtime::Services& services,
    StopSignals& signals
) {
  WHORL_TRY(
      const auto http_app,
      trigger::make_http_app(request.runnable.app, std::move(triggers), services)
  );
  for (const std::string& problem : app::route_problems(http_app->routes)) {
    log::error(kLogTarget, "{}", problem);
  }
  async::ShardSet shards(request.threads == 0 ? async::ShardSet::default_count() : request.threads);
  WHORL_TRY(auto listeners, bind(request, shards.size()));
  std::vector<std::unique_ptr<ShardWorld>> worlds;
  for (unsigned i = 0; i < shards.size(); ++i) {
    worlds.push_back(std::make_unique<ShardWorld>(shards[i], platform, http_app));
    worlds.back()->server.listen(std::move(listeners.sockets[i]));
  }
  print_startup(request, *http_app, listeners);
  WHORL_CHECKED(shards.start());
  static_cast<void>(signals.wait());
  stop(shards, worlds, signals);
  return {};
}

/// Errors of a trigger's own settings come with a log line that says so, as in Spin.
Error trigger_failed(Error error) {
  log::error(kLogTarget, "Trigger executor failed");
  return error;
}

Result<> run_triggers(
    const cli::UpRequest& request, log::GuestOutput& output, StopSignals& signals
) {
  auto triggers = app::http_triggers(*request.runnable.app);
  if (triggers) {
    const auto colour = log::wants_colour(2) ? app::Colour::Ansi : app::Colour::Never;
    log::write_all(2, app::wagi_warnings(*triggers, colour));
  }
  if (request.log_dir) {
    log::write_all(2, app::logging_line(*request.log_dir));
  }
  WHORL_CHECKED(request.runnable.variables->check_required());
  if (!triggers) {
    return trigger_failed(triggers.take_error());
  }
  Capabilities capabilities;
  WHORL_TRY(
      const auto platform, runtime::Platform::create(engine_options(request), capabilities.all())
  );
  if (!platform->engine()->allocation_note().empty()) {
    log::warn(kLogTarget, "{}", platform->engine()->allocation_note());
  }
  WHORL_TRY(const auto granted, capabilities.configure(request, request.runnable));
  WHORL_TRY(const auto services, prepare(request, *triggers, *platform, granted, output));
  auto served = serve(request, *std::move(triggers), *platform, services, signals);
  return served ? Result<>() : trigger_failed(served.take_error());
}

}  // namespace

Result<int> WhorlRunner::run(const cli::UpRequest& request) {
  WHORL_TRY(auto signals, StopSignals::install());
  WHORL_TRY(auto output, log::GuestOutput::open(output_options(request)));
  auto served = run_triggers(request, output, signals);
  if (!served) {
    return served.take_error();
  }
  return 0;
}

}  // namespace whorl
