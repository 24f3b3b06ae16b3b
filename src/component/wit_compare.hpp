/// Whether an item of one world can stand for that of another, by structure and names.
///
/// Private to the room; target.hpp uses it. @thread any
/// @spec component model, Explainer "Type Checking"
#pragma once

#include "component/wit_world.hpp"

#include <string>
#include <vector>

namespace whorl::component::wit {

/// Which side of a component the item is on: what it imports may be less than is expected, what it
/// exports more.
enum class Side : std::uint8_t { Import, Export };

/// What kind of thing an item is: "instance", "function", "resource", "record".
[[nodiscard]] std::string_view kind_of(const Item& item) noexcept;

/// Why an item does not fit, from the outside in; empty if it does. What could not be followed
/// counts as fitting. Resources are the same if their original names are.
/// @param expected  of the world that the component is to run in
[[nodiscard]] std::vector<std::string> difference(
    const Item& expected, const Item& found, Side side
);

}  // namespace whorl::component::wit
