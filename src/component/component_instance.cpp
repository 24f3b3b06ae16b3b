#include "component/async_state.hpp"
#include "component/component_impl.hpp"
#include "component/fiber_run.hpp"
#include "component/task.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace whorl::component {
namespace {

engine::Trap link_trap(std::string message) {
  engine::Trap trap;
  trap.kind = engine::TrapKind::Other;
  trap.message = std::move(message);
  return trap;
}

/// Runs the steps of a plan for one instance.
class Instantiation {
 public:
  Instantiation(const Component::Impl& impl, engine::Store& store) : impl_(impl), store_(store) {}

  /// Makes the instance that host functions are taken from. First.
  [[nodiscard]] std::expected<void, engine::Trap> bridge() {
    if (impl_.bridge) {
      auto made = store_.instantiate(impl_.bridge->pre);
      if (!made) {
        return std::unexpected(std::move(made.error()));
      }
      bridge_ = *made;
    }
    return {};
  }

  [[nodiscard]] std::expected<engine::Instance, engine::Trap> step(std::size_t index) {
    const Plan::Step& step = impl_.plan.steps[index];
    if (impl_.prepared[index]) {
      return keep(store_.instantiate(*impl_.prepared[index]));
    }
    std::vector<engine::Extern> imports;
    imports.reserve(step.imports.size());
    for (const Plan::Binding& binding : step.imports) {
      const auto item = resolve(binding);
      if (!item) {
        return std::unexpected(link_trap(
            fmt::format("core instance {} has no export \"{}\"", binding.instance, binding.item)
        ));
      }
      imports.push_back(*item);
    }
    return keep(store_.instantiate(impl_.modules[step.module], imports));
  }

  [[nodiscard]] const engine::Instance& bridge_instance() const noexcept { return bridge_; }

 private:
  [[nodiscard]] std::expected<engine::Instance, engine::Trap> keep(
      std::expected<engine::Instance, engine::Trap> made
  ) {
    if (made) {
      instances_.push_back(*made);
    }
    return made;
  }

  [[nodiscard]] std::optional<engine::Extern> resolve(const Plan::Binding& binding) {
    if (binding.host) {
      return store_.find_export(bridge_, impl_.bridge->export_of[*binding.host]);
    }
    return store_.find_export(instances_[binding.instance], binding.item);
  }

  const Component::Impl& impl_;
  engine::Store& store_;
  engine::Instance bridge_;
  std::vector<engine::Instance> instances_;
};

}  // namespace

ComponentInstance::ComponentInstance(
    std::shared_ptr<const Component> component, std::span<void* const> hosts
)
    : component_(std::move(component)), hosts_(hosts) {
  const Plan& plan = component_->impl().plan;
  states_.resize(plan.components.size());
  for (std::size_t i = 0; i < states_.size(); ++i) {
    states_[i].realloc_may_leave = plan.components[i].realloc_may_leave;
    if (states_.size() > 1) {
      states_[i].handles.count_in(num_handles_);
    }
  }
  memories_.resize(plan.memories.size());
  funcs_.resize(plan.funcs.size());
  tables_.resize(plan.tables.size());
  if (plan.uses_async) {
    async_ = std::make_unique<AsyncState>(*this, *plan.payloads, plan.components.size());
    for (State& state : states_) {
      state.handles.set_async(async_.get());
    }
  }
}

ComponentInstance::~ComponentInstance() = default;

namespace {

/// Calls `visit` for a component instance and those around it that do not hold the caller too,
/// until it returns false.
template <class Visit>
bool entering_set(
    const Plan& plan, std::uint16_t component_index, std::uint16_t caller, Visit visit
) {
  const auto depth_of = [&](std::uint16_t index) { return plan.components[index].depth; };
  for (std::uint16_t at = component_index; at != Plan::ComponentInfo::kNoParent;
       at = plan.components[at].parent) {
    while (caller != ComponentInstance::kHost && depth_of(caller) > depth_of(at)) {
      caller = plan.components[caller].parent;
    }
    if (at == caller) {
      return true;
    }
    if (!visit(at)) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool ComponentInstance::enter(std::uint16_t component_index, std::uint16_t caller) noexcept {
  const Plan& plan = component_->impl().plan;
  const bool may_enter = entering_set(plan, component_index, caller, [&](std::uint16_t at) {
    return states_[at].may_enter;
  });
  if (!may_enter) {
    return false;
  }
  states_[component_index].storage = {};
  return entering_set(plan, component_index, caller, [&](std::uint16_t at) {
    states_[at].may_enter = false;
    return true;
  });
}

bool ComponentInstance::is_nested(std::uint16_t one, std::uint16_t other) const noexcept {
  const auto& components = component_->impl().plan.components;
  if (one == other) {
    return false;
  }
  const bool one_is_deeper = components[one].depth > components[other].depth;
  std::uint16_t inner = one_is_deeper ? one : other;
  const std::uint16_t outer = one_is_deeper ? other : one;
  while (components[inner].depth > components[outer].depth) {
    inner = components[inner].parent;
  }
  return inner == outer;
}

bool ComponentInstance::add_backpressure(std::uint16_t component_index) noexcept {
  return ++states_[component_index].backpressure != 0;
}

bool ComponentInstance::remove_backpressure(std::uint16_t component_index) noexcept {
  if (states_[component_index].backpressure-- == 0) {
    return false;
  }
  if (async_ != nullptr && async_->run() != nullptr) {
    async_->run()->gate_opened(component_index);
  }
  return true;
}

std::optional<engine::Func> ComponentInstance::func_in_table(
    engine::Store& store, std::uint16_t table_slot, std::uint32_t index
) const {
  return table_slot < tables_.size() && tables_[table_slot]
             ? store.func_in_table(*tables_[table_slot], index)
             : std::nullopt;
}

void ComponentInstance::leave(std::uint16_t component_index, std::uint16_t caller) noexcept {
  (void)entering_set(component_->impl().plan, component_index, caller, [&](std::uint16_t at) {
    states_[at].may_enter = true;
    return true;
  });
}

std::expected<void, engine::Trap> ComponentInstance::instantiate(engine::Store& store) {
  const Component::Impl& impl = component_->impl();
  Instantiation run(impl, store);
  if (auto made = run.bridge(); !made) {
    return made;
  }
  if (auto filled = fill_host_slots(store, run.bridge_instance()); !filled) {
    return filled;
  }
  for (std::size_t i = 0; i < impl.plan.steps.size(); ++i) {
    auto made = run.step(i);
    if (!made) {
      return std::unexpected(std::move(made.error()));
    }
    core_instances_.push_back(*made);
    if (auto filled = fill_slots(store, *made, static_cast<std::uint32_t>(i)); !filled) {
      return filled;
    }
  }
  if (!impl.types_checked.load(std::memory_order_relaxed)) [[unlikely]] {
    if (auto checked = check_types(store); !checked) {
      return checked;
    }
    impl.types_checked.store(true, std::memory_order_relaxed);
  }
  return {};
}

std::expected<void, engine::Trap> ComponentInstance::check_types(engine::Store& store) const {
  const Plan& plan = component_->impl().plan;
  for (std::size_t i = 0; i < plan.funcs.size(); ++i) {
    const engine::FuncType type = store.type_of(*funcs_[i]);
    if (type != plan.func_types[i]) {
      return std::unexpected(link_trap(fmt::format(
          "the engine sees function \"{}\" as {}, the plan as {}",
          plan.funcs[i].item,
          engine::to_string(type),
          engine::to_string(plan.func_types[i])
      )));
    }
  }
  return {};
}

std::expected<void, engine::Trap> ComponentInstance::fill_host_slots(
    engine::Store& store, const engine::Instance& bridge
) {
  const Component::Impl& impl = component_->impl();
  for (std::size_t i = 0; i < impl.plan.funcs.size(); ++i) {
    const auto host = impl.plan.funcs[i].host;
    if (!host) {
      continue;
    }
    const auto item = store.find_export(bridge, impl.bridge->export_of[*host]);
    funcs_[i] = item ? store.as_func(*item) : std::nullopt;
    if (!funcs_[i]) {
      return std::unexpected(link_trap(fmt::format("no host function {}", *host)));
    }
  }
  return {};
}

std::expected<void, engine::Trap> ComponentInstance::fill_slots(
    engine::Store& store, const engine::Instance& instance, std::uint32_t step
) {
  const Plan& plan = component_->impl().plan;
  for (std::size_t i = 0; i < plan.memories.size(); ++i) {
    if (plan.memories[i].instance != step) {
      continue;
    }
    const auto item = store.find_export(instance, plan.memories[i].item);
    memories_[i] = item ? store.as_memory(*item) : std::nullopt;
    if (!memories_[i]) {
      return std::unexpected(link_trap(fmt::format("no memory \"{}\"", plan.memories[i].item)));
    }
  }
  for (std::size_t i = 0; i < plan.tables.size(); ++i) {
    if (plan.tables[i].instance == step) {
      tables_[i] = store.find_export(instance, plan.tables[i].item);
    }
  }
  for (std::size_t i = 0; i < plan.funcs.size(); ++i) {
    if (plan.funcs[i].instance != step) {
      continue;
    }
    const auto item = store.find_export(instance, plan.funcs[i].item);
    funcs_[i] = item ? store.as_func(*item) : std::nullopt;
    if (!funcs_[i]) {
      return std::unexpected(link_trap(fmt::format("no function \"{}\"", plan.funcs[i].item)));
    }
  }
  return {};
}

std::optional<engine::Extern> ComponentInstance::find_core_export(
    engine::Store& store, std::uint32_t step, std::string_view name
) const {
  return store.find_export(core_instances_[step], name);
}

bool ComponentInstance::end_event() noexcept {
  bool is_idle = std::ranges::all_of(states_, [](const State& state) {
    return state.may_enter && state.may_leave;
  });
  if (async_ != nullptr && !async_->end_event()) {
    is_idle = false;
  }
  for (State& state : states_) {
    state.handles.clear();
    state.backpressure = 0;
  }
  return is_idle;
}

bool ComponentInstance::has_deferred_starts() const noexcept {
  return !component_->impl().plan.deferred_starts.empty();
}

std::expected<void, engine::Trap> ComponentInstance::run_deferred_starts(engine::Store& store) {
  for (const std::uint16_t slot : component_->impl().plan.deferred_starts) {
    engine::RawVal none{};
    if (auto called = store.call_guest(*funcs_[slot], std::span(&none, 1)); !called) {
      return called;
    }
  }
  return {};
}

}  // namespace whorl::component
