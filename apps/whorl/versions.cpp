#include "versions.hpp"

#include "run_options.hpp"

#include "app/startup_output.hpp"
#include "log/log.hpp"
#include "log/terminal.hpp"
#include "trigger/http/http_trigger.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace whorl {
namespace {

constexpr std::string_view kLogTarget = "whorl::trigger";

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

/// Each once, with a line for each.
Result<> precompile_each(
    const app::LockedApp& app, std::vector<std::string> ids, const runtime::PrepareOptions& options
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
        fmt::format("Precompiled {} in {:.1f} s\n", id, std::chrono::duration<double>(took).count())
    );
  }
  return {};
}

Result<Fleet::App> make_app(
    const cli::Runnable& runnable,
    std::vector<app::HttpTrigger> triggers,
    const runtime::Services& services
) {
  WHORL_TRY(auto app, trigger::make_http_app(runnable.app, std::move(triggers), services));
  for (const std::string& problem : app::route_problems(app->routes)) {
    log::error(kLogTarget, "{}", problem);
  }
  return app;
}

}  // namespace

Error trigger_failed(Error error) {
  log::error(kLogTarget, "Trigger executor failed");
  return error;
}

VersionMaker::VersionMaker(
    const cli::UpRequest& request, EngineStart& engine, log::GuestOutput& output
)
    : request_(request), engine_(engine), output_(output) {}

Result<> VersionMaker::precompile() {
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
  WHORL_CHECKED(precompile_each(app, components_of(triggers), options));
  options.commands = {};
  options.entry = runtime::EntryKind::RedisMessage;
  return precompile_each(app, trigger::redis_components(redis), options);
}

Result<Version> VersionMaker::first(const cli::Runnable& runnable) {
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
  return prepare(runnable, *std::move(triggers), *redis, runtime::Waiting::ForUnknown);
}

Result<Version> VersionMaker::next(const cli::Runnable& runnable) {
  WHORL_CHECKED(runnable.variables->check_required());
  WHORL_TRY(auto triggers, app::http_triggers(*runnable.app));
  WHORL_TRY(const auto redis, app::redis_triggers(*runnable.app));
  return prepare(runnable, std::move(triggers), redis, runtime::Waiting::ForAll);
}

Result<Version> VersionMaker::prepare(
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
      .signs_of_life = request_.is_quiet ? runtime::SignsOfLife::None : runtime::SignsOfLife::Given,
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

Result<> VersionMaker::create_platform() {
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

bool VersionMaker::abandon_background() {
  if (background_ == nullptr || !background_->is_busy()) {
    return false;
  }
  (void)background_.release();
  (void)platform_.release();
  return true;
}

}  // namespace whorl
