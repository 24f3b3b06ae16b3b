/// Bridge: a module without code that imports host functions and exports them again.
///
/// A core instance that imports items of other instances cannot be linked ahead, and defining its
/// host functions anew for each instance costs more than instantiating it. The bridge has host
/// imports only, so it is linked once; what it exports are the host functions themselves.
/// Private to the room. @thread any (immutable)
#pragma once

#include "base/bytes.hpp"
#include "component/plan.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace whorl::component {

struct BridgePlan {
  Bytes wasm;
  std::vector<std::uint32_t> hosts;                 ///< entries of Plan::hosts, as imported
  std::vector<std::optional<std::uint32_t>> place;  ///< by entry of Plan::hosts: which export
};
/// The bridge for the host functions of those steps that import other things as well; nothing if
/// there are none.
[[nodiscard]] std::optional<BridgePlan> plan_bridge(const Plan& plan);

/// Name under which the bridge imports (from module "") and exports its n-th function.
[[nodiscard]] std::string bridge_name(std::uint32_t place);

}  // namespace whorl::component
