/// Names of packages and registries, and how Spin's messages write the names of dependencies.
/// @thread any
#pragma once

#include "manifest/manifest.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace whorl::manifest {

/// Packages: `namespace:name`, both labels in lower case.
/// @return why `text` is none, in Spin's words; nothing if it is one
[[nodiscard]] std::optional<std::string> why_no_package(std::string_view text);

/// Registries: the authority of a URL, a host with or without a port.
/// @return why `text` is none, in Spin's words; nothing if it is one
[[nodiscard]] std::optional<std::string> why_no_registry(std::string_view text);

/// The package that a name means: "DependencyPackageName { … }".
[[nodiscard]] std::string package_form(const DependencyName& name);
/// The name: "Package(DependencyPackageName { … })" or "Plain(Id(\"…\"))".
[[nodiscard]] std::string debug_form(const DependencyName& name);

}  // namespace whorl::manifest
