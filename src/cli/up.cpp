#include "cli/up.hpp"

#include "app/http_trigger.hpp"
#include "cli/help.hpp"
#include "cli/locate.hpp"
#include "cli/report.hpp"
#include "cli/up_flags.hpp"
#include "cli/variable_flags.hpp"
#include "loader/loader.hpp"
#include "log/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace whorl::cli {
namespace {

constexpr int kStdout = 1;
constexpr int kStderr = 2;

Colour stderr_colour() {
  return log::wants_colour(kStderr) ? Colour::Ansi : Colour::Never;
}

int report(const Error& error) {
  log::write_all(kStderr, format_error(error, stderr_colour()));
  return kExitFailure;
}

int report_usage(const UsageError& error) {
  log::write_all(kStderr, format_usage_error(error, stderr_colour()));
  return kExitUsage;
}

int report_up_usage(const UsageError& error) {
  log::write_all(kStderr, format_up_usage_error(error, stderr_colour()));
  return kExitFailure;
}

using SharedApp = std::shared_ptr<const app::LockedApp>;

Result<SharedApp> load(const AppLocation& location) {
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

/// Finds the application once and loads it as often as it is asked for.
class UpSource final : public AppSource {
 public:
  UpSource(AppLocation location, OwnFlags flags)
      : location_(std::move(location)), flags_(std::move(flags)) {}

  /// What `up`'s own flags ask for.
  [[nodiscard]] Result<SharedApp> load_app() const {
    WHORL_TRY(SharedApp loaded, ::whorl::cli::load(location_));
    WHORL_TRY(SharedApp app, adjust(std::move(loaded), flags_));
    WHORL_CHECKED(check_executors(*app, location_));
    return app;
  }

  /// What the trigger's flags add.
  [[nodiscard]] Result<Runnable> complete(SharedApp app) const {
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

  void set_variables(std::vector<std::string> variables) { variables_ = std::move(variables); }

  [[nodiscard]] Result<Runnable> load() override {
    WHORL_TRY(SharedApp app, load_app());
    return complete(std::move(app));
  }

  void on_reloaded(const Error* failure) override {
    if (failure == nullptr) {
      log::write_all(kStderr, "Reloaded the application.\n");
      return;
    }
    log::write_all(kStderr, format_error(*failure, stderr_colour()));
    log::write_all(kStderr, "The application could not be reloaded; the last version is served.\n");
  }

 private:
  AppLocation location_;
  OwnFlags flags_;
  std::vector<std::string> variables_;
};

Result<UpSource> find_source(OwnFlags flags, const std::optional<std::string>& stray) {
  std::string note;
  auto location = locate_app(flags, stray, note);
  log::write_all(kStderr, note);
  if (!location) {
    return location.take_error();
  }
  return UpSource(*std::move(location), std::move(flags));
}

Result<int> start(UpSource& source, SharedApp app, TriggerFlags flags, AppRunner& runner) {
  source.set_variables(std::move(flags.variables));
  UpRequest& request = flags.request;
  WHORL_TRY(request.runnable, source.complete(std::move(app)));
  WHORL_CHECKED(check_followed(*request.runnable.app, request.follow));
  apply_default_folders(flags, *request.runnable.app);
  request.source = &source;
  return runner.run(request);
}

}  // namespace

// The order of the steps is Spin's, so that of several mistakes the same one is reported.
int run_up(std::span<const std::string_view> arguments, AppRunner& runner) {
  const ScannedArguments scanned = scan_arguments(arguments, up_flags());
  if (scanned.up_error) {
    return report_up_usage(*scanned.up_error);
  }
  if (scanned.has("help")) {
    log::write_all(kStdout, up_help(kUpAbout, log::terminal_width(kStdout)));
    return 0;
  }
  if (const auto refused = refused_flag(scanned, FlagSpec::Owner::Up)) {
    return report_usage(*refused);
  }
  const auto own = read_own_flags(scanned);
  if (const auto* wrong = std::get_if<UsageError>(&own)) {
    return report_up_usage(*wrong);
  }
  auto source = find_source(std::get<OwnFlags>(own), scanned.stray);
  if (!source) {
    return report(source.error());
  }
  auto app = source->load_app();
  if (!app) {
    return report(app.error());
  }
  if (scanned.trigger_error) {
    return report_usage(*scanned.trigger_error);
  }
  if (const auto refused = refused_flag(scanned, FlagSpec::Owner::Trigger)) {
    return report_usage(*refused);
  }
  auto flags = read_trigger_flags(scanned);
  if (const auto* wrong = std::get_if<UsageError>(&flags)) {
    return report_usage(*wrong);
  }
  auto code = start(*source, *std::move(app), std::get<TriggerFlags>(std::move(flags)), runner);
  return code ? *code : report(code.error());
}

}  // namespace whorl::cli
