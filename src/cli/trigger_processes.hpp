/// Applications with triggers that are other programs: each trigger type runs in a process of its
/// own, under Spin's contract (a lock file, three variables of the environment). Here is what they
/// are and what they are told; trigger_supervisor.hpp runs them.
/// @thread the main thread
#pragma once

#include "app/locked_app.hpp"
#include "base/result.hpp"
#include "fs/process.hpp"

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

/// The command line of a trigger's process.
[[nodiscard]] std::vector<std::string> words_of(
    const TriggerExecutor& executor, const std::vector<std::string>& arguments
);
/// What every process of that trigger gets beside the contract's variables.
[[nodiscard]] fs::ProcessOptions options_for(const TriggerExecutor& executor);

/// The arguments of each trigger, which are asked for their flags; all for all if one cannot be.
/// @return as share_arguments()
[[nodiscard]] Result<std::vector<std::vector<std::string>>> arguments_of(
    const std::vector<TriggerExecutor>& executors, const std::vector<std::string>& arguments
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
