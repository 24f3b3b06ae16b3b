#include "app_runner.hpp"

#include "capabilities.hpp"
#include "edge.hpp"
#include "engine_start.hpp"
#include "fleet.hpp"
#include "listening.hpp"
#include "observatory.hpp"
#include "run_options.hpp"
#include "signals.hpp"

#include "app/http_trigger.hpp"
#include "app/redis_trigger.hpp"
#include "app/startup_output.hpp"
#include "async/shard.hpp"
#include "engine/late.hpp"
#include "engine/module.hpp"
#include "fs/file.hpp"
#include "log/guest_output.hpp"
#include "log/log.hpp"
#include "log/terminal.hpp"
#include "net/listener.hpp"
#include "runtime/platform.hpp"
#include "runtime/prepare.hpp"
#include "trigger/http/http_trigger.hpp"
#include "trigger/redis/redis_listener.hpp"
#include "trigger/redis/stream_listener.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace whorl {
namespace {

constexpr std::string_view kLogTarget = "whorl::trigger";
/// How often is looked whether a version that was replaced is still in use.
constexpr std::chrono::seconds kRetireInterval{1};
/// How often is looked whether the files of certificates have changed.
constexpr std::chrono::seconds kTlsInterval{5};

/// The components that some trigger runs.
std::vector<std::string> components_of(const std::vector<app::HttpTrigger>& triggers) {
  std::vector<std::string> ids;
  for (const app::HttpTrigger& trigger : triggers) {
    if (!trigger.static_response) {
      ids.push_back(trigger.component);
    }
  }
  return ids;
}

/// Errors of a trigger's own settings come with a log line that says so, as in Spin.
Error trigger_failed(Error error) {
  log::error(kLogTarget, "Trigger executor failed");
  return error;
}

/// Runs an application: its first version and those that replace it.
class Run {
 public:
  Run(const cli::UpRequest& request,
      EngineStart& engine,
      log::GuestOutput& output,
      StopSignals& signals)
      : request_(request), engine_(engine), output_(output), signals_(signals) {}

  /// What is compiled when the program is to stop can't be cancelled, and nothing waits for it:
  /// it goes on, with all that it uses, until the process ends.
  /// @return whether there is such a thing; the process must end without taking anything else apart
  [[nodiscard]] bool abandon_background() {
    if (background_ == nullptr || !background_->is_busy()) {
      return false;
    }
    (void)background_.release();
    (void)platform_.release();
    return true;
  }

  /// Fills the code cache.
  Result<> precompile() {
    if (request_.code_cache == cli::CodeCache::Disabled) {
      return fail(
                 ErrorKind::InvalidInput,
                 "there is nowhere to put compiled code: its cache is disabled"
      )
          .with_help("see `enabled` in the file that --cache names");
    }
    const app::LockedApp& app = *request_.runnable.app;
    WHORL_TRY(const auto triggers, app::http_triggers(app));
    WHORL_TRY(const auto redis, app::redis_triggers(app));
    WHORL_TRY(const auto cache, open_cache_folder(request_));
    WHORL_CHECKED(capabilities_.fill(request_));
    WHORL_CHECKED(create_platform());
    const auto commands = trigger::wagi_components(triggers);
    runtime::PrepareOptions options;
    options.platform = platform_.get();
    options.cache = &cache;
    options.commands = commands;
    options.load = load_options();
    WHORL_CHECKED(precompile(app, components_of(triggers), options));
    options.commands = {};
    options.entry = runtime::EntryKind::RedisMessage;
    return precompile(app, trigger::redis_components(redis), options);
  }

  /// Serves until the program is to stop.
  Result<> serve() {
    cli::Runnable runnable = request_.runnable;
    while (true) {
      auto served = serve_one(std::move(runnable));
      if (served || !request_.source->keeps_going()) {
        return served;
      }
      request_.source->on_reloaded(&served.error());
      runnable = {};
    }
  }

 private:
  /// Each once, with a line for each.
  static Result<> precompile(
      const app::LockedApp& app,
      std::vector<std::string> ids,
      const runtime::PrepareOptions& options
  ) {
    std::ranges::sort(ids);
    const auto repeated = std::ranges::unique(ids);
    ids.erase(repeated.begin(), repeated.end());
    for (const std::string& id : ids) {
      const app::Component* component = app.find_component(id);
      if (component == nullptr) {
        return fail(ErrorKind::NotFound, "no such component \"{}\"", id);
      }
      WHORL_TRY(const auto took, runtime::precompile(*component, options));
      log::write_all(
          1,
          fmt::format(
              "Precompiled {} in {:.1f} s\n", id, std::chrono::duration<double>(took).count()
          )
      );
    }
    return {};
  }

  using Triggers = std::vector<app::HttpTrigger>;
  using RedisTriggers = std::vector<app::RedisTrigger>;

  /// Everything that is served of an application.
  struct Version {
    Fleet::App http;
    trigger::RedisApp redis;
  };

  /// Serves what is given, or what the source has as soon as it has something.
  Result<> serve_one(cli::Runnable runnable) {
    if (runnable.app == nullptr) {
      if (!wait_for_source()) {
        return {};
      }
      WHORL_TRY(runnable, request_.source->load());
    }
    WHORL_TRY(auto first, first_version(runnable));
    auto served = serve_from(std::move(first));
    return served ? Result<>() : trigger_failed(served.take_error());
  }

  /// @return false when the program is to stop
  bool wait_for_source() {
    while (true) {
      switch (signals_.wait(async::Deadline::never(), request_.source->event_fd())) {
        case StopSignals::Cause::Stop:
          return false;
        case StopSignals::Cause::Reload:
          return true;
        case StopSignals::Cause::Readable:
          if (request_.source->is_due()) {
            return true;
          }
          break;
        default:
          break;
      }
    }
  }

  /// What is served first, with the start-up lines on the way.
  Result<Version> first_version(const cli::Runnable& runnable) {
    auto triggers = app::http_triggers(*runnable.app);
    auto redis = app::redis_triggers(*runnable.app);
    if (triggers) {
      const auto colour = log::wants_colour(2) ? app::Colour::Ansi : app::Colour::Never;
      log::write_all(2, app::wagi_warnings(*triggers, colour));
    }
    log::write_all(2, runtime_config_lines(request_));
    if (request_.log_dir) {
      log::write_all(2, app::logging_line(*request_.log_dir));
    }
    log::write_all(2, Capabilities::storing_lines(request_, *runnable.app));
    WHORL_CHECKED(runnable.variables->check_required());
    if (!triggers) {
      return trigger_failed(triggers.take_error());
    }
    if (!redis) {
      return trigger_failed(redis.take_error());
    }
    if (platform_ == nullptr) {
      WHORL_CHECKED(capabilities_.fill(request_));
    }
    WHORL_CHECKED(create_platform());
    if (observatory_ == nullptr) {
      WHORL_TRY(observatory_, Observatory::create(request_.telemetry, runnable.app->name));
      if (request_.telemetry.has_guest_otel) {
        observatory_->announce_in(capabilities_.otel().recorders());
      }
      log::write_all(2, observatory_->startup_lines());
    }
    background_ = std::make_unique<runtime::BackgroundPreparer>();
    return prepare_version(runnable, *std::move(triggers), *redis, runtime::Waiting::ForUnknown);
  }

  Result<Version> prepare_version(
      const cli::Runnable& runnable,
      Triggers triggers,
      const RedisTriggers& redis,
      runtime::Waiting waiting
  ) {
    WHORL_TRY(const auto granted, capabilities_.configure(request_, runnable));
    const auto cache = open_cache(request_);
    const auto commands = trigger::wagi_components(triggers);
    const std::uint32_t default_instances =
        default_instances_of(runnable.app->components.size(), platform_->instances().limit());
    runtime::PrepareOptions options{
        .platform = platform_.get(),
        .cache = cache ? &*cache : nullptr,
        .output = &output_,
        .exported_output = observatory_ != nullptr ? observatory_->guest_log() : nullptr,
        .capabilities = granted.all(),
        .commands = commands,
        .variables = runnable.variables.get(),
        .limits = limits_of(request_.budgets, default_instances),
        .load = load_options(),
        .copies = runnable.copies,
        .background = background_.get(),
        .waiting = waiting,
        .signs_of_life =
            request_.is_quiet ? runtime::SignsOfLife::None : runtime::SignsOfLife::Given,
    };
    const app::LockedApp& app = *runnable.app;
    for (const auto& [id, budgets] : request_.component_budgets) {
      if (app.find_component(id) == nullptr) {
        log::warn(kLogTarget, "[component_limits.{}]: there is no such component", id);
      }
      options.limits_of.emplace(id, limits_of(budgets, default_instances));
    }
    WHORL_TRY(
        const auto services, runtime::prepare_http_services(app, components_of(triggers), options)
    );
    options.commands = {};
    options.entry = runtime::EntryKind::RedisMessage;
    WHORL_TRY(
        const auto listeners,
        runtime::prepare_http_services(app, trigger::redis_components(redis), options)
    );
    auto made = make_app(runnable, std::move(triggers), services);
    if (!made) {
      return trigger_failed(made.take_error());
    }
    auto channels = trigger::make_redis_app(redis, runnable.variables.get(), listeners);
    if (!channels) {
      return trigger_failed(channels.take_error());
    }
    return Version{*std::move(made), *std::move(channels)};
  }

  /// Once: there is one engine with pooled instances in a process.
  Result<> create_platform() {
    if (platform_ != nullptr) {
      return {};
    }
    if (request_.telemetry.has_guest_otel) {
      capabilities_.otel().enable();
    }
    WHORL_TRY(auto engine, engine_.take(request_));
    platform_ = std::make_unique<runtime::Platform>(std::move(engine), capabilities_.all());
    http::ClientOptions outgoing = client_options(request_);
    const auto& total = capabilities_.total_limit(request_);
    outgoing.limits.insert(outgoing.limits.end(), total.begin(), total.end());
    platform_->set_outgoing(std::move(outgoing));
    platform_->set_socket_limits(capabilities_.socket_limits(request_));
    if (!platform_->engine()->allocation_note().empty()) {
      log::warn(kLogTarget, "{}", platform_->engine()->allocation_note());
    }
    return {};
  }

  static Result<Fleet::App> make_app(
      const cli::Runnable& runnable, Triggers triggers, const runtime::Services& services
  ) {
    WHORL_TRY(auto app, trigger::make_http_app(runnable.app, std::move(triggers), services));
    for (const std::string& problem : app::route_problems(app->routes)) {
      log::error(kLogTarget, "{}", problem);
    }
    return app;
  }

  Result<> serve_from(Version first) {
    const unsigned shards =
        request_.threads == 0 ? async::ShardSet::default_count() : request_.threads;
    WHORL_TRY(const Edge edge, make_edge(request_, shards));
    WHORL_CHECKED(background_->start());
    Fleet fleet(shards, *platform_, *observatory_, edge, first.http);
    // Nobody is invited before there is something to serve with.
    WHORL_CHECKED(engine::wait_until_made(*platform_->engine()));
    if (!first.http->triggers.empty() || first.redis.is_empty()) {
      WHORL_TRY(auto opened, Listening::open(request_, fleet.size()));
      listening_.emplace(std::move(opened));
      WHORL_TRY(auto listeners, listening_->take());
      print_startup(request_.format, *first.http, edge.scheme(), listeners);
      for (net::Listeners& one : listeners) {
        WHORL_CHECKED(fleet.listen(std::move(one)));
      }
    }
    WHORL_CHECKED(observatory_->start());
    WHORL_CHECKED(fleet.start());
    WHORL_CHECKED(background_->start([this, &fleet](const auto& slot, const auto& old) {
      fleet.forget_replaced(slot, old);
      signals_.notify();  // release_replaced()
    }));
    WHORL_CHECKED(subscribe(fleet, std::move(first.redis)));
    if (listening_) {
      WHORL_CHECKED(listening_->serving());
    }
    follow_source(fleet);
    auto haste = Listening::Haste::None;
    if (listening_) {
      haste = listening_->last_call(signals_);
      listening_->release();
    }
    fleet.stop(
        signals_,
        subscriptions_,
        haste == Listening::Haste::None ? edge.drain_time : async::Milliseconds(0),
        // With a successor nobody waits for our end.
        listening_ && listening_->has_successor() ? http::Patience::Full : http::Patience::Brief,
        // Until then requests that came too early for their component may wait for it.
        [this] { background_->stop(); }
    );
    subscriptions_.clear();
    replaced_subscriptions_.clear();
    listening_.reset();
    observatory_->stop();
    log::info(
        kLogTarget, "stopped after {} requests in instances of their own", fleet.instances_started()
    );
    return {};
  }

  /// Sleeps until the program is to stop, replacing the application when that is due.
  void follow_source(Fleet& fleet) {
    while (true) {
      const bool has_old = fleet.has_retired() || background_->has_replaced();
      const auto deadline = has_old                 ? async::Deadline::after(kRetireInterval)
                            : tls_files_.is_empty() ? async::Deadline::never()
                                                    : async::Deadline::after(kTlsInterval);
      const int handover = listening_ ? listening_->handover_fd() : -1;
      switch (signals_.wait(deadline, request_.source->event_fd(), handover)) {
        case StopSignals::Cause::Stop:
          return;
        case StopSignals::Cause::Handover:
          if (listening_->on_handover()) {
            return;
          }
          break;
        case StopSignals::Cause::Reload:
          reload(fleet);
          break;
        case StopSignals::Cause::Readable:
          if (request_.source->is_due()) {
            reload(fleet);
          }
          break;
        default:
          if (fleet.take_replaced()) {
            request_.source->on_reloaded(nullptr);
          }
          fleet.release_retired();
          background_->release_replaced();
          release_drained();
          if (tls_files_.have_changed()) {
            reload_tls(fleet);
          }
      }
    }
  }

  /// Listens to what a version listens to, and no more to what the last one did.
  Result<> subscribe(Fleet& fleet, trigger::RedisApp redis) {
    for (auto& each : std::exchange(subscriptions_, {})) {
      each->drain([this] { signals_.notify(); });  // release_drained()
      replaced_subscriptions_.push_back(std::move(each));
    }
    for (const auto& slot : std::exchange(subscribed_, redis.services())) {
      if (const auto service = slot->hold()) {
        fleet.forget(service);
      }
    }
    if (request_.format == cli::StartupFormat::Plain) {
      log::write_all(1, trigger::active_channels(redis));
    }
    auto& network = capabilities_.operator_network(request_);
    for (trigger::RedisSource& source : redis.sources) {
      subscriptions_.push_back(
          std::make_unique<trigger::RedisListener>(network, std::move(source), fleet)
      );
    }
    for (trigger::RedisStreamSource& source : redis.streams) {
      subscriptions_.push_back(
          std::make_unique<trigger::StreamListener>(network, std::move(source), fleet)
      );
    }
    for (const auto& each : subscriptions_) {
      WHORL_CHECKED(each->start());
    }
    return {};
  }

  /// Lets go of what the last version listened to, once all it took was handled.
  void release_drained() {
    std::erase_if(replaced_subscriptions_, [](const auto& each) { return each->is_idle(); });
  }

  /// Connections made from now on see the certificates as they are in the files.
  void reload_tls(Fleet& fleet) {
    auto tls = tls_files_.read();
    if (!tls) {
      log::error(kLogTarget, "the certificates stay as they were: {}", tls.error().to_line());
    } else if (*tls != nullptr) {
      fleet.set_tls(*tls);
      log::info(kLogTarget, "read the certificates anew");
    }
  }

  void reload(Fleet& fleet) {
    reload_tls(fleet);
    auto next = next_version();
    if (!next) {
      request_.source->on_reloaded(&next.error());
      return;
    }
    fleet.replace(std::move(next->http), signals_);
    if (auto subscribed = subscribe(fleet, std::move(next->redis)); !subscribed) {
      log::error(kLogTarget, "{}", subscribed.error().to_line());
    }
  }

  Result<Version> next_version() {
    WHORL_TRY(const cli::Runnable runnable, request_.source->load());
    WHORL_CHECKED(runnable.variables->check_required());
    WHORL_TRY(auto triggers, app::http_triggers(*runnable.app));
    WHORL_TRY(const auto redis, app::redis_triggers(*runnable.app));
    return prepare_version(runnable, std::move(triggers), redis, runtime::Waiting::ForAll);
  }

  const cli::UpRequest& request_;
  EngineStart& engine_;
  log::GuestOutput& output_;
  StopSignals& signals_;
  TlsFiles tls_files_{request_.edge};
  std::optional<Listening> listening_;  ///< while serving, unless there is nothing to listen on
  Capabilities capabilities_;
  std::unique_ptr<runtime::Platform> platform_;
  std::unique_ptr<Observatory> observatory_;
  std::unique_ptr<runtime::BackgroundPreparer> background_;
  Fleet::Subscriptions subscriptions_;
  Fleet::Subscriptions replaced_subscriptions_;                    ///< until they have drained
  std::vector<std::shared_ptr<runtime::ServiceSlot>> subscribed_;  ///< what they run
};

}  // namespace

void WhorlRunner::expect(const cli::UpRequest& request) {
  engine_.begin(request);
}

Result<int> WhorlRunner::run(const cli::UpRequest& request) {
  WHORL_TRY(auto signals, StopSignals::install());
  WHORL_TRY(auto output, log::GuestOutput::open(output_options(request)));
  Run run(request, engine_, output, signals);
  auto served = request.purpose == cli::Purpose::Precompile ? run.precompile() : run.serve();
  if (!served) {
    return served.take_error();
  }
  has_abandoned_work_ = run.abandon_background();
  return 0;
}

Result<component::Inspection> WhorlRunner::inspect(ByteView bytes) {
  Capabilities capabilities;
  capabilities.otel().enable();
  engine::EngineOptions options;
  options.allocation = engine::InstanceAllocation::OnDemand;
  WHORL_TRY(const auto platform, runtime::Platform::create(options, capabilities.all()));
  return component::inspect_binary(platform->registry(), bytes);
}

}  // namespace whorl
