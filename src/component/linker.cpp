#include "component/linker.hpp"

#include "component/diagnose.hpp"
#include "component/names.hpp"
#include "component/reader.hpp"

#include <algorithm>

namespace whorl::component {

using ir::Sort;

namespace {

/// Steps of one link: bounds what nested components that instantiate each other can cost.
constexpr std::uint64_t kFuel = 500'000;
constexpr std::uint32_t kMaxInstantiationDepth = 100;
constexpr std::size_t kMaxFrames = 20'000;
constexpr std::size_t kMaxComponentInstances = 2'000;

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

std::string_view sort_name(const Item& item) noexcept {
  constexpr std::array<std::string_view, 5> kNames = {
      "core module", "function", "type", "component", "instance"
  };
  return kNames[item.index()];
}

Sort sort_of(const Item& item) noexcept {
  constexpr std::array<Sort, 5> kSorts = {
      Sort::CoreModule, Sort::Func, Sort::Type, Sort::Component, Sort::Instance
  };
  return kSorts[item.index()];
}

}  // namespace

const Item* InstanceItem::find(std::string_view name) const noexcept {
  const auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : &exports[found->second].second;
}

void InstanceItem::add(std::string_view name, Item item) {
  by_name.emplace(name, exports.size());
  exports.emplace_back(name, std::move(item));
}

Linker::Linker(const HostRegistry& registry) : registry_(registry), fuel_(kFuel) {
  for (std::size_t i = 0; i < primitives_.size(); ++i) {
    auto type = std::make_shared<Type>();
    type->kind = static_cast<TypeKind>(i);
    primitives_[i] = std::move(type);
  }
}

Linker::~Linker() = default;

Result<> Linker::spend(std::uint64_t offset) {
  if (fuel_ == 0) {
    return malformed(offset, "linking the component takes too many steps");
  }
  --fuel_;
  return {};
}

Frame& Linker::new_frame(const Frame* parent) {
  frames_.push_back(std::make_unique<Frame>());
  frames_.back()->parent = parent;
  return *frames_.back();
}

Result<> Linker::run(std::shared_ptr<const ir::Component> root) {
  WHORL_CHECKED(refuse_async(*root));
  Frame& frame = new_frame(nullptr);
  frame.component_index = add_component_instance(CallSite::kNone);
  WHORL_CHECKED(run_component(frame, *root, nullptr));
  return export_root(*frame.exports);
}

Result<> Linker::run_component(
    Frame& frame, const ir::Component& component, const Arguments* arguments
) {
  frame.exports = std::make_shared<InstanceItem>();
  for (const ir::Definition& definition : component.definitions) {
    WHORL_CHECKED(spend(definition.offset));
    WHORL_CHECKED(run_definition(frame, definition, arguments));
  }
  return {};
}

Result<> Linker::run_definition(
    Frame& frame, const ir::Definition& definition, const Arguments* arguments
) {
  const std::uint64_t offset = definition.offset;
  return std::visit(
      Overloaded{
          [&](const ir::CoreModuleDefinition& what) -> Result<> {
            WHORL_TRY(const std::uint32_t index, scan_module(what, offset));
            frame.modules.push_back({index});
            return {};
          },
          [&](const ir::CoreInstanceDefinition& what) {
            return run_core_instance(frame, what, offset);
          },
          [&](const ir::CoreTypeDefinition&) -> Result<> { return {}; },
          [&](const ir::NestedComponent& what) -> Result<> {
            frame.components.push_back({what.component, &frame});
            return {};
          },
          [&](const ir::InstanceDefinition& what) { return run_instance(frame, what, offset); },
          [&](const ir::Alias& what) { return run_alias(frame, what, offset); },
          [&](const ir::TypeDefinition& what) -> Result<> {
            WHORL_TRY(TypeItem type, make_type(what, frame, offset));
            frame.types.push_back(std::move(type));
            return {};
          },
          [&](const ir::Canon& what) { return run_canon(frame, what, offset); },
          [&](const ir::Import& what) { return run_import(frame, what, arguments, offset); },
          [&](const ir::Export& what) { return run_export(frame, what, offset); },
      },
      definition.what
  );
}

Item Linker::item_at(const Frame& frame, ir::SortIndex index) {
  switch (index.sort) {
    case Sort::CoreModule:
      return frame.modules[index.index];
    case Sort::Func:
      return frame.funcs[index.index];
    case Sort::Type:
      return frame.types[index.index];
    case Sort::Component:
      return frame.components[index.index];
    default:
      return frame.instances[index.index];
  }
}

void Linker::push(Frame& frame, Item item) {
  std::visit(
      Overloaded{
          [&](ModuleItem& what) { frame.modules.push_back(what); },
          [&](FuncItem& what) { frame.funcs.push_back(std::move(what)); },
          [&](TypeItem& what) { frame.types.push_back(std::move(what)); },
          [&](ComponentItem& what) { frame.components.push_back(std::move(what)); },
          [&](InstanceRef& what) { frame.instances.push_back(std::move(what)); },
      },
      item
  );
}

Result<> Linker::run_import(
    Frame& frame, const ir::Import& import, const Arguments* arguments, std::uint64_t offset
) {
  if (arguments == nullptr) {
    WHORL_TRY(Item item, import_from_host(frame, import, offset));
    push(frame, std::move(item));
    return {};
  }
  const auto given = arguments->find(import.name);
  if (given == arguments->end()) {
    return malformed(
        offset,
        "a nested component is instantiated without its import \"{}\"",
        printable(import.name)
    );
  }
  Provider provider;
  provider.name = import.name;
  WHORL_TRY(
      Item item,
      accept(import.type, frame, provider, import.name, &given->second, offset)
          .context("argument \"{}\" of a nested component", printable(import.name))
  );
  push(frame, std::move(item));
  return {};
}

namespace {

/// Instance types without functions need nothing of the host.
bool has_functions(const ir::TypeScope& scope) {
  return std::ranges::any_of(scope.declarations, [](const ir::Definition& definition) {
    const auto* item = std::get_if<ir::Export>(&definition.what);
    return item != nullptr && item->type && item->type->sort == Sort::Func;
  });
}

Error refused_import(const ir::Import& import, std::uint64_t offset) {
  return unsupported(
             offset,
             "the component imports the {} \"{}\"; the host offers interfaces only",
             ir::to_string(import.type.sort),
             printable(import.name)
  )
      .with_help(
          "compose it with a component that provides this import, or move the import into an "
          "interface of a package"
      );
}

}  // namespace

Result<Item> Linker::import_from_host(
    Frame& frame, const ir::Import& import, std::uint64_t offset
) {
  Provider provider;
  provider.name = import.implements.empty() ? import.name : import.implements;
  if (import.type.sort == Sort::Type) {
    return accept(import.type, frame, provider, import.name, nullptr, offset);
  }
  if (import.type.sort != Sort::Instance || !parse_interface_name(provider.name)) {
    return refused_import(import, offset);
  }
  const TypeItem& type = frame.types[import.type.index];
  if (type.kind != TypeItem::Kind::Instance) {
    return malformed(offset, "type {} is not an instance type", import.type.index);
  }
  auto match = find_interface(provider.name, offset);
  if (match) {
    provider.host = *match;
  } else if (has_functions(*type.scope)) {
    return match.take_error();
  }
  WHORL_TRY(InstanceRef instance, open_instance(type, provider));
  return Item(std::move(instance));
}

Result<HostRegistry::Match> Linker::find_interface(
    std::string_view import_name, std::uint64_t offset
) const {
  const auto name = parse_interface_name(import_name);
  if (!name) {
    return malformed(offset, "\"{}\" is not an interface name", printable(import_name));
  }
  if (const auto match = registry_.find(name->interface, name->version)) {
    return *match;
  }
  return explain_missing_interface(registry_, *name, offset);
}

Result<> Linker::run_export(Frame& frame, const ir::Export& item, std::uint64_t offset) {
  Item exported = item_at(frame, *item.item);
  if (item.type) {
    Provider provider;
    provider.name = item.name;
    WHORL_TRY(
        exported,
        accept(*item.type, frame, provider, item.name, &exported, offset)
            .context("the type of export \"{}\"", printable(item.name))
    );
  }
  if (auto* type = std::get_if<TypeItem>(&exported);
      type != nullptr && type->kind == TypeItem::Kind::Value && type->has_borrow) {
    return malformed(offset, "export \"{}\" is a type with a borrow", printable(item.name));
  }
  frame.exports->add(item.name, exported);
  push(frame, std::move(exported));
  return {};
}

Result<> Linker::run_alias(Frame& frame, const ir::Alias& alias, std::uint64_t offset) {
  if (alias.target == ir::Alias::Target::CoreExport) {
    WHORL_TRY(
        const CoreRef ref, core_export(frame.core_instances[alias.instance], alias.name, offset)
    );
    if (static_cast<std::size_t>(ref.kind) != static_cast<std::size_t>(alias.sort)) {
      return malformed(
          offset,
          "export \"{}\" of core instance {} is a {}, not a {}",
          printable(alias.name),
          alias.instance,
          to_string(ref.kind),
          ir::to_string(alias.sort)
      );
    }
    frame.core[static_cast<std::size_t>(ref.kind)].push_back(ref);
    return {};
  }
  if (alias.target == ir::Alias::Target::Export) {
    const Item* found = frame.instances[alias.instance]->find(alias.name);
    if (found == nullptr || sort_of(*found) != alias.sort) {
      return malformed(
          offset,
          "instance {} exports {} \"{}\"{}",
          alias.instance,
          found == nullptr ? "nothing called" : "no " + std::string(ir::to_string(alias.sort)),
          printable(alias.name),
          found == nullptr ? "" : fmt::format(", it is a {}", sort_name(*found))
      );
    }
    push(frame, *found);
    return {};
  }
  const Frame* target = &frame;
  for (std::uint32_t i = 0; i < alias.outer; ++i) {
    target = target->parent;
  }
  if (alias.sort == Sort::CoreType) {
    return {};
  }
  push(frame, item_at(*target, {alias.sort, alias.index}));
  return {};
}

Result<> Linker::run_instance(
    Frame& frame, const ir::InstanceDefinition& definition, std::uint64_t offset
) {
  if (!definition.component) {
    auto instance = std::make_shared<InstanceItem>();
    for (const ir::NamedIndex& item : definition.items) {
      WHORL_CHECKED(spend(offset));
      instance->add(item.name, item_at(frame, item.item));
    }
    frame.instances.push_back(std::move(instance));
    return {};
  }
  Arguments arguments;
  for (const ir::NamedIndex& item : definition.items) {
    WHORL_CHECKED(spend(offset));
    arguments.emplace(item.name, item_at(frame, item.item));
  }
  WHORL_TRY(
      InstanceRef instance,
      instantiate(frame.components[*definition.component], arguments, frame, offset)
  );
  frame.instances.push_back(std::move(instance));
  return {};
}

Result<InstanceRef> Linker::instantiate(
    const ComponentItem& component,
    const Arguments& arguments,
    const Frame& from,
    std::uint64_t offset
) {
  const std::uint32_t depth = from.depth + 1;
  if (depth > kMaxInstantiationDepth || frames_.size() > kMaxFrames ||
      graph_.component_parents.size() >= kMaxComponentInstances) {
    return malformed(
        offset,
        "components are instantiated inside each other more than {} deep, or too often",
        kMaxInstantiationDepth
    );
  }
  // Held here: the frame that owns the item may grow while the nested component runs.
  const ComponentItem held = component;
  Frame& frame = new_frame(held.frame);
  frame.depth = depth;
  frame.component_index = add_component_instance(from.component_index);
  WHORL_CHECKED(run_component(frame, *held.component, &arguments));
  return InstanceRef(frame.exports);
}

std::uint16_t Linker::add_component_instance(std::uint16_t parent) {
  graph_.component_parents.push_back(parent);
  return static_cast<std::uint16_t>(graph_.component_parents.size() - 1);
}

Result<> Linker::add_export(
    std::string_view interface, std::string_view version, std::string_view name, const Item& item
) {
  const auto* func = std::get_if<FuncItem>(&item);
  if (func == nullptr) {
    return {};
  }
  if (!func->lift) {
    return fail(
               ErrorKind::Unsupported,
               "the component exports \"{}\", which is one of its own imports",
               printable(name)
    )
        .with_help("passing an import of the host through as an export is not supported yet");
  }
  graph_.exports.push_back(
      {std::string(interface), std::string(version), std::string(name), *func->lift}
  );
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

namespace {

bool is_async_op(const ir::Canon& canon) noexcept {
  using ir::CanonOp;
  switch (canon.op) {
    case CanonOp::Lift:
    case CanonOp::Lower:
      return canon.options.is_async;
    case CanonOp::ResourceNew:
    case CanonOp::ResourceDrop:
    case CanonOp::ResourceRep:
      return false;
    default:
      return true;
  }
}

}  // namespace

Result<> refuse_async(const ir::Component& component) {
  for (const ir::Definition& definition : component.definitions) {
    if (const auto* nested = std::get_if<ir::NestedComponent>(&definition.what)) {
      WHORL_CHECKED(refuse_async(*nested->component));
    }
    const auto* canon = std::get_if<ir::Canon>(&definition.what);
    if (canon == nullptr || !is_async_op(*canon)) {
      continue;
    }
    const bool call = canon->op == ir::CanonOp::Lift || canon->op == ir::CanonOp::Lower;
    return unsupported(
               definition.offset,
               "the component uses the asynchronous operation `{}{}`",
               call ? "async " : "",
               ir::to_string(canon->op)
    )
        .with_help(kAsyncHelp);
  }
  return {};
}

}  // namespace whorl::component
