/// Target environments that need no catalogue and no registry: those of Spin itself and of this
/// host, `spin-up@3.2` and so on. Their worlds are lists of interfaces: names and versions are
/// compared, types are not (loading the component does that). @thread any
#pragma once

#include "build/environment.hpp"
#include "component/target.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace whorl::build {

/// Null for one that is not known. @param name  "spin-up@3.6"
[[nodiscard]] const Environment* known_environment(std::string_view name);
/// Their names, oldest first.
[[nodiscard]] std::vector<std::string> known_environment_names();

/// A world of the package `spin:up`. Several where a component may export one of several things;
/// empty for one that is not known. @param name  "spin:up/http-trigger@3.6.0"
[[nodiscard]] std::vector<component::TypedWorld> known_worlds(std::string_view name);

}  // namespace whorl::build
