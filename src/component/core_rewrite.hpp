/// Gives a core module exports it does not have, so that the host reaches what was hidden.
/// Private to the room. @thread any
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "component/core_module.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace whorl::component {

struct AddedExport {
  std::string name;
  CoreKind kind = CoreKind::Global;
  std::uint32_t index = 0;
};

/// A copy of the module with more exports; everything else is byte for byte as it was.
///
/// @return InvalidInput if the module has an export of one of the names already
[[nodiscard]] Result<Bytes> add_exports(
    const CoreModule& module, std::span<const AddedExport> exports
);

}  // namespace whorl::component
