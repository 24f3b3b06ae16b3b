/// Runs an application whose triggers are processes, and gives them its next version.
///
/// What is Whorl's own replaces it in place (SIGHUP); a plugin knows no such thing and is started
/// anew, but only where its part of the application has changed. A version that cannot be loaded,
/// or whose plugins fail as soon as they are started, leaves everything as it was.
/// @thread the main thread
#pragma once

#include "app/locked_app.hpp"
#include "base/result.hpp"
#include "cli/cli.hpp"
#include "cli/trigger_processes.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace whorl::cli {

/// A version of the application, as far as processes run it.
struct TriggerVersion {
  std::shared_ptr<const app::LockedApp> app;  ///< its files have been made
  std::vector<TriggerExecutor> executors;
};

/// What the processes are told, and where the next version comes from.
struct TriggerTask {
  std::string folder;                  ///< absolute; `spin.lock` is written into it
  std::vector<std::string> arguments;  ///< of the command line, not understood by `up` itself
  AppSource* events = nullptr;  ///< says when a version is due, hears how it went; outlives the run
  std::move_only_function<Result<TriggerVersion>()> load;
  /// What is run first; absent: what `load` has as soon as `events` says that it is due.
  std::optional<TriggerVersion> first;
};

/// Runs them until one ends or this process is told to stop.
/// @return the exit code; errors: InvalidInput for an argument that no trigger takes; what is wrong
///         with starting the programs
[[nodiscard]] Result<int> run_trigger_processes(TriggerTask task);

}  // namespace whorl::cli
