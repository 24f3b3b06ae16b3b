/// `--variable`: values of application variables from the command line and from files.
/// @thread the main thread (reads files)
#pragma once

#include "base/result.hpp"
#include "host/variables/provider.hpp"

#include <span>
#include <string>
#include <string_view>

namespace whorl::cli {

/// Whether a value has one of the forms `KEY=VALUE`, `KEY=@FILE`, `@FILE.json`, `@FILE.toml`.
/// @return errors: InvalidInput, the reason only
[[nodiscard]] Result<void> check_variable(std::string_view text);

/// Reads values that check_variable() accepted; of a name given twice the last one counts.
/// @return errors: what is wrong with a file, in Spin's words and without a part of a value
[[nodiscard]] Result<host::variables::StaticProvider::Values> read_variables(
    std::span<const std::string> texts
);

}  // namespace whorl::cli
