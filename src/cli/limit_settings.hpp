/// The limits of requests and of components: by flag, by environment, and by the tables `[limits]`
/// and `[component_limits.<id>]` of the runtime config. @thread the main thread
#pragma once

#include "base/result.hpp"
#include "cli/arguments.hpp"
#include "cli/cli.hpp"
#include "cli/flag_reader.hpp"
#include "host/runtime_config/runtime_config.hpp"

namespace whorl::cli {

/// Reads the flags about what one request or component may use, and what the environment says
/// instead; errors stay in the reader.
void read_budget_flags(FlagReader& reader, RequestBudgets& out);

/// The same for how often instances are used.
void read_reuse_flags(FlagReader& reader, InstanceReuse& out);

/// Adds what the runtime config says, where no flag and no variable says otherwise; what it says of
/// one component counts for that whatever else was said.
/// @param arguments  what `request` was made of
/// @return           errors: InvalidInput for a value that the flag of that name would not take
[[nodiscard]] Result<> apply_limit_tables(
    const ScannedArguments& arguments,
    const host::runtime_config::RuntimeConfig& config,
    UpRequest& request
);

}  // namespace whorl::cli
