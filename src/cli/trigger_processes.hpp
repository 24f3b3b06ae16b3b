/// Applications with triggers that are other programs: each trigger type runs in a process of its
/// own, under Spin's contract (a lock file, three variables of the environment), our own types in
/// one.
/// @thread the main thread
#pragma once

#include "app/locked_app.hpp"
#include "base/result.hpp"

#include <string>
#include <vector>

namespace whorl::cli {

/// A program that runs triggers of one type.
struct TriggerExecutor {
  std::string type;                  ///< "http", "cron"
  std::vector<std::string> command;  ///< the program and its first arguments
  bool is_builtin = false;
};

/// Finds what executes the triggers of an application, each type once, in their order.
/// @return errors: NotFound in Spin's words; Unsupported for built-in types of Spin's
[[nodiscard]] Result<std::vector<TriggerExecutor>> find_executors(const app::LockedApp& app);

/// What the processes are told.
struct TriggerTask {
  const app::LockedApp* app = nullptr;  ///< is written to `spin.lock` in the folder
  std::string folder;                   ///< absolute; stays until the last process ended
  std::vector<std::string> arguments;   ///< of the command line, not understood by `up` itself
};

/// Runs them until one ends or this process is told to stop.
/// @return the exit code; errors: InvalidInput for an argument that no trigger takes; what is wrong
///         with starting the programs
[[nodiscard]] Result<int> run_trigger_processes(
    const std::vector<TriggerExecutor>& executors, const TriggerTask& task
);

/// Prints the executors' own help to our standard output, as far as they can be asked.
void print_trigger_help(const std::vector<TriggerExecutor>& executors);

/// Which trigger gets which arguments: a flag and the word after it go to every trigger that lists
/// the flag.
/// @param flags  of each trigger, with dashes
/// @return by trigger; InvalidInput for a flag that nobody has
[[nodiscard]] Result<std::vector<std::vector<std::string>>> share_arguments(
    const std::vector<std::string>& arguments, const std::vector<std::vector<std::string>>& flags
);

}  // namespace whorl::cli
