/// The wasm files of a component and those it depends on, for tools that look at them before the
/// application is loaded. @thread blocking
#pragma once

#include "base/result.hpp"
#include "loader/loader.hpp"
#include "manifest/manifest.hpp"

#include <optional>
#include <string>
#include <vector>

namespace whorl::loader {

struct DependencyFile {
  std::string name;                        ///< as the manifest names it
  std::optional<std::string> export_name;  ///< which export satisfies it, if not that of its name
  std::string path;                        ///< absolute; a local file may be missing
};

/// Finds them; what is remote is downloaded, if `options` has somebody for that.
/// @param component  of a manifest that was normalised
/// @param folder     of the manifest, absolute
/// @return errors: those of downloads; Unsupported for packages without a PackageFetcher
[[nodiscard]] Result<std::vector<DependencyFile>> dependency_files(
    const manifest::Component& component, const std::string& folder, const LoadOptions& options
);

/// Reads a component and what it is composed with, before the application is loaded: its grants,
/// files and middleware are not looked at.
/// @param component  of a manifest that was normalised
/// @param folder     of the manifest, absolute
/// @return errors: those of dependency_files(), of reading the files, and InvalidInput for
///         dependencies that don't fit
[[nodiscard]] Result<ComponentParts> component_parts(
    const manifest::Component& component, const std::string& folder, const LoadOptions& options
);

}  // namespace whorl::loader
