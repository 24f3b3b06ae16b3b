#include "component/reset_plan.hpp"

#include "component/code_scan.hpp"
#include "component/core_module.hpp"
#include "component/core_rewrite.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace whorl::component {
namespace {

/// Restoring costs some 50 ns for each; an interpreter has a few hundred.
constexpr std::size_t kMaxGlobals = 4096;

/// What of one module is restored, under which export names.
struct ModuleState {
  std::string obstacle;
  std::vector<std::string> memories;
  std::vector<std::string> globals;
  std::vector<AddedExport> added;
};

/// True for the types that engine::GlobalValue holds.
bool is_number(const CoreValType& type) noexcept {
  return type.code >= 0x7b && type.code <= 0x7f;
}

std::string obstacle_in(const CodeFacts& facts) {
  if (!facts.is_understood) {
    return "its code has instructions whose effects are not known";
  }
  if (facts.changes_tables) {
    return "its code changes tables";
  }
  return facts.drops_segments ? "its code drops segments" : "";
}

/// Names of the items a module exports, by kind and index.
std::string_view exported_name(const CoreModule& module, CoreKind kind, std::uint32_t index) {
  for (const std::string_view name : module.export_names()) {
    const CoreExport* item = module.find_export(name);
    if (item != nullptr && item->kind == kind && item->index == index) {
      return name;
    }
  }
  return {};
}

class ModuleReader {
 public:
  explicit ModuleReader(const CoreModule& module) : module_(module) {}

  [[nodiscard]] ModuleState run() && {
    if (!module_.code().empty()) {
      state_.obstacle = obstacle_in(scan_code(module_.code()));
    }
    items(CoreKind::Memory, state_.memories);
    items(CoreKind::Global, state_.globals);
    return std::move(state_);
  }

 private:
  void items(CoreKind kind, std::vector<std::string>& names) {
    const auto count = static_cast<std::uint32_t>(module_.count(kind));
    for (auto index = static_cast<std::uint32_t>(module_.imported(kind)); index < count; ++index) {
      const CoreExternType& type = *module_.item(kind, index);
      if (kind == CoreKind::Global && !type.is_mutable) {
        continue;
      }
      if (kind == CoreKind::Global && !is_number(type.value)) {
        state_.obstacle = "it has a variable that holds a reference";
      }
      names.push_back(name_of(kind, index));
    }
  }

  [[nodiscard]] std::string name_of(CoreKind kind, std::uint32_t index) {
    if (kind == CoreKind::Memory) {
      // Few, and usually exported.
      if (const auto name = exported_name(module_, kind, index); !name.empty()) {
        return std::string(name);
      }
    }
    std::string name = fmt::format("whorl:{}:{}", to_string(kind), index);
    state_.added.push_back({name, kind, index});
    return name;
  }

  const CoreModule& module_;
  ModuleState state_;
};

Result<ModuleState> read_module(Plan::Module& module) {
  WHORL_TRY(const CoreModule scanned, CoreModule::scan(module.wasm()));
  ModuleState state = ModuleReader(scanned).run();
  if (state.obstacle.empty() && !state.added.empty()) {
    WHORL_TRY(Bytes rewritten, add_exports(scanned, state.added));
    module.rewritten = std::move(rewritten);
  }
  return state;
}

}  // namespace

ResetPlan plan_reset(Plan& plan) {
  ResetPlan out;
  std::vector<ModuleState> states;
  for (Plan::Module& module : plan.modules) {
    auto state = read_module(module);
    if (!state || !state->obstacle.empty()) {
      out.obstacle =
          fmt::format("{}: {}", module.name, state ? state->obstacle : state.error().to_line());
      return out;
    }
    states.push_back(*std::move(state));
  }
  for (std::uint32_t i = 0; i < plan.steps.size(); ++i) {
    const ModuleState& state = states[plan.steps[i].module];
    for (const std::string& name : state.memories) {
      out.memories.push_back({i, name});
    }
    for (const std::string& name : state.globals) {
      out.globals.push_back({i, name});
    }
  }
  if (out.globals.size() > kMaxGlobals) {
    out.obstacle = fmt::format("it has {} variables", out.globals.size());
  }
  return out;
}

}  // namespace whorl::component
