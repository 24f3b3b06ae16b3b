/// Whether the components of an application can run in the environments that its manifest names as
/// targets. @thread blocking
#pragma once

#include "base/result.hpp"
#include "loader/loader.hpp"
#include "manifest/manifest.hpp"

#include <string>
#include <vector>

namespace whorl::build {

struct TargetChecks {
  std::string manifest_path{};
  std::vector<std::string> components{};  ///< ids; empty: all
  /// Where downloads are kept, and who makes them; of `load` these three count.
  loader::LoadOptions load{};
  /// Folder of descriptions, `<name>/<name>@<version>.toml` each, as `spin targets update` leaves
  /// it; empty: none.
  std::string catalogue{};
};

/// Whether the manifest has any targets.
[[nodiscard]] bool has_targets(const manifest::Manifest& manifest);

/// Checks every component that a trigger runs against the environments that count for it. A
/// component is taken with its dependencies: what these satisfy need not be offered.
///
/// Descriptions come from files, URLs and the catalogue; what neither has of `spin-up` is known
/// without. Worlds come from files, from the cache (what `.spin/target-environments.lock` names) or
/// the PackageFetcher, else those of `spin:up` are known without.
/// @param manifest  normalised
/// @return what does not fit, in Spin's words; empty if everything does. Errors: what could not be
///         found out
[[nodiscard]] Result<std::vector<std::string>> check_targets(
    const manifest::Manifest& manifest, const TargetChecks& checks
);

}  // namespace whorl::build
