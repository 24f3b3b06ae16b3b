/// The environment variables by which Spin's engine is tuned, as far as they mean something here.
/// @thread the main thread
#pragma once

#include "base/result.hpp"
#include "cli/cli.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace whorl::cli {

struct EngineEnvironment {
  /// Instances alive at once at most: the least of all variables that bound them.
  std::optional<std::uint32_t> max_instances{};
  std::optional<Allocation> allocation{};
  std::vector<std::string> ignored{};  ///< names that are set and have no meaning here
};

/// @return errors: InvalidInput for a value that cannot be read, in Spin's words
[[nodiscard]] Result<EngineEnvironment> read_engine_environment();

}  // namespace whorl::cli
