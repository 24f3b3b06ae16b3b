#include "runtime/message.hpp"

#include "component/export_call.hpp"
#include "wit/fermyon_spin_redis_types_v1_abi.hpp"

#include <utility>

namespace whorl::runtime {

std::expected<MessageVerdict, engine::Trap> call_message_handler(
    component::ComponentInstance& instance,
    engine::Store& store,
    const component::ExportedFunc& func,
    const Message& message
) {
  using Handle = std::expected<void, wit::fermyon_spin_redis_types_v1::Error>(Bytes);
  auto called = component::call_export<Handle>(instance, store, func, Bytes(*message));
  if (!called) {
    return std::unexpected(std::move(called.error()));
  }
  return *called ? MessageVerdict::Handled : MessageVerdict::Failed;
}

}  // namespace whorl::runtime
