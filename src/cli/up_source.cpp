#include "cli/up_source.hpp"

#include "app/http_trigger.hpp"
#include "cli/report.hpp"
#include "cli/variable_flags.hpp"
#include "loader/loader.hpp"
#include "log/terminal.hpp"

#include <fmt/format.h>

#include <utility>

namespace whorl::cli {
namespace {

Result<SharedApp> load_from(const AppLocation& location) {
  return location.kind == AppLocation::Kind::Manifest ? loader::load_manifest(location.path)
                                                      : loader::load_bare_wasm(location.path);
}

/// `-c` and `-e` applied to what was loaded.
Result<SharedApp> adjust(SharedApp app, const OwnFlags& flags) {
  if (!flags.components.empty()) {
    WHORL_TRY(app, loader::select_components(*app, flags.components));
  }
  if (app->triggers.empty()) {
    return fail(ErrorKind::InvalidInput, "No triggers in app");
  }
  if (flags.environment.empty()) {
    return app;
  }
  app::LockedApp changed = *app;
  for (app::Component& component : changed.components) {
    for (const auto& [name, value] : flags.environment) {
      component.environment[name] = value;
    }
  }
  return std::make_shared<const app::LockedApp>(std::move(changed));
}

/// Every trigger type must have something that executes it.
Result<void> check_executors(const app::LockedApp& app, const AppLocation& location) {
  for (const app::Trigger& trigger : app.triggers) {
    if (trigger.type == "http") {
      continue;
    }
    auto error =
        trigger.type == "redis"
            ? fail(ErrorKind::Unsupported, "the '{}' trigger is not supported yet", trigger.type)
            : fail(
                  ErrorKind::NotFound,
                  "No built-in trigger named '{0}', and no plugin named 'trigger-{0}' was "
                  "found",
                  trigger.type
              );
    return std::move(error).context(
        fmt::format("Couldn't find trigger executor for {}", location.describe())
    );
  }
  return {};
}

}  // namespace

Result<void> check_followed(const app::LockedApp& app, const std::vector<std::string>& followed) {
  std::string unknown;
  for (const std::string& id : followed) {
    if (app.find_component(id) == nullptr) {
      unknown += fmt::format("\n  - {}", id);
    }
  }
  if (unknown.empty()) {
    return {};
  }
  std::string existing;
  for (const app::Component& component : app.components) {
    existing += fmt::format("\n  - {}", component.id);
  }
  return fail(
      ErrorKind::NotFound,
      "The following component(s) specified in --follow do not exist in the application:{}\n"
      "The following components exist:{}",
      unknown,
      existing
  );
}

UpSource::UpSource(AppLocation location, OwnFlags flags)
    : location_(std::move(location)), flags_(std::move(flags)) {}

Result<SharedApp> UpSource::load_app() const {
  WHORL_TRY(SharedApp loaded, load_from(location_));
  WHORL_TRY(SharedApp app, adjust(std::move(loaded), flags_));
  WHORL_CHECKED(check_executors(*app, location_));
  return app;
}

Result<Runnable> UpSource::complete(SharedApp app) const {
  WHORL_TRY(auto given, read_variables(variables_));
  host::variables::Providers providers;
  providers.push_back(std::make_unique<host::variables::StaticProvider>(std::move(given)));
  providers.push_back(std::make_unique<host::variables::EnvironmentProvider>(
      std::string(host::variables::EnvironmentProvider::kDefaultPrefix), ".env"
  ));
  WHORL_TRY(auto variables, host::variables::AppVariables::resolve(*app, providers));
  WHORL_CHECKED(app::check_http_globals(*app));
  return Runnable{.app = std::move(app), .variables = std::move(variables)};
}

Result<Runnable> UpSource::load() {
  WHORL_TRY(SharedApp app, load_app());
  return complete(std::move(app));
}

void UpSource::on_reloaded(const Error* failure) {
  if (failure == nullptr) {
    log::write_all(2, "Reloaded the application.\n");
    return;
  }
  report_failure(*failure);
  log::write_all(2, "The application could not be reloaded; the last version is served.\n");
}

}  // namespace whorl::cli
