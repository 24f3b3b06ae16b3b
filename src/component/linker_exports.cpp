// What the root component exports: functions that can be called from outside.
#include "component/forwarder.hpp"
#include "component/interpret.hpp"
#include "component/linker.hpp"
#include "component/linker_depth.hpp"
#include "component/names.hpp"
#include "component/reader.hpp"
#include "component/type_search.hpp"

#include <unordered_set>

namespace whorl::component {

Result<std::vector<CoreRef>> Linker::forwarded_borrows(
    const FuncShape& shape, std::uint16_t component_index, Forwarder& out
) {
  std::vector<CoreRef> drops;
  std::uint32_t flat = 0;
  std::unordered_set<const Type*> walked;
  for (const Member& param : shape.params) {
    if (param.type->kind == TypeKind::Borrow) {
      WHORL_TRY(const CoreRef drop, lower_drop(param.type->resource, component_index, 0));
      drops.push_back(drop);
      out.borrows.push_back(flat);
    } else if (holds_borrow(param.type, walked)) {
      return fail(
                 ErrorKind::Unsupported,
                 "an import of the host that takes borrows inside other values is exported again"
      )
          .with_help("export a function of the component's own that calls the import");
    }
    WHORL_CHECKED(spend(0, walked.size()));
    walked.clear();
    const Flattener::Flat* part = flattener_.type(param.type);
    flat += part == nullptr ? 0 : static_cast<std::uint32_t>(part->size());
  }
  return drops;
}

Result<std::uint32_t> Linker::forward(const FuncItem& func) {
  const FuncShape& shape = *func.shape;
  if (graph_.instances.size() >= kMaxCoreInstances) {
    return fail(ErrorKind::ResourceLimit, "more than {} core instances", kMaxCoreInstances);
  }
  // A component instance of its own: its handle table is where handles pass through.
  const std::uint16_t component = new_component_frame(nullptr, 0).component_index;
  Forwarder forwarder;
  forwarder.lowered = flattener_.func(shape, Direction::Lower);
  forwarder.lifted = flattener_.func(shape, Direction::Lift);
  if (forwarder.lowered.params.size() > forwarder.lifted.params.size()) {
    WHORL_TRY(const auto layout, make_layout(shape));
    forwarder.spill = Forwarder::Spill{layout->result->size, layout->result->alignment};
  }
  WHORL_TRY(const std::vector<CoreRef> drops, forwarded_borrows(shape, component, forwarder));
  graph_.made.push_back(write_forwarder(forwarder));
  WHORL_TRY(CoreModule module, CoreModule::scan(graph_.made.back()));
  graph_.modules.push_back(std::move(module));
  const auto instance = static_cast<std::uint32_t>(graph_.instances.size());
  graph_.instances.push_back({static_cast<std::uint32_t>(graph_.modules.size() - 1), {}});
  const auto own = [&](CoreKind kind, const char* name) {
    return CoreRef{CoreRef::Source::Export, kind, instance, name};
  };
  GraphHost options;
  options.component_index = component;
  options.memory = own(CoreKind::Memory, kForwarderMemory);
  options.realloc = own(CoreKind::Func, kForwarderRealloc);
  WHORL_TRY(const CoreRef host, lower_host(func, options, 0));
  graph_.instances[instance].imports = {host};
  graph_.instances[instance].imports.insert(
      graph_.instances[instance].imports.end(), drops.begin(), drops.end()
  );
  GraphLift lift;
  lift.func = own(CoreKind::Func, kForwarderCall);
  lift.memory = options.memory;
  lift.realloc = options.realloc;
  lift.post_return = own(CoreKind::Func, kForwarderPostReturn);
  lift.shape = func.shape;
  lift.component_index = component;
  lift.label = func.name;
  return add_lift(std::move(lift), 0);
}

Result<> Linker::add_export(
    std::string_view interface, std::string_view version, std::string_view name, const Item& item
) {
  const auto* func = std::get_if<FuncItem>(&item);
  if (func == nullptr) {
    return {};
  }
  // Each export has the type of its own.
  WHORL_CHECKED(spend(0, 1 + func->shape->params.size() / 2));
  std::uint32_t lift = 0;
  if (func->lift) {
    lift = *func->lift;
  } else {
    WHORL_TRY(lift, forward(*func).context("export \"{}\"", printable(name)));
  }
  graph_.exports.push_back({std::string(interface), std::string(version), std::string(name), lift});
  return {};
}

Result<> Linker::export_root(const InstanceItem& exports) {
  for (const auto& [name, item] : exports.exports) {
    WHORL_CHECKED(add_export({}, {}, name, item));
    const auto* instance = std::get_if<InstanceRef>(&item);
    if (instance == nullptr) {
      continue;
    }
    const auto parsed = parse_interface_name(name);
    for (const auto& [inner_name, inner] : (*instance)->exports) {
      WHORL_CHECKED(add_export(
          parsed ? parsed->interface : name, parsed ? parsed->version : "", inner_name, inner
      ));
    }
  }
  return {};
}

}  // namespace whorl::component
