/// Component values of scripts. @thread any
#pragma once

#include "outcome.hpp"

#include "component/types.hpp"
#include "component/value.hpp"

#include <boost/json/value.hpp>

namespace whorl::conformance {

/// A constant of a script as a value of a type.
/// @return Script where the constant is of another type
[[nodiscard]] Outcome<component::Value> to_value(
    const boost::json::value& constant, const component::TypeRef& type
);

}  // namespace whorl::conformance
