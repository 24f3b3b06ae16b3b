#include "component/export_call.hpp"

#include "component/task.hpp"

#include <algorithm>
#include <utility>

namespace whorl::component::detail {

engine::Trap refusal(const ExportedFunc& func, std::string_view why) {
  engine::Trap trap;
  trap.kind = engine::TrapKind::HostTrap;
  trap.message = "cannot call the export '" + func.name + "': " + std::string(why);
  return trap;
}

engine::Trap as_trap(HostTrap trap) {
  engine::Trap made;
  made.kind = trap.kind;
  made.message = std::move(trap.message);
  made.exit_code = trap.exit_code;
  return made;
}

std::optional<engine::Trap> check_call(
    const ComponentInstance& instance,
    const ExportedFunc& func,
    std::span<const engine::ValType> params,
    std::span<const engine::ValType> results,
    bool needs_memory
) {
  if (func.is_async_type) {
    return refusal(func, "it is asynchronous");
  }
  if (!std::ranges::equal(func.core_type.params, params) ||
      !std::ranges::equal(func.core_type.results, results)) {
    return refusal(func, "it has another type");
  }
  if (instance.func(func.func_slot) == nullptr) {
    return refusal(func, "its module was not instantiated");
  }
  const bool has_memory =
      func.memory_slot != CallSite::kNone && instance.memory(func.memory_slot) != nullptr;
  if (needs_memory && !has_memory) {
    return refusal(func, "it has no memory");
  }
  if (!instance.may_leave(func.component_index)) {
    return refusal(func, "the instance is in a realloc or post-return");
  }
  return std::nullopt;
}

SynchronousCall::SynchronousCall(ComponentInstance& instance, const ExportedFunc& func)
    : direct_(
          instance.async() == nullptr
              ? nullptr
              : std::make_unique<DirectCall>(
                    instance, func.component_index, DirectCall::Kind::Synchronous
                )
      ) {}
SynchronousCall::~SynchronousCall() = default;

std::expected<void, engine::Trap> post_return(
    ComponentInstance& instance,
    engine::Store& store,
    const ExportedFunc& func,
    engine::RawVal returned
) {
  if (func.post_return_slot == CallSite::kNone) {
    return {};
  }
  const engine::Func* callee = instance.func(func.post_return_slot);
  if (callee == nullptr) {
    return std::unexpected(refusal(func, "its post-return is missing"));
  }
  const NoLeave no_leave(instance, func.component_index);
  return store.call_guest(*callee, std::span(&returned, 1));
}

}  // namespace whorl::component::detail
