/// What a dependency may not use of the component it is composed into: the interfaces that stand
/// for the grants it does not inherit.
///
/// Private to this room. @thread any
#pragma once

#include "app/locked_app.hpp"

#include <string>
#include <vector>

namespace whorl::loader {

/// @return names of interfaces without their versions
[[nodiscard]] std::vector<std::string> withheld_interfaces(const app::Inherit& inherit);

}  // namespace whorl::loader
