// Core modules, core instances and canonical definitions of the linker.
// @spec CanonicalABI.md "Canonical Definitions"
#include "component/diagnose.hpp"
#include "component/flatten.hpp"
#include "component/linker.hpp"
#include "component/reader.hpp"
#include "component/type_compare.hpp"

#include <algorithm>

namespace whorl::component {

using ir::Sort;

namespace {

constexpr std::size_t kMaxCoreInstances = 2'000;
constexpr std::size_t kMaxCanons = 0xfff0;

const engine::FuncType& realloc_type() {
  static const engine::FuncType kType = {
      {engine::ValType::I32, engine::ValType::I32, engine::ValType::I32, engine::ValType::I32},
      {engine::ValType::I32}
  };
  return kType;
}

}  // namespace

Result<std::uint32_t> Linker::scan_module(
    const ir::CoreModuleDefinition& definition, std::uint64_t offset
) {
  const auto known = scanned_.find(definition.index);
  if (known != scanned_.end()) {
    return known->second;
  }
  WHORL_TRY(CoreModule module, CoreModule::scan(definition.bytes, offset));
  graph_.modules.push_back(std::move(module));
  const auto index = static_cast<std::uint32_t>(graph_.modules.size() - 1);
  scanned_.emplace(definition.index, index);
  return index;
}

Result<CoreRef> Linker::core_export(
    const CoreInstanceItem& instance, std::string_view name, std::uint64_t offset
) {
  if (!instance.instance) {
    const auto found = instance.bag->find(name);
    if (found == instance.bag->end()) {
      return malformed(offset, "the core instance has no export \"{}\"", printable(name));
    }
    return found->second;
  }
  const std::uint32_t module = graph_.instances[*instance.instance].module;
  const CoreExport* found = graph_.modules[module].find_export(name);
  if (found == nullptr) {
    return malformed(
        offset, "{} has no export \"{}\"", describe_module(graph_, module), printable(name)
    );
  }
  // The module's own view of the name: it lives as long as the bytes.
  const auto own = graph_.modules[module].exports().find(name);
  return CoreRef{CoreRef::Source::Export, found->kind, *instance.instance, own->first};
}

Result<> Linker::run_core_instance(
    Frame& frame, const ir::CoreInstanceDefinition& definition, std::uint64_t offset
) {
  if (definition.module) {
    WHORL_TRY(CoreInstanceItem instance, instantiate_core(frame, definition, offset));
    frame.core_instances.push_back(std::move(instance));
    return {};
  }
  auto bag = std::make_shared<std::unordered_map<std::string_view, CoreRef>>();
  for (const ir::NamedIndex& item : definition.items) {
    WHORL_CHECKED(spend(offset));
    bag->emplace(item.name, frame.core[static_cast<std::size_t>(item.item.sort)][item.item.index]);
  }
  frame.core_instances.push_back({{}, std::move(bag)});
  return {};
}

Result<CoreInstanceItem> Linker::instantiate_core(
    Frame& frame, const ir::CoreInstanceDefinition& definition, std::uint64_t offset
) {
  if (graph_.instances.size() >= kMaxCoreInstances) {
    return malformed(offset, "more than {} core instances", kMaxCoreInstances);
  }
  std::unordered_map<std::string_view, const CoreInstanceItem*> arguments;
  for (const ir::NamedIndex& item : definition.items) {
    WHORL_CHECKED(spend(offset));
    arguments.emplace(item.name, &frame.core_instances[item.item.index]);
  }
  GraphInstance instance;
  instance.module = frame.modules[*definition.module].index;
  const CoreModule& module = graph_.modules[instance.module];
  for (const CoreImport& import : module.imports()) {
    WHORL_CHECKED(spend(offset));
    const auto given = arguments.find(import.module);
    if (given == arguments.end()) {
      return malformed(
          offset,
          "{} is instantiated without the module \"{}\" it imports",
          describe_module(graph_, instance.module),
          printable(import.module)
      );
    }
    WHORL_TRY(
        const CoreRef ref,
        core_export(*given->second, import.name, offset)
            .context(
                "import \"{}\" of {}",
                printable(import.module),
                describe_module(graph_, instance.module)
            )
    );
    const std::string mismatch = explain_binding(graph_, module, import, ref);
    if (!mismatch.empty()) {
      return malformed(
          offset,
          "import \"{}\" \"{}\" of {}: {}",
          printable(import.module),
          printable(import.name),
          describe_module(graph_, instance.module),
          mismatch
      );
    }
    instance.imports.push_back(ref);
  }
  graph_.instances.push_back(std::move(instance));
  return CoreInstanceItem{static_cast<std::uint32_t>(graph_.instances.size() - 1), nullptr};
}

Result<> Linker::check_memory(const CoreRef& memory, std::uint64_t offset) const {
  const CoreExternType* type = graph_.extern_type(memory);
  if (type == nullptr || type->kind != CoreKind::Memory) {
    return malformed(offset, "the memory option does not name a memory");
  }
  if (type->limits.is_64) {
    return unsupported(offset, "64-bit memories are not supported by the canonical ABI yet");
  }
  if (type->limits.is_shared) {
    return unsupported(offset, "shared memories are not supported");
  }
  return {};
}

Result<> Linker::check_func(
    const CoreRef& func, const engine::FuncType& wanted, std::string_view what, std::uint64_t offset
) const {
  if (func.source == CoreRef::Source::Host) {
    return unsupported(offset, "{} is not a function of the component itself", what);
  }
  const engine::FuncType* type = graph_.func_type(func);
  if (type == nullptr || *type != wanted) {
    return malformed(
        offset,
        "{} must have the core type {}, but has {}",
        what,
        engine::to_string(wanted),
        type == nullptr ? "one of another kind" : engine::to_string(*type)
    );
  }
  return {};
}

Result<> Linker::check_options(
    const FuncShape& shape,
    bool lift,
    const std::optional<CoreRef>& memory,
    const std::optional<CoreRef>& realloc,
    std::uint64_t offset
) {
  const AbiNeeds needs = flattener_.needs(shape, lift ? Direction::Lift : Direction::Lower);
  if (needs.memory && !memory) {
    return malformed(offset, "the function's values need the canonical option memory");
  }
  if (needs.realloc && !realloc) {
    return malformed(offset, "the function's values need the canonical option realloc");
  }
  if (memory) {
    WHORL_CHECKED(check_memory(*memory, offset));
  }
  if (realloc) {
    WHORL_CHECKED(check_func(*realloc, realloc_type(), "realloc", offset));
  }
  return {};
}

Result<> Linker::refuse_encoding(
    const FuncShape& shape, const ir::CanonOptions& options, std::uint64_t offset
) {
  if (options.encoding == ir::StringEncoding::Utf8 ||
      !flattener_.needs(shape, Direction::Lift).strings) {
    return {};
  }
  return unsupported(
             offset,
             "the component wants its strings in {}",
             options.encoding == ir::StringEncoding::Utf16 ? "UTF-16" : "Latin-1 or UTF-16"
  )
      .with_help("only UTF-8 strings are supported yet; build with string-encoding=utf8");
}

Result<> Linker::run_canon(Frame& frame, const ir::Canon& canon, std::uint64_t offset) {
  switch (canon.op) {
    case ir::CanonOp::Lift:
      return run_lift(frame, canon, offset);
    case ir::CanonOp::Lower:
      return run_lower(frame, canon, offset);
    case ir::CanonOp::ResourceDrop: {
      const TypeItem& type = frame.types[canon.type];
      if (type.kind != TypeItem::Kind::Resource) {
        return malformed(offset, "type {} is not a resource type", canon.type);
      }
      WHORL_TRY(const CoreRef ref, lower_drop(type.resource, frame.component_index, offset));
      frame.core[static_cast<std::size_t>(CoreKind::Func)].push_back(ref);
      return {};
    }
    case ir::CanonOp::ResourceNew:
    case ir::CanonOp::ResourceRep:
      return unsupported(
                 offset,
                 "the component defines resources of its own (`{}`)",
                 ir::to_string(canon.op)
      )
          .with_help("resources that a component exports are not supported yet");
    default:
      return unsupported(
                 offset,
                 "the component uses the asynchronous operation `{}`",
                 ir::to_string(canon.op)
      )
          .with_help(kAsyncHelp);
  }
}

Result<> Linker::run_lift(Frame& frame, const ir::Canon& canon, std::uint64_t offset) {
  const TypeItem& type = frame.types[canon.type];
  if (type.kind != TypeItem::Kind::Func) {
    return malformed(offset, "type {} is not a function type", canon.type);
  }
  if (canon.options.is_async || type.func->is_async) {
    return unsupported(offset, "the component lifts an asynchronous function")
        .with_help(kAsyncHelp);
  }
  WHORL_CHECKED(refuse_encoding(*type.func, canon.options, offset));
  const auto& funcs = frame.core[static_cast<std::size_t>(CoreKind::Func)];
  const auto& memories = frame.core[static_cast<std::size_t>(CoreKind::Memory)];
  GraphLift lift;
  lift.func = funcs[canon.func];
  lift.shape = type.func;
  if (canon.options.memory) {
    lift.memory = memories[*canon.options.memory];
  }
  if (canon.options.realloc) {
    lift.realloc = funcs[*canon.options.realloc];
  }
  if (canon.options.post_return) {
    lift.post_return = funcs[*canon.options.post_return];
  }
  lift.component_index = frame.component_index;
  const auto shape = lift.shape;
  WHORL_TRY(const std::uint32_t index, add_lift(std::move(lift), offset));
  FuncItem item;
  item.shape = shape;
  item.lift = index;
  frame.funcs.push_back(std::move(item));
  return {};
}

Result<std::uint32_t> Linker::add_lift(GraphLift lift, std::uint64_t offset) {
  if (graph_.lifts.size() >= kMaxCanons) {
    return malformed(offset, "more than {} lifted functions", kMaxCanons);
  }
  lift.core_type = flattener_.func(*lift.shape, Direction::Lift);
  WHORL_CHECKED(check_func(lift.func, lift.core_type, "the lifted function", offset));
  WHORL_CHECKED(check_options(*lift.shape, true, lift.memory, lift.realloc, offset));
  if (lift.post_return) {
    WHORL_CHECKED(check_func(*lift.post_return, {lift.core_type.results, {}}, "post-return", offset)
    );
  }
  graph_.lifts.push_back(std::move(lift));
  return static_cast<std::uint32_t>(graph_.lifts.size() - 1);
}

Result<> Linker::run_lower(Frame& frame, const ir::Canon& canon, std::uint64_t offset) {
  const FuncItem func = frame.funcs[canon.func];
  if (canon.options.is_async || func.shape->is_async) {
    return unsupported(offset, "the component calls an asynchronous function")
        .with_help(kAsyncHelp);
  }
  if (func.lift) {
    return unsupported(offset, "a component inside this one calls a function of another one")
        .with_help("calls between composed components are not supported yet");
  }
  WHORL_CHECKED(refuse_encoding(*func.shape, canon.options, offset));
  GraphHost options;
  if (canon.options.memory) {
    options.memory = frame.core[static_cast<std::size_t>(CoreKind::Memory)][*canon.options.memory];
  }
  if (canon.options.realloc) {
    options.realloc = frame.core[static_cast<std::size_t>(CoreKind::Func)][*canon.options.realloc];
  }
  options.component_index = frame.component_index;
  WHORL_TRY(const CoreRef ref, lower_host(func, options, offset));
  frame.core[static_cast<std::size_t>(CoreKind::Func)].push_back(ref);
  return {};
}

Result<CoreRef> Linker::lower_host(
    const FuncItem& func, const GraphHost& options, std::uint64_t offset
) {
  if (!func.host) {
    return unsupported(offset, "the host does not offer `{}`", printable(func.name));
  }
  const HostInterface& offered = *func.host->interface;
  const auto found = std::ranges::find_if(offered.functions, [&](const HostFunction& candidate) {
    return func.name == candidate.name;
  });
  if (found == offered.functions.end()) {
    return explain_missing_function(offered, func.interface, func.name, offset);
  }
  const std::string difference = explain_difference(*func.shape, found->shape(), fuel_);
  if (!difference.empty()) {
    return explain_type_difference(offered, func.interface, func.name, difference, offset);
  }
  WHORL_CHECKED(check_options(*func.shape, false, options.memory, options.realloc, offset));
  if (graph_.hosts.size() >= kMaxCanons) {
    return malformed(offset, "more than {} lowered functions", kMaxCanons);
  }
  GraphHost host = options;
  host.function = &*found;
  host.host_slot = func.host->host_slot;
  host.type = found->core_type();
  host.label = fmt::format("{} {}", func.interface, func.name);
  if (host.type != flattener_.func(*func.shape, Direction::Lower)) {
    return fail(
        ErrorKind::Internal,
        "the host's {} is described as {} but implemented as {}",
        host.label,
        engine::to_string(flattener_.func(*func.shape, Direction::Lower)),
        engine::to_string(host.type)
    );
  }
  graph_.hosts.push_back(std::move(host));
  return CoreRef{
      CoreRef::Source::Host, CoreKind::Func, static_cast<std::uint32_t>(graph_.hosts.size() - 1), {}
  };
}

Result<CoreRef> Linker::lower_drop(
    const ResourceRef& resource, std::uint16_t component_index, std::uint64_t offset
) {
  if (resource->host == nullptr) {
    return unsupported(
               offset,
               "the component drops the resource `{}`, which the host does not implement",
               printable(resource->name)
    )
        .with_help("resources that a component defines are not supported yet");
  }
  if (graph_.hosts.size() >= kMaxCanons) {
    return malformed(offset, "more than {} lowered functions", kMaxCanons);
  }
  GraphHost host;
  host.drop = resource->host;
  host.component_index = component_index;
  host.type = {{engine::ValType::I32}, {}};
  host.label =
      fmt::format("{} [resource-drop]{}", resource->host->interface_name, resource->host->name);
  graph_.hosts.push_back(std::move(host));
  return CoreRef{
      CoreRef::Source::Host, CoreKind::Func, static_cast<std::uint32_t>(graph_.hosts.size() - 1), {}
  };
}

}  // namespace whorl::component
