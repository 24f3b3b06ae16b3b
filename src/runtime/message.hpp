/// A message of a channel as a component is given it, by whatever trigger.
#pragma once

#include "base/bytes.hpp"
#include "component/component.hpp"
#include "engine/store.hpp"

#include <expected>
#include <memory>

namespace whorl::runtime {

/// Shared by the components that are given the same message. @thread any (immutable)
using Message = std::shared_ptr<const Bytes>;

enum class MessageVerdict : std::uint8_t { Handled, Failed };

/// `handle-message` of spin:redis/inbound-redis@3; null if it is not there, or of another type.
[[nodiscard]] const component::ExportedFunc* find_async_message_handler(
    const component::Component& component
);

/// Calls `handle-message` of fermyon:spin/inbound-redis, or of spin:redis/inbound-redis@3. @thread
/// shard, on a fiber
/// @return what the component says of it, or why it ended
[[nodiscard]] std::expected<MessageVerdict, engine::Trap> call_message_handler(
    component::ComponentInstance& instance,
    engine::Store& store,
    const component::ExportedFunc& func,
    const Message& message
);

}  // namespace whorl::runtime
