/// UpSource: the application that `up` was asked for, loaded as often as it is to be replaced.
#pragma once

#include "app/locked_app.hpp"
#include "base/result.hpp"
#include "cli/cli.hpp"
#include "cli/locate.hpp"
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
  /// @return errors: the loader's; NotFound for a trigger type that nothing executes
  [[nodiscard]] Result<SharedApp> load_app();
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

  AppLocation location_;
  OwnFlags flags_;
  WorkFolder folder_;
  std::shared_ptr<loader::DeferredCopies> copies_;  ///< of what was loaded last
  std::vector<std::string> variables_;
  std::vector<VariablesProviderConfig> providers_;
};

/// Whether every component named by `--follow` exists.
[[nodiscard]] Result<void> check_followed(
    const app::LockedApp& app, const std::vector<std::string>& followed
);

}  // namespace whorl::cli
