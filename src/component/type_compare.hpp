/// Structural comparison of component-level types, with a sentence that says where they differ.
///
/// @thread any @spec component model, Explainer "Type Checking"
#pragma once

#include "component/types.hpp"

#include <cstdint>
#include <string>

namespace whorl::component {

/// True if both are the same resource type: one object, or both stand for one host resource.
[[nodiscard]] bool same_resource(const ResourceRef& a, const ResourceRef& b) noexcept;

/// Compares types by structure: records by field names and order, variants, enums and flags by
/// labels and order, handles by identity of their resource.
///
/// @return empty if they are the same, else where and how they differ: "the second field `b`:
///         wants u32, is offered u64"
/// @param steps  pairs of types that may be compared, less those that were; when they run out, the
///               types count as different
[[nodiscard]] std::string explain_difference(
    const TypeRef& wanted, const TypeRef& offered, std::uint64_t& steps
);

/// Compares functions: number and types of parameters, result, async. Parameter names do not count:
/// the canonical ABI passes them by place.
[[nodiscard]] std::string explain_difference(
    const FuncShape& wanted, const FuncShape& offered, std::uint64_t& steps
);

/// Steps for a comparison of its own: more than any real interface needs.
inline constexpr std::uint64_t kCompareSteps = 100'000;

}  // namespace whorl::component
