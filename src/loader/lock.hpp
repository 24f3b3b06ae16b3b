/// Locking: a manifest with everything that it names found and checked.
///
/// Private to this room. @thread blocking
#pragma once

#include "app/locked_app.hpp"
#include "base/result.hpp"
#include "loader/loader.hpp"
#include "manifest/manifest.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace whorl::loader {

/// What locking a part needs to know of the whole.
struct LockContext {
  const LoadOptions& options;
  std::string folder;  ///< of the manifest, absolute
  std::map<std::string, std::string> variable_defaults{};
  std::set<std::string> used{};  ///< components that some trigger runs
  std::vector<std::string> warnings{};
  std::vector<std::string> copies{};  ///< folders made so far, which go away if something fails
};

/// @param path  of the manifest, canonical
[[nodiscard]] Result<app::LockedApp> lock(
    manifest::Manifest from, const std::string& path, const LoadOptions& options
);

/// One component with its sources, dependencies and files.
[[nodiscard]] Result<app::Component> lock_component(manifest::Component from, LockContext& context);

/// A dependency; `name` is null for one that stands before a component.
[[nodiscard]] Result<app::Dependency> lock_dependency(
    const manifest::Dependency& from, const manifest::DependencyName* name, LockContext& context
);

/// Gives triggers' dependencies to their components, which are cloned where several triggers would
/// have different ones before the same component.
[[nodiscard]] Result<void> lock_trigger_dependencies(
    const std::vector<manifest::Trigger>& triggers, app::LockedApp& app, LockContext& context
);

}  // namespace whorl::loader
