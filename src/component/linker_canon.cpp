// Canonical definitions of the linker: lift, lower and the resource built-ins.
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

constexpr std::size_t kMaxCanons = 0xfff0;

const engine::FuncType& realloc_type() {
  static const engine::FuncType kType = {
      {engine::ValType::I32, engine::ValType::I32, engine::ValType::I32, engine::ValType::I32},
      {engine::ValType::I32}
  };
  return kType;
}

std::vector<CoreRef>& core_funcs(Frame& frame) noexcept {
  return frame.core[static_cast<std::size_t>(CoreKind::Func)];
}

}  // namespace

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

Result<CoreRef> Linker::add_host(GraphHost host, std::uint64_t offset) {
  if (graph_.hosts.size() >= kMaxCanons) {
    return malformed(offset, "more than {} lowered functions and built-ins", kMaxCanons);
  }
  graph_.hosts.push_back(std::move(host));
  return CoreRef{
      CoreRef::Source::Host, CoreKind::Func, static_cast<std::uint32_t>(graph_.hosts.size() - 1), {}
  };
}

Result<> Linker::run_canon(Frame& frame, const ir::Canon& canon, std::uint64_t offset) {
  switch (canon.op) {
    case ir::CanonOp::Lift:
      return canon.options.is_async ? run_async_lift(frame, canon, offset)
                                    : run_lift(frame, canon, offset);
    case ir::CanonOp::Lower:
      return canon.options.is_async ? run_async_lower(frame, canon, offset)
                                    : run_lower(frame, canon, offset);
    case ir::CanonOp::ResourceNew:
    case ir::CanonOp::ResourceDrop:
    case ir::CanonOp::ResourceRep:
      return run_resource(frame, canon, offset);
    default:
      return run_async_op(frame, canon, offset);
  }
}

Result<> Linker::run_resource(Frame& frame, const ir::Canon& canon, std::uint64_t offset) {
  const TypeItem& type = frame.types[canon.type];
  if (type.kind != TypeItem::Kind::Resource) {
    return malformed(offset, "type {} is not a resource type", canon.type);
  }
  if (canon.op == ir::CanonOp::ResourceDrop) {
    WHORL_TRY(const CoreRef ref, lower_drop(type.resource, frame.component_index, offset));
    core_funcs(frame).push_back(ref);
    return {};
  }
  if (type.resource->impl != frame.component_index) {
    return malformed(
        offset,
        "`{}` of a resource that this component does not define itself",
        ir::to_string(canon.op)
    );
  }
  const bool is_new = canon.op == ir::CanonOp::ResourceNew;
  GraphHost host;
  host.kind = is_new ? GraphHost::Kind::ResourceNew : GraphHost::Kind::ResourceRep;
  host.resource = type.resource;
  host.component_index = frame.component_index;
  host.type = {{engine::ValType::I32}, {engine::ValType::I32}};
  host.label = fmt::format("{} {}", ir::to_string(canon.op), type.resource->name);
  WHORL_TRY(const CoreRef ref, add_host(std::move(host), offset));
  core_funcs(frame).push_back(ref);
  return {};
}

Result<> Linker::run_lift(Frame& frame, const ir::Canon& canon, std::uint64_t offset) {
  const TypeItem& type = frame.types[canon.type];
  if (type.kind != TypeItem::Kind::Func) {
    return malformed(offset, "type {} is not a function type", canon.type);
  }
  const auto& funcs = core_funcs(frame);
  const auto& memories = frame.core[static_cast<std::size_t>(CoreKind::Memory)];
  GraphLift lift;
  lift.func = funcs[canon.func];
  lift.shape = type.func;
  lift.encoding = canon.options.encoding;
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
  FuncItem item;
  item.shape = lift.shape;
  WHORL_TRY(item.lift, add_lift(std::move(lift), offset));
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

GraphHost Linker::lower_options(const Frame& frame, const ir::CanonOptions& options) const {
  GraphHost out;
  if (options.memory) {
    out.memory = frame.core[static_cast<std::size_t>(CoreKind::Memory)][*options.memory];
  }
  if (options.realloc) {
    out.realloc = frame.core[static_cast<std::size_t>(CoreKind::Func)][*options.realloc];
  }
  out.encoding = options.encoding;
  out.component_index = frame.component_index;
  return out;
}

Result<> Linker::run_lower(Frame& frame, const ir::Canon& canon, std::uint64_t offset) {
  const FuncItem func = frame.funcs[canon.func];
  GraphHost options = lower_options(frame, canon.options);
  if (validating()) {
    WHORL_CHECKED(check_options(*func.shape, false, options.memory, options.realloc, offset));
    options.type = flattener_.func(*func.shape, Direction::Lower);
    WHORL_TRY(const CoreRef ref, add_host(std::move(options), offset));
    core_funcs(frame).push_back(ref);
    return {};
  }
  WHORL_TRY(const CoreRef ref, lower(func, std::move(options), offset));
  core_funcs(frame).push_back(ref);
  return {};
}

Result<CoreRef> Linker::lower(const FuncItem& func, GraphHost options, std::uint64_t offset) {
  return func.lift ? lower_guest(func, std::move(options), offset)
                   : lower_host(func, options, offset);
}

Result<CoreRef> Linker::lower_guest(const FuncItem& func, GraphHost options, std::uint64_t offset) {
  GraphLift& lift = graph_.lifts[*func.lift];
  // Between two modules without a world the core types are the types: numbers.
  lift.shape_known = true;
  WHORL_CHECKED(check_options(*lift.shape, false, options.memory, options.realloc, offset));
  options.kind = GraphHost::Kind::GuestCall;
  options.lift = *func.lift;
  if (!options.is_async) {
    options.type = flattener_.func(*lift.shape, Direction::Lower);
  }
  options.label = fmt::format("{} of component instance {}", lift.label, lift.component_index);
  return add_host(std::move(options), offset);
}

Result<CoreRef> Linker::lower_announced(
    const FuncItem& func, const GraphHost& options, std::uint64_t offset
) {
  WHORL_CHECKED(check_options(*func.shape, false, options.memory, options.realloc, offset));
  GraphHost host = options;
  host.kind = GraphHost::Kind::Announced;
  host.shape = func.shape;
  if (!host.is_async) {
    host.type = flattener_.func(*func.shape, Direction::Lower);
  }
  host.interface = func.interface;
  host.name = func.name;
  host.is_denied = func.is_denied;
  host.label = fmt::format("{} {}", func.interface, func.name);
  return add_host(std::move(host), offset);
}

Result<CoreRef> Linker::lower_host(
    const FuncItem& func, const GraphHost& options, std::uint64_t offset
) {
  if (func.is_announced) {
    return lower_announced(func, options, offset);
  }
  if (!func.host) {
    return unsupported(offset, "the host does not offer `{}`", printable(func.name));
  }
  const HostInterface& offered = *func.host->interface;
  const auto found = std::ranges::find_if(offered.functions, [&](const HostFunction& candidate) {
    return func.name == candidate.name;
  });
  if (found == offered.functions.end()) {
    // An interface of which the host has an older version: what is new in it answers with its
    // error.
    return registry_.is_announced(offered.name) ? lower_announced(func, options, offset)
                                                : Result<CoreRef>(explain_missing_function(
                                                      offered, func.interface, func.name, offset
                                                  ));
  }
  const std::string difference = explain_difference(*func.shape, found->shape(), fuel_);
  if (!difference.empty()) {
    return explain_type_difference(offered, func.interface, func.name, difference, offset);
  }
  WHORL_CHECKED(check_options(*func.shape, false, options.memory, options.realloc, offset));
  GraphHost host = options;
  host.kind = GraphHost::Kind::Function;
  host.function = &*found;
  host.host_slot = func.host->host_slot;
  host.label = fmt::format("{} {}", func.interface, func.name);
  const engine::FuncType described =
      host.is_async ? host.type : flattener_.func(*func.shape, Direction::Lower);
  host.type = host.is_async ? found->async_core_type() : found->core_type();
  if (host.type != described) {
    return fail(
        ErrorKind::Internal,
        "the host's {} is described as {} but implemented as {}",
        host.label,
        engine::to_string(described),
        engine::to_string(host.type)
    );
  }
  return add_host(std::move(host), offset);
}

Result<CoreRef> Linker::lower_drop(
    const ResourceRef& resource, std::uint16_t component_index, std::uint64_t offset
) {
  if (resource->host == nullptr && resource->impl == ResourceType::kNone &&
      !resource->is_announced && !validating()) {
    return unsupported(
               offset,
               "the component drops the resource `{}`, which the host does not implement",
               printable(resource->name)
    )
        .with_help("build the component against the published version of the interface");
  }
  GraphHost host;
  host.component_index = component_index;
  host.type = {{engine::ValType::I32}, {}};
  if (resource->host != nullptr) {
    host.kind = GraphHost::Kind::HostDrop;
    host.drop = resource->host;
    host.label =
        fmt::format("{} [resource-drop]{}", resource->host->interface_name, resource->host->name);
  } else {
    host.kind = GraphHost::Kind::ResourceDrop;
    host.resource = resource;
    host.label = fmt::format("resource.drop {}", resource->name);
  }
  return add_host(std::move(host), offset);
}

}  // namespace whorl::component
