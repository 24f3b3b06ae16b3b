/// Plugins of Spin's, found where Spin installs them: programs that are commands or triggers.
/// Blocks (looks at files). @thread the main thread
#pragma once

#include "base/result.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::cli {

/// Where Spin keeps plugins and templates: `SPIN_DATA_DIR`, else the user's data folder.
[[nodiscard]] std::string data_folder();

/// The program of an installed plugin.
/// @return nothing when it is not installed; NotFound when it is and its program is gone
[[nodiscard]] Result<std::optional<std::string>> find_plugin(std::string_view name);
/// Whether the copy of the catalogue knows a plugin.
[[nodiscard]] bool is_in_catalogue(std::string_view name);

/// What a plugin finds in its environment: which Spin this is, and how to call back.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> plugin_environment();
/// The path of the running program.
[[nodiscard]] std::string own_path();

/// Whether an installed plugin may be run by the Spin that this is: what its manifest asks for. One
/// without a manifest was put there by hand.
/// @return errors: Unsupported in Spin's words; InvalidInput for a manifest that cannot be read
[[nodiscard]] Result<void> check_compatible(std::string_view name);

/// Runs the plugin of that name to its end. @return its exit code; nothing when there is none;
/// errors: those of find_plugin() and, unless an argument overrides it, of check_compatible()
[[nodiscard]] Result<std::optional<int>> run_plugin(
    std::string_view name, std::span<const std::string_view> arguments
);

}  // namespace whorl::cli
