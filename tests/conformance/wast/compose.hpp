/// Imports of earlier instances: a component that names one is put together with it.
///
/// Whorl links a component with its host, not with other components at run time. So what a script
/// imports of an instance that it named before is provided by composing: an outer component holds
/// both, instantiates the provider anew and hands its exports over. The provider's state is its own
/// in each such component. @thread any
#pragma once

#include "base/bytes.hpp"

#include <string>
#include <unordered_map>

namespace whorl::conformance {

/// Components by the name of their instance.
using NamedComponents = std::unordered_map<std::string, Bytes>;

/// The component together with those it imports by name, which import nothing themselves; the bytes
/// as they are if it imports none of them.
[[nodiscard]] Bytes compose_with(ByteView component, const NamedComponents& known);

}  // namespace whorl::conformance
