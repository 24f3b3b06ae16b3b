#include "wasi/command.hpp"

#include "component/async_export.hpp"
#include "component/export_call.hpp"
#include "component/host.hpp"

#include <utility>

namespace whorl::wasi {

const component::ExportedFunc* find_command(const component::Component& component) {
  for (const char* version : {"0.3.0", "0.3.0-rc-2026-03-15", "0.2.0"}) {
    if (const auto* run = component.find_export("wasi:cli/run", version, "run")) {
      return run;
    }
  }
  for (const component::ExportedFunc& func : component.exports()) {
    if (func.interface.empty() && func.name == "_start") {
      return &func;
    }
  }
  return nullptr;
}

using Run = std::expected<void, component::Unit>();

std::expected<CommandVerdict, engine::Trap> call_command(
    component::ComponentInstance& instance,
    engine::Store& store,
    const component::ExportedFunc& func
) {
  CommandVerdict verdict = CommandVerdict::Succeeded;
  std::expected<void, engine::Trap> called;
  if (func.interface.empty()) {
    called = component::call_export<void()>(instance, store, func);
  } else if (func.version.starts_with("0.3.") && !component::is_async_export<Run>(func)) {
    engine::Trap trap;
    trap.kind = engine::TrapKind::Other;
    trap.message = "wasi:cli/run#run is of another type";
    called = std::unexpected(std::move(trap));
  } else if (func.version.starts_with("0.3.")) {
    called = component::call_async_export<Run>(
        instance,
        store,
        func,
        [&verdict](std::expected<void, component::Unit> result) {
          verdict = result ? CommandVerdict::Succeeded : CommandVerdict::Failed;
        }
    );
  } else if (auto ran = component::call_export<Run>(instance, store, func)) {
    verdict = *ran ? CommandVerdict::Succeeded : CommandVerdict::Failed;
  } else {
    called = std::unexpected(std::move(ran.error()));
  }
  const bool is_good_exit =
      !called && called.error().kind == engine::TrapKind::Exit && called.error().exit_code == 0;
  if (!called && !is_good_exit) {
    return std::unexpected(std::move(called.error()));
  }
  return verdict;
}

}  // namespace whorl::wasi
