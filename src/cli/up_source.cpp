#include "cli/up_source.hpp"

#include "app/http_trigger.hpp"
#include "build/build_info.hpp"
#include "build/stale.hpp"
#include "cli/build_command.hpp"
#include "cli/report.hpp"
#include "cli/variable_flags.hpp"
#include "fs/file.hpp"
#include "loader/deferred_copies.hpp"
#include "loader/loader.hpp"
#include "log/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace whorl::cli {
namespace {

void warn_of_profile(const std::string& profile) {
  log::write_all(
      2,
      fmt::format(
          "Warning: You built a different profile more recently than the one you are running. If "
          "the app appears to be behaving like an older version then run `spin up --build{}{}`.\n",
          profile.empty() ? "" : " --profile ",
          profile
      )
  );
}

/// The wasm files of a profile are not those of the manifest's main part, so this is only asked
/// where no profile is in play.
void warn_of_stale(const build::BuildInfo& info) {
  for (const std::string& id : build::stale_components(info)) {
    log::write_all(
        2,
        fmt::format(
            "Warning: the sources of component '{}' have changed since it was built. To build it "
            "first, run `whorl up --build`.\n",
            id
        )
    );
  }
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

}  // namespace

std::string download_folder(const std::string& given) {
  if (!given.empty()) {
    return fs::join(given, "registry");
  }
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  if (cache != nullptr && *cache != '\0') {
    return fs::join(cache, "spin/registry");
  }
  return home == nullptr ? std::string() : fs::join(home, ".cache/spin/registry");
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

UpSource::UpSource(AppLocation location, OwnFlags flags, WorkFolder folder)
    : location_(std::move(location)), flags_(std::move(flags)), folder_(std::move(folder)) {}

Result<UpSource> UpSource::open(AppLocation location, OwnFlags flags) {
  WHORL_TRY(WorkFolder folder, WorkFolder::open(flags.temp));
  return UpSource(std::move(location), std::move(flags), std::move(folder));
}

Result<void> UpSource::build_or_warn() const {
  if (location_.kind != AppLocation::Kind::Manifest) {
    return {};
  }
  // What else is wrong with the manifest is said when it is loaded.
  const auto info = build::read_build_info(location_.path, {});
  if (info && !flags_.profile.empty() && !info->profiles.contains(flags_.profile)) {
    return fail(
        ErrorKind::NotFound, "Profile {} is not defined in this application", flags_.profile
    );
  }
  if (flags_.build) {
    return build_app({.manifest_path = location_.path, .profile = flags_.profile});
  }
  if (build::read_last_profile(std::string(fs::parent(location_.path))) != flags_.profile) {
    warn_of_profile(flags_.profile);
  } else if (info && flags_.profile.empty()) {
    warn_of_stale(*info);
  }
  return {};
}

Result<SharedApp> UpSource::load_manifest() {
  std::vector<std::string> warnings;
  WorkFolder::Assets assets = folder_.next_assets();
  copies_ = std::make_shared<loader::DeferredCopies>(assets.guard);
  loader::HttpFetcher fetcher;
  const loader::LoadOptions options{
      .profile = flags_.profile,
      .files = flags_.direct_mounts ? loader::FileMounts::Direct : loader::FileMounts::Copy,
      .access =
          flags_.transient_write ? loader::MountAccess::ReadWrite : loader::MountAccess::ReadOnly,
      .assets_dir = std::move(assets.path),
      .deferred = copies_.get(),
      .cache_dir = download_folder(flags_.cache_dir),
      .fetcher = &fetcher,
      .warnings = &warnings,
  };
  auto app = loader::load_manifest(location_.path, options);
  for (const std::string& warning : warnings) {
    log::write_all(2, fmt::format("Warning: {}\n", warning));
  }
  if (!app || assets.guard == nullptr) {
    return app;
  }
  // The copies stay as long as the application they belong to.
  struct WithFiles {
    std::shared_ptr<FolderGuard> guard;
    SharedApp app;
  };
  auto kept =
      std::make_shared<const WithFiles>(WithFiles{std::move(assets.guard), *std::move(app)});
  const app::LockedApp* pointer = kept->app.get();
  return SharedApp(std::move(kept), pointer);
}

Result<SharedApp> UpSource::load_app() {
  WHORL_TRY(
      const SharedApp loaded,
      location_.kind == AppLocation::Kind::Manifest ? load_manifest()
                                                    : loader::load_bare_wasm(location_.path)
  );
  WHORL_TRY(SharedApp app, adjust(loaded, flags_));
  if (app == loaded) {
    return app;
  }
  // What was changed is a copy; the files belong to the original.
  struct Copy {
    SharedApp original;
    SharedApp app;
  };
  auto kept = std::make_shared<const Copy>(Copy{loaded, std::move(app)});
  const app::LockedApp* pointer = kept->app.get();
  return SharedApp(std::move(kept), pointer);
}

Result<Runnable> make_runnable(
    SharedApp app,
    const std::vector<std::string>& given,
    const std::vector<VariablesProviderConfig>& configured,
    std::shared_ptr<loader::DeferredCopies> copies
) {
  WHORL_TRY(auto values, read_variables(given));
  host::variables::Providers providers;
  providers.push_back(std::make_unique<host::variables::StaticProvider>(std::move(values)));
  for (const VariablesProviderConfig& config : configured) {
    if (config.kind == VariablesProviderConfig::Kind::Static) {
      providers.push_back(std::make_unique<host::variables::StaticProvider>(config.values));
    } else if (config.kind == VariablesProviderConfig::Kind::Vault) {
      providers.push_back(std::make_unique<host::variables::VaultProvider>(config.vault));
    } else if (config.kind == VariablesProviderConfig::Kind::AzureKeyVault) {
      providers.push_back(std::make_unique<host::variables::AzureKeyVaultProvider>(config.azure));
    } else {
      providers.push_back(
          std::make_unique<host::variables::EnvironmentProvider>(config.prefix, config.dotenv_path)
      );
    }
  }
  providers.push_back(std::make_unique<host::variables::EnvironmentProvider>(
      std::string(host::variables::EnvironmentProvider::kDefaultPrefix), ".env"
  ));
  WHORL_TRY(auto variables, host::variables::AppVariables::resolve(*app, providers));
  WHORL_CHECKED(app::check_http_globals(*app));
  return Runnable{
      .app = std::move(app), .variables = std::move(variables), .copies = std::move(copies)
  };
}

Result<Runnable> UpSource::complete(SharedApp app) const {
  return make_runnable(std::move(app), variables_, providers_, copies_);
}

Result<std::vector<TriggerExecutor>> UpSource::executors(const app::LockedApp& app) const {
  return find_executors(app).context("Couldn't find trigger executor for {}", location_.describe());
}

Result<TriggerVersion> UpSource::version_of(SharedApp app) const {
  WHORL_TRY(auto found, executors(*app));
  if (copies_ != nullptr) {
    WHORL_CHECKED(copies_->make_all());
  }
  return TriggerVersion{.app = std::move(app), .executors = std::move(found)};
}

Result<TriggerVersion> UpSource::load_version() {
  WHORL_TRY(SharedApp app, load_app());
  return version_of(std::move(app));
}

Result<int> UpSource::run_elsewhere(
    SharedApp first, std::vector<std::string> arguments, AppSource& events
) {
  TriggerTask task{
      .folder = folder_.path(),
      .arguments = std::move(arguments),
      .events = &events,
      .load = [this] { return load_version(); },
      .first = std::nullopt,
  };
  if (first != nullptr) {
    WHORL_TRY(task.first, version_of(std::move(first)));
  }
  return run_trigger_processes(std::move(task));
}

Result<Runnable> UpSource::load() {
  WHORL_TRY(SharedApp app, load_app());
  WHORL_TRY(const auto found, executors(*app));
  if (has_foreign(found)) {
    return fail(
               ErrorKind::Unsupported,
               "an application without plugins' triggers can't be replaced by one that has some"
    )
        .with_help("stop the program and start it again");
  }
  return complete(std::move(app));
}

bool has_foreign(const std::vector<TriggerExecutor>& executors) {
  return std::ranges::any_of(executors, [](const TriggerExecutor& each) {
    return !each.is_builtin;
  });
}

void UpSource::on_reloaded(const Error* failure) {
  report_reload(failure);
}

void report_reload(const Error* failure) {
  if (failure == nullptr) {
    log::write_all(2, "Reloaded the application.\n");
    return;
  }
  report_failure(*failure);
  log::write_all(2, "The application could not be reloaded; the last version is served.\n");
}

}  // namespace whorl::cli
