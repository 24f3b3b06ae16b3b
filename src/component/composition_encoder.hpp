/// Compositions as bytes: several components put together into one that any host of components can
/// load, where composition.hpp puts them together while it links.
///
/// The whole contains every part as it is, instantiates them in order, gives each what earlier
/// parts export and what the whole imports itself, and exports what the last one exports. What a
/// part is not granted it gets from a component that refuses (denial.hpp). @thread any
/// @spec component model, Explainer "Instance Definitions", Binary.md
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "component/composition.hpp"

#include <span>

namespace whorl::component {

/// @param parts  at least one; a plug names an earlier part
/// @return       the component, validated; the only part's bytes where there is nothing to put
///               together. Errors: InvalidInput where a plug does not fit; Unsupported for bare
///               core modules, of which components are to be made first (engine/componentize.hpp)
[[nodiscard]] Result<Bytes> encode_composition(std::span<const Part> parts);

}  // namespace whorl::component
