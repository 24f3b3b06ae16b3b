/// `deploy` and `login`: what a plugin does that the environment names. @thread the main thread
#pragma once

#include "base/result.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace whorl::cli {

inline constexpr std::string_view kDeployAbout =
    "Package and upload an application to a deployment environment.";
inline constexpr std::string_view kLoginAbout = "Log into a deployment environment.";

/// Runs `<plugin> <verb> <arguments>` of the plugin in `SPIN_DEPLOY_PLUGIN`.
/// @param verb  "deploy" or "login"
/// @return the exit code; errors: InvalidInput when no plugin is named, NotFound when it is not
///         installed, those of run_plugin()
[[nodiscard]] Result<int> run_cloud(
    std::string_view verb, std::span<const std::string_view> arguments
);

}  // namespace whorl::cli
