/// The settings of Redis triggers, read out of a LockedApp. @thread any
#pragma once

#include "app/locked_app.hpp"
#include "base/result.hpp"

#include <string>
#include <vector>

namespace whorl::app {

/// One `[[trigger.redis]]`: a component that is given the messages of a channel.
struct RedisTrigger {
  std::string id;
  std::string component;
  std::string channel;  ///< a template
  std::string address;  ///< a template; the application's where the trigger names none
};

/// Reads all triggers of type "redis", in the manifest's order.
/// @return errors: InvalidInput (wrong shape, unknown keys, no address), NotFound (no such
///         component)
[[nodiscard]] Result<std::vector<RedisTrigger>> redis_triggers(const LockedApp& app);

}  // namespace whorl::app
