/// GuestShards: where the guests run that are given messages.
#pragma once

#include "runtime/shard_runtime.hpp"

#include <functional>

namespace whorl::trigger {

/// The shards that run guests.
class GuestShards {
 public:
  /// Runs `work` on one of them, taking turns. @thread any
  virtual void post(std::move_only_function<void(runtime::ShardRuntime&)> work) = 0;

 protected:
  ~GuestShards() = default;
};

}  // namespace whorl::trigger
