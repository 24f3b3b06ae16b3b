/// Decides at load whether instances of a component can be put back exactly, and makes what hides
/// state reachable (engine.md E.5, K7). Private to the room. @thread any
#pragma once

#include "base/result.hpp"
#include "component/plan.hpp"

#include <string>
#include <vector>

namespace whorl::component {

struct ResetPlan {
  /// Why instances can't be reset, for people; empty if they can.
  std::string obstacle;
  std::vector<Plan::Slot> memories;  ///< every memory a core instance defines
  std::vector<Plan::Slot> globals;   ///< every mutable global a core instance defines
};

/// Rewrites modules of the plan so that their hidden mutable globals and memories are exported.
/// A component that can't be reset is left as it is; that is no error.
[[nodiscard]] ResetPlan plan_reset(Plan& plan);

}  // namespace whorl::component
