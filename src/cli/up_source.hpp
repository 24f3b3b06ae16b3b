/// UpSource: the application that `up` was asked for, loaded as often as it is to be replaced.
#pragma once

#include "app/locked_app.hpp"
#include "base/result.hpp"
#include "cli/cli.hpp"
#include "cli/locate.hpp"
#include "cli/trigger_processes.hpp"
#include "cli/trigger_supervisor.hpp"
#include "cli/up_flags.hpp"
#include "cli/work_folder.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace whorl::cli {

using SharedApp = std::shared_ptr<const app::LockedApp>;

/// @thread the main thread
class UpSource final : public AppSource {
 public:
  /// @return errors: no folder to work in
  [[nodiscard]] static Result<UpSource> open(AppLocation location, OwnFlags flags);

  /// Builds if that was asked for, or else says when the last build was of another profile.
  /// @return errors: those of building
  [[nodiscard]] Result<void> build_or_warn() const;
  /// What `up`'s own flags ask for: loading with copies of files, `-c`, `-e`.
  /// @return errors: the loader's
  [[nodiscard]] Result<SharedApp> load_app();
  /// Finds what runs an application's triggers.
  /// @return errors: NotFound for a trigger type that nothing executes
  [[nodiscard]] Result<std::vector<TriggerExecutor>> executors(const app::LockedApp& app) const;
  /// As load(), for other processes: with all files.
  [[nodiscard]] Result<TriggerVersion> load_version();
  /// Runs it in other processes.
  /// @param first   what was loaded last; null: what load_version() has once `events` says so
  /// @param events  when another version is due, and who is told how it went
  /// @return as run_trigger_processes()
  [[nodiscard]] Result<int> run_elsewhere(
      SharedApp first, std::vector<std::string> arguments, AppSource& events
  );
  /// What the trigger's flags add: the values of variables.
  /// @return errors: InvalidInput, NotFound
  [[nodiscard]] Result<Runnable> complete(SharedApp app) const;
  /// Values of `--variable`, in forms that are understood.
  void set_variables(std::vector<std::string> variables) { variables_ = std::move(variables); }
  /// Of the runtime config; asked after `--variable`, before the environment.
  void set_providers(std::vector<VariablesProviderConfig> providers) {
    providers_ = std::move(providers);
  }
  [[nodiscard]] const AppLocation& location() const noexcept { return location_; }

  // AppSource
  [[nodiscard]] Result<Runnable> load() override;
  void on_reloaded(const Error* failure) override;

 private:
  UpSource(AppLocation location, OwnFlags flags, WorkFolder folder);
  [[nodiscard]] Result<SharedApp> load_manifest();
  [[nodiscard]] Result<TriggerVersion> version_of(SharedApp app) const;

  AppLocation location_;
  OwnFlags flags_;
  WorkFolder folder_;
  std::shared_ptr<loader::DeferredCopies> copies_;  ///< of what was loaded last
  std::vector<std::string> variables_;
  std::vector<VariablesProviderConfig> providers_;
};

/// An application with the values of its variables: given, of providers, of the environment.
/// @param given   values of `--variable`, in forms that are understood
/// @param copies  may be null
/// @return errors: InvalidInput, NotFound
[[nodiscard]] Result<Runnable> make_runnable(
    SharedApp app,
    const std::vector<std::string>& given,
    const std::vector<VariablesProviderConfig>& configured,
    std::shared_ptr<loader::DeferredCopies> copies
);
/// Where downloads are kept: where Spin keeps them, so that both find them.
/// @param given  `--cache-dir`; empty: the default one
[[nodiscard]] std::string download_folder(const std::string& given);
/// Says how replacing the application went.
void report_reload(const Error* failure);

/// Whether some trigger is run by a plugin.
[[nodiscard]] bool has_foreign(const std::vector<TriggerExecutor>& executors);

/// Whether every component named by `--follow` exists.
[[nodiscard]] Result<void> check_followed(
    const app::LockedApp& app, const std::vector<std::string>& followed
);

}  // namespace whorl::cli
