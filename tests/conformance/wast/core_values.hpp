/// Core values of scripts: read, written, compared. @thread any
#pragma once

#include "outcome.hpp"

#include "engine/types.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <string>

namespace whorl::conformance {

/// A constant as a raw value of a type. @return Script where it is none of that type
[[nodiscard]] Outcome<engine::RawVal> to_raw(
    const boost::json::value& constant, engine::ValType type
);

/// Why a result is not the one expected (a constant, or a pattern: any NaN of a kind, one of
/// several); empty if it is.
[[nodiscard]] std::string explain_raw(
    const boost::json::value& expected, const engine::RawVal& got, engine::ValType type
);

}  // namespace whorl::conformance
