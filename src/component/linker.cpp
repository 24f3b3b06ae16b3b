#include "component/linker.hpp"

#include "component/diagnose.hpp"
#include "component/linker_depth.hpp"
#include "component/names.hpp"
#include "component/reader.hpp"

#include <algorithm>

namespace whorl::component {

using ir::Sort;

namespace {

/// What a component on its own is given: all of the host.
const PartImports& alone() {
  static const PartImports kAlone;
  return kAlone;
}

/// Steps of one link: bounds what nested components that instantiate each other can cost.
constexpr std::uint64_t kFuel = 500'000;
/// Instances are walked and destroyed recursively.
constexpr std::uint32_t kMaxInstanceDepth = 100;
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
  if (const auto* inner = std::get_if<InstanceRef>(&item)) {
    depth = std::max(depth, (*inner)->depth + 1);
  }
  by_name.emplace(name, exports.size());
  exports.emplace_back(name, std::move(item));
}

bool PartImports::denies(std::string_view interface) const noexcept {
  return std::ranges::find(denied, interface) != denied.end();
}

Linker::Linker(const HostRegistry& registry, LinkMode mode)
    : registry_(registry), mode_(mode), fuel_(kFuel), part_(&alone()) {
  for (std::size_t i = 0; i < primitives_.size(); ++i) {
    auto type = std::make_shared<Type>();
    type->kind = static_cast<TypeKind>(i);
    primitives_[i] = std::move(type);
  }
}

Linker::~Linker() = default;

Result<> Linker::spend(std::uint64_t offset, std::size_t steps) {
  if (fuel_ < steps) {
    fuel_ = 0;
    return malformed(offset, "linking the component takes too many steps");
  }
  fuel_ -= steps;
  return {};
}

Frame& Linker::new_frame(const Frame* parent, Frame::Kind kind) {
  frames_.push_back(std::make_unique<Frame>());
  frames_.back()->parent = parent;
  frames_.back()->kind = kind;
  return *frames_.back();
}

Frame& Linker::new_component_frame(const Frame* parent, std::uint16_t around) {
  Frame& frame = new_frame(parent, Frame::Kind::Component);
  graph_.component_parents.push_back(around);
  frame.component_index = static_cast<std::uint16_t>(graph_.component_parents.size() - 1);
  return frame;
}

Result<> Linker::run(const std::shared_ptr<const ir::Component>& root) {
  Frame& frame = new_component_frame(nullptr, CallSite::kNone);
  frame.is_abstract = validating();
  WHORL_CHECKED(run_component(frame, *root, nullptr));
  return validating() ? Result<>() : export_root(*frame.exports);
}

void Linker::begin_composition() {
  (void)new_component_frame(nullptr, CallSite::kNone);
}

std::uint16_t Linker::begin_part(const PartImports& imports) {
  part_ = &imports;
  scanned_.clear();  // modules are numbered by file
  fuel_ = kFuel;
  part_frame_ = &new_component_frame(nullptr, 0);
  return part_frame_->component_index;
}

Result<InstanceRef> Linker::run_part(const ir::Component& component) {
  WHORL_CHECKED(run_component(*part_frame_, component, nullptr));
  return InstanceRef(part_frame_->exports);
}

Result<> validate(const std::shared_ptr<const ir::Component>& root) {
  const HostRegistry nobody;
  return Linker(nobody, LinkMode::Validate).run(root);
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
          [&](const ir::CoreTypeDefinition& what) { return run_core_types(frame, what, offset); },
          [&](const ir::NestedComponent& what) -> Result<> {
            frame.components.push_back({what.component, &frame, nullptr});
            if (!frame.is_abstract) {
              return {};
            }
            const Depth depth(*this);
            WHORL_CHECKED(depth.check(offset));
            Frame& inner = new_component_frame(&frame, frame.component_index);
            inner.is_abstract = true;
            return run_component(inner, *what.component, nullptr);
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

Result<> Linker::add_to(
    InstanceItem& instance, std::string_view name, Item item, std::uint64_t offset
) {
  instance.add(name, std::move(item));
  if (instance.depth > kMaxInstanceDepth) {
    return malformed(
        offset, "instances are exported by each other more than {} deep", kMaxInstanceDepth
    );
  }
  return {};
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
  Provider provider;
  provider.name = import.name;
  if (arguments == nullptr) {
    auto made = validating() ? accept(import.type, frame, provider, import.name, nullptr, offset)
                             : import_from_host(frame, import, offset);
    WHORL_TRY(Item item, std::move(made));
    WHORL_CHECKED(register_extern(frame, Side::Import, import.name, item, offset));
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

std::optional<Result<Item>> Linker::import_from_part(
    Frame& frame, const ir::Import& import, std::uint64_t offset
) {
  const ir::ExternType& type = import.type;
  const std::string_view name = import.name;
  Provider provider;
  provider.name = import.implements.empty() ? name : import.implements;
  if (const auto given = part_->given.find(name); given != part_->given.end()) {
    return accept(type, frame, provider, name, &given->second.item, offset)
        .context("{}", given->second.mismatch);
  }
  // A plain name is no way around what the interface behind it may not give.
  const auto interface = parse_interface_name(provider.name);
  if (!interface || !part_->denies(interface->interface)) {
    return std::nullopt;
  }
  provider.is_announced = true;
  provider.is_denied = true;
  return accept(type, frame, provider, name, nullptr, offset);
}

Result<Item> Linker::import_from_host(
    Frame& frame, const ir::Import& import, std::uint64_t offset
) {
  if (auto item = import_from_part(frame, import, offset)) {
    return *std::move(item);
  }
  Provider provider;
  provider.name = import.implements.empty() ? import.name : import.implements;
  if (import.type.sort == Sort::Type) {
    return accept(import.type, frame, provider, import.name, nullptr, offset);
  }
  // Plain names mean something between a host and its own components only: hosts of tests.
  const bool is_known =
      parse_interface_name(provider.name) || registry_.find(provider.name, {}).has_value();
  if (import.type.sort != Sort::Instance || !is_known) {
    return refused_import(import, offset);
  }
  const TypeItem& type = frame.types[import.type.index];
  if (type.kind != TypeItem::Kind::Instance) {
    return malformed(offset, "type {} is not an instance type", import.type.index);
  }
  auto match = find_interface(provider.name, offset);
  if (match) {
    provider.host = *match;
  } else if (registry_.is_announced(parse_interface_name(provider.name)->interface)) {
    provider.is_announced = true;
  } else if (has_functions(*type.scope)) {
    return match.take_error();
  }
  WHORL_TRY(InstanceRef instance, open_instance(type, provider, offset));
  return Item(std::move(instance));
}

Result<HostRegistry::Match> Linker::find_interface(
    std::string_view import_name, std::uint64_t offset
) const {
  const auto name = parse_interface_name(import_name);
  if (!name) {
    if (const auto match = registry_.find(import_name, {})) {
      return *match;
    }
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
    if (validating() && item.type->bound == ir::ExternType::Bound::SubResource) {
      // From here on nobody knows which resource it is.
      WHORL_TRY(exported, accept(*item.type, frame, provider, item.name, nullptr, offset));
    }
  }
  if (auto* type = std::get_if<TypeItem>(&exported);
      type != nullptr && type->kind == TypeItem::Kind::Value && type->has_borrow) {
    return malformed(offset, "export \"{}\" is a type with a borrow", printable(item.name));
  }
  if (auto* type = std::get_if<TypeItem>(&exported); type != nullptr) {
    WHORL_TRY(*type, named_copy(*type, offset));
  }
  if (const auto* func = std::get_if<FuncItem>(&exported);
      func != nullptr && func->lift && graph_.lifts[*func->lift].label.empty()) {
    graph_.lifts[*func->lift].label = item.name;
  }
  WHORL_CHECKED(register_extern(frame, Side::Export, item.name, exported, offset));
  WHORL_CHECKED(add_to(*frame.exports, item.name, exported, offset));
  push(frame, std::move(exported));
  return {};
}

Result<> Linker::run_core_alias(Frame& frame, const ir::Alias& alias, std::uint64_t offset) {
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

namespace {

/// Whether an item means resources of the place where it was defined.
bool refers_to_resource(const Item& item) noexcept {
  const auto* type = std::get_if<TypeItem>(&item);
  return type != nullptr && (type->kind == TypeItem::Kind::Resource || type->has_resource);
}

}  // namespace

Result<> Linker::run_outer_alias(Frame& frame, const ir::Alias& alias, std::uint64_t offset) {
  const Frame* target = &frame;
  bool leaves_component = false;
  for (std::uint32_t i = 0; i < alias.outer; ++i) {
    leaves_component = leaves_component || target->kind == Frame::Kind::Component;
    target = target->parent;
  }
  if (alias.sort == Sort::CoreType) {
    if (validating()) {
      const CoreTypeItem& type = target->core_types[alias.index];
      WHORL_CHECKED(spend(offset, size_of(type.type)));
      frame.core_types.push_back(type);
    }
    return {};
  }
  Item item = item_at(*target, {alias.sort, alias.index});
  if (alias.outer != 0 && frame.is_abstract && refers_to_resource(item)) {
    if (leaves_component) {
      return malformed(
          offset,
          "an alias of the outer type {} brings a resource into a component; resources are only "
          "passed by imports",
          alias.index
      );
    }
    for (const Frame* crossed = &frame; crossed != target; crossed = crossed->parent) {
      crossed->captures_resource = true;
    }
  }
  push(frame, std::move(item));
  return {};
}

Result<> Linker::run_alias(Frame& frame, const ir::Alias& alias, std::uint64_t offset) {
  if (alias.target == ir::Alias::Target::CoreExport) {
    return run_core_alias(frame, alias, offset);
  }
  if (alias.target == ir::Alias::Target::Outer) {
    return run_outer_alias(frame, alias, offset);
  }
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

Result<> Linker::run_instance(
    Frame& frame, const ir::InstanceDefinition& definition, std::uint64_t offset
) {
  if (!definition.component) {
    auto instance = std::make_shared<InstanceItem>();
    for (const ir::NamedIndex& item : definition.items) {
      WHORL_CHECKED(spend(offset));
      WHORL_CHECKED(add_to(*instance, item.name, item_at(frame, item.item), offset));
    }
    if (frame.is_abstract) {
      WHORL_CHECKED(check_bag(definition, *instance, offset));
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
  const Depth depth(*this);
  WHORL_CHECKED(depth.check(offset));
  if (graph_.component_parents.size() >= kMaxComponentInstances && !validating()) {
    return malformed(offset, "more than {} component instances", kMaxComponentInstances);
  }
  // Held here: the frame that owns the item may grow while the nested component runs.
  const ComponentItem held = component;
  if (held.component == nullptr) {
    WHORL_TRY(
        Opened opened, open_component(*held.scope, held.frame, &arguments, nullptr, false, offset)
    );
    return InstanceRef(std::move(opened.exports));
  }
  Frame& frame = new_component_frame(held.frame, from.component_index);
  WHORL_CHECKED(run_component(frame, *held.component, &arguments));
  return InstanceRef(frame.exports);
}

}  // namespace whorl::component
