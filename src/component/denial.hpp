/// Components that stand in for an interface of the host that was not granted: they have its types,
/// and each function gives the answer that announced.hpp gives while linking.
///
/// Where a composition is written out as bytes the refusal must be bytes too. It is made from the
/// types that the importing component declares, so every version of an interface can be denied.
/// Private to the room. @thread any
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "component/import_world.hpp"

#include <cstdint>
#include <vector>

namespace whorl::component {

struct Denial {
  Bytes component;  ///< its exports are those of the interface
  /// What it imports itself, for the types: entries of the world's imports, by their names.
  std::vector<std::uint32_t> imports;
};

/// @param import  an imported instance
/// @return        InvalidInput for types that are not well formed; ResourceLimit
[[nodiscard]] Result<Denial> write_denial(const ImportWorld& world, std::uint32_t import);

}  // namespace whorl::component
