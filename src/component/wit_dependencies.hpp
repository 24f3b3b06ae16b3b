/// The interfaces that a component gets from its dependencies, as a WIT world to make bindings
/// from.
/// @thread any
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <optional>
#include <span>
#include <string>

namespace whorl::component {

/// What one dependency is to satisfy.
struct WitDependency {
  /// As a manifest names it: "ns:pkg/interface@1.2.3", "ns:pkg", with or without version, or a
  /// plain name.
  std::string name;
  /// Which export stands for it; absent: the one of that name.
  std::optional<std::string> export_name;
  ByteView wasm;  ///< a component; outlives the call
};

/// A package `root:component` whose world `root` imports what the dependencies export, and the
/// packages that these interfaces are made of.
///
/// An interface that is exported under another name than it is wanted by gets that name. A plain
/// name stands for no interface, so nothing is imported for it.
/// @return errors: InvalidInput for bytes that are no component, a name without such an export
[[nodiscard]] Result<std::string> dependencies_wit(std::span<const WitDependency> dependencies);

}  // namespace whorl::component
