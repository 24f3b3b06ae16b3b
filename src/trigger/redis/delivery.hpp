/// One message on its way through one component.
#pragma once

#include "runtime/message.hpp"
#include "runtime/service_slot.hpp"
#include "trigger/redis/guest_shards.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace whorl::trigger {

/// What a component did with a message.
enum class Outcome : std::uint8_t {
  Handled,
  Failed,  ///< it said so, trapped, was ended, or can't be had at all
};

/// Gives a message to a component on some shard. A component that has no place for it now is
/// offered it again until it has.
/// @param channel  what it came by, for logs
/// @param done     called once, on a shard; not at all when the shards end before. @thread any
void deliver_message(
    GuestShards& shards,
    std::shared_ptr<runtime::ServiceSlot> service,
    runtime::Message message,
    std::string channel,
    std::move_only_function<void(Outcome)> done
);

}  // namespace whorl::trigger
