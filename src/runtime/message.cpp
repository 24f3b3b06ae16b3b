#include "runtime/message.hpp"

#include "component/async_export.hpp"
#include "component/export_call.hpp"
#include "wit/fermyon_spin_redis_types_v1_abi.hpp"
#include "wit/spin_redis_redis_abi.hpp"

#include <utility>

namespace whorl::runtime {

namespace {

using Answer = std::expected<void, wit::spin_redis_redis::Error>;
using AsyncHandler = Answer(Bytes);

std::expected<MessageVerdict, engine::Trap> call_async_handler(
    component::ComponentInstance& instance,
    engine::Store& store,
    const component::ExportedFunc& func,
    const Message& message
) {
  auto verdict = MessageVerdict::Failed;
  auto called = component::call_async_export<AsyncHandler>(
      instance,
      store,
      func,
      [&](Answer answer) { verdict = answer ? MessageVerdict::Handled : MessageVerdict::Failed; },
      Bytes(*message)
  );
  if (!called) {
    return std::unexpected(std::move(called.error()));
  }
  return verdict;
}

}  // namespace

const component::ExportedFunc* find_async_message_handler(const component::Component& component) {
  const auto* found = component.find_export("spin:redis/inbound-redis", "3.0.0", "handle-message");
  return found != nullptr && component::is_async_export<AsyncHandler>(*found) ? found : nullptr;
}

std::expected<MessageVerdict, engine::Trap> call_message_handler(
    component::ComponentInstance& instance,
    engine::Store& store,
    const component::ExportedFunc& func,
    const Message& message
) {
  if (func.is_async_type) {
    return call_async_handler(instance, store, func, message);
  }
  using Handle = std::expected<void, wit::fermyon_spin_redis_types_v1::Error>(Bytes);
  auto called = component::call_export<Handle>(instance, store, func, Bytes(*message));
  if (!called) {
    return std::unexpected(std::move(called.error()));
  }
  return *called ? MessageVerdict::Handled : MessageVerdict::Failed;
}

}  // namespace whorl::runtime
