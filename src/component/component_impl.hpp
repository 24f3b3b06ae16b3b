/// Private to the room: what a Component is made of.
#pragma once

#include "component/component.hpp"
#include "component/plan.hpp"
#include "component/reset_plan.hpp"
#include "engine/module.hpp"
#include "engine/store.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace whorl::component {

struct Component::Impl {
  std::shared_ptr<engine::Engine> engine;
  Plan plan;
  std::vector<engine::Module> modules;                       ///< as in the plan
  std::vector<std::optional<engine::InstancePre>> prepared;  ///< by step; with host imports only
  /// Host functions for the steps that could not be linked ahead.
  struct Bridge {
    engine::InstancePre pre;
    std::vector<std::string> export_of;  ///< by entry of the plan's hosts; empty: not on the bridge
  };
  std::optional<Bridge> bridge;
  ResetPlan reset;
  std::vector<std::string> notes;
  /// Set once the engine's view of the functions we will call was compared with ours.
  mutable std::atomic<bool> types_checked = false;
};

}  // namespace whorl::component
