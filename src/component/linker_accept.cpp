// Matching declared types with what is there for them: subtyping, substitution of resources,
// opening of instance and component types. @spec Explainer "Type Checking"
#include "component/linker.hpp"
#include "component/linker_depth.hpp"
#include "component/reader.hpp"
#include "component/type_compare.hpp"

#include <algorithm>

namespace whorl::component {

using ir::Sort;

namespace {

constexpr std::array<Sort, 5> kSorts = {
    Sort::CoreModule, Sort::Func, Sort::Type, Sort::Component, Sort::Instance
};

std::string explain_param_names(const FuncShape& wanted, const FuncShape& given) {
  for (std::size_t i = 0; i < wanted.params.size(); ++i) {
    if (wanted.params[i].name != given.params[i].name) {
      return fmt::format(
          "parameter {} is `{}`, is given as `{}`",
          i + 1,
          wanted.params[i].name,
          given.params[i].name
      );
    }
  }
  return {};
}

/// Types that are the same only by their name; others are told by their structure.
bool is_nominal(TypeKind kind) noexcept {
  return kind == TypeKind::Record || kind == TypeKind::Variant || kind == TypeKind::Enum ||
         kind == TypeKind::Flags;
}

}  // namespace

Result<TypeItem> Linker::named_copy(const TypeItem& type, std::uint64_t offset) {
  TypeItem out = type;
  if (!validating()) {
    return out;
  }
  if (type.kind == TypeItem::Kind::Value && is_nominal(type.value->kind)) {
    WHORL_CHECKED(spend(offset, type.value->members.size()));
    out.value = std::make_shared<const Type>(*type.value);
  } else if (type.kind == TypeItem::Kind::Resource) {
    auto copy = std::make_shared<ResourceType>(*type.resource);
    copy->same_as = type.resource->same_as != nullptr ? type.resource->same_as : type.resource;
    out.resource = std::move(copy);
  }
  return out;
}

Result<Item> Linker::accept_equal(
    const TypeItem& wanted, const TypeItem* actual, std::string_view name, std::uint64_t offset
) {
  if (actual == nullptr) {
    WHORL_TRY(TypeItem copy, named_copy(wanted, offset));
    return Item(std::move(copy));
  }
  std::string difference;
  if (wanted.kind != actual->kind) {
    difference =
        fmt::format("wants a {}, is given a {}", kind_name(wanted.kind), kind_name(actual->kind));
  } else if (wanted.kind == TypeItem::Kind::Value) {
    difference = explain_difference(wanted.value, actual->value, fuel_);
  } else if (wanted.kind == TypeItem::Kind::Func) {
    difference = explain_difference(*wanted.func, *actual->func, fuel_);
  } else if (wanted.kind == TypeItem::Kind::Resource &&
             !same_resource(wanted.resource, actual->resource)) {
    difference = "the two resources are not the same";
  } else if (validating() && wanted.kind == TypeItem::Kind::Instance) {
    WHORL_TRY(const InstanceRef instance, open_instance(*actual, {}, offset));
    Provider provider;
    provider.given = instance.get();
    WHORL_CHECKED(open_instance(wanted, provider, offset));
  } else if (validating() && wanted.kind == TypeItem::Kind::Component) {
    const Item component = ComponentItem{nullptr, actual->frame, actual->scope};
    WHORL_CHECKED(accept_component(wanted, name, &component, offset));
  }
  if (!difference.empty()) {
    return malformed(offset, "type `{}`: {}", printable(name), difference);
  }
  return Item(*actual);
}

Result<Item> Linker::accept_type(
    const ir::ExternType& declared,
    const Frame& frame,
    const Provider& provider,
    std::string_view name,
    const Item* given,
    std::uint64_t offset
) {
  const auto* actual = given == nullptr ? nullptr : std::get_if<TypeItem>(given);
  if (declared.bound == ir::ExternType::Bound::Equal) {
    return accept_equal(frame.types[declared.index], actual, name, offset);
  }
  if (actual != nullptr) {
    if (actual->kind != TypeItem::Kind::Resource) {
      return malformed(
          offset, "`{}` must be a resource type, is a {}", printable(name), kind_name(actual->kind)
      );
    }
    return Item(*actual);
  }
  TypeItem out;
  out.kind = TypeItem::Kind::Resource;
  if (provider.host) {
    for (const HostResourceDesc& offered : provider.host->interface->resources) {
      if (name == offered.tag->name) {
        out.resource = offered.type();
        return Item(std::move(out));
      }
    }
  }
  if (provider.defined != nullptr) {
    out.resource = defined_resource(*provider.defined, provider.name, name);
    return Item(std::move(out));
  }
  auto resource = std::make_shared<ResourceType>();
  resource->name = name;
  resource->is_announced = provider.is_announced;
  out.resource = std::move(resource);
  return Item(std::move(out));
}

Result<Item> Linker::accept_module(
    const ir::ExternType& declared,
    const Frame& frame,
    std::string_view name,
    const Item* given,
    std::uint64_t offset
) {
  if (!validating()) {
    // What is instantiated is checked then, against what it really is.
    if (given == nullptr) {
      return unsupported(offset, "`{}` is a core module, which nobody provides", printable(name));
    }
    return *given;
  }
  const auto& type = frame.core_types[declared.index].module;
  if (type == nullptr) {
    return malformed(offset, "core type {} is not a module type", declared.index);
  }
  WHORL_CHECKED(
      spend(offset, type->types().size() + type->imports().size() + type->export_names().size())
  );
  if (given == nullptr) {
    graph_.modules.push_back(*type);
    return Item(ModuleItem{static_cast<std::uint32_t>(graph_.modules.size() - 1)});
  }
  const CoreModule& module = graph_.modules[std::get<ModuleItem>(*given).index];
  const std::string mismatch = explain_module_mismatch(*type, module);
  if (!mismatch.empty()) {
    return malformed(offset, "core module `{}`: {}", printable(name), mismatch);
  }
  // Seen as it is declared: with the declared imports and exports only.
  graph_.modules.push_back(*type);
  return Item(ModuleItem{static_cast<std::uint32_t>(graph_.modules.size() - 1)});
}

Result<Item> Linker::accept_component(
    const TypeItem& declared, std::string_view name, const Item* given, std::uint64_t offset
) {
  if (!validating()) {
    if (given == nullptr) {
      return unsupported(offset, "`{}` is a component, which nobody provides", printable(name));
    }
    return *given;
  }
  if (given != nullptr) {
    // It must do with the declared imports, and what it exports then must be what is declared.
    const ComponentItem component = std::get<ComponentItem>(*given);
    WHORL_TRY(
        const Opened wanted,
        open_component(*declared.scope, declared.frame, nullptr, nullptr, false, offset)
    );
    const Frame nowhere;
    WHORL_TRY(
        const InstanceRef made,
        instantiate(component, wanted.imports, nowhere, offset)
            .context("the component given for `{}`", printable(name))
    );
    WHORL_CHECKED(
        open_component(*declared.scope, declared.frame, &wanted.imports, made.get(), false, offset)
            .context("the exports of the component given for `{}`", printable(name))
    );
  }
  return Item(ComponentItem{nullptr, declared.frame, declared.scope});
}

Result<Item> Linker::accept_func(
    const TypeItem& declared,
    const Provider& provider,
    std::string_view name,
    const Item* given,
    std::uint64_t offset
) {
  if (given == nullptr) {
    FuncItem func;
    func.shape = declared.func;
    func.host = provider.host;
    func.interface = provider.name;
    func.name = name;
    func.is_announced = provider.is_announced;
    func.is_denied = provider.is_denied;
    return Item(std::move(func));
  }
  FuncItem func = std::get<FuncItem>(*given);
  std::string difference = explain_difference(*declared.func, *func.shape, fuel_);
  if (difference.empty()) {
    difference = explain_param_names(*declared.func, *func.shape);
  }
  if (!difference.empty()) {
    return malformed(offset, "function `{}`: {}", printable(name), difference);
  }
  func.shape = declared.func;
  return Item(std::move(func));
}

Result<Item> Linker::accept(
    const ir::ExternType& declared,
    const Frame& frame,
    const Provider& provider,
    std::string_view name,
    const Item* given,
    std::uint64_t offset
) {
  if (given != nullptr && kSorts[given->index()] != declared.sort) {
    return malformed(
        offset,
        "`{}` must be a {}, is a {}",
        printable(name),
        ir::to_string(declared.sort),
        ir::to_string(kSorts[given->index()])
    );
  }
  if (declared.sort == Sort::Type) {
    return accept_type(declared, frame, provider, name, given, offset);
  }
  if (declared.sort == Sort::CoreModule) {
    return accept_module(declared, frame, name, given, offset);
  }
  // A copy: the frame may grow.
  const TypeItem type = frame.types[declared.index];
  const auto wanted_kind = declared.sort == Sort::Func        ? TypeItem::Kind::Func
                           : declared.sort == Sort::Component ? TypeItem::Kind::Component
                                                              : TypeItem::Kind::Instance;
  if (type.kind != wanted_kind) {
    return malformed(
        offset,
        "type {} is a {}, not a {}",
        declared.index,
        kind_name(type.kind),
        kind_name(wanted_kind)
    );
  }
  switch (wanted_kind) {
    case TypeItem::Kind::Func:
      return accept_func(type, provider, name, given, offset);
    case TypeItem::Kind::Component:
      return accept_component(type, name, given, offset);
    default: {
      Provider inner = provider;
      inner.given = given == nullptr ? nullptr : std::get<InstanceRef>(*given).get();
      WHORL_TRY(InstanceRef instance, open_instance(type, inner, offset));
      return Item(std::move(instance));
    }
  }
}

Result<InstanceRef> Linker::open_instance(
    const TypeItem& type, const Provider& provider, std::uint64_t offset, bool is_abstract
) {
  const Depth depth(*this);
  WHORL_CHECKED(depth.check(offset));
  const std::shared_ptr<const ir::TypeScope> scope = type.scope;
  Frame& frame = new_frame(type.frame, Frame::Kind::InstanceType);
  frame.is_abstract = is_abstract;
  auto out = std::make_shared<InstanceItem>();
  for (const ir::Definition& definition : scope->declarations) {
    WHORL_CHECKED(spend(definition.offset));
    WHORL_CHECKED(open_declaration(frame, definition, provider, *out));
  }
  return InstanceRef(std::move(out));
}

Result<> Linker::open_declaration(
    Frame& frame, const ir::Definition& definition, const Provider& provider, InstanceItem& out
) {
  const auto* item = std::get_if<ir::Export>(&definition.what);
  if (item == nullptr) {
    return run_definition(frame, definition, nullptr);
  }
  const Item* given = nullptr;
  if (provider.given != nullptr) {
    given = provider.given->find(item->name);
    if (given == nullptr) {
      return malformed(
          definition.offset, "the instance given has no export \"{}\"", printable(item->name)
      );
    }
  }
  WHORL_TRY(
      Item accepted, accept(*item->type, frame, provider, item->name, given, definition.offset)
  );
  WHORL_CHECKED(register_extern(frame, Side::Export, item->name, accepted, definition.offset));
  WHORL_CHECKED(add_to(out, item->name, accepted, definition.offset));
  push(frame, std::move(accepted));
  return {};
}

Result<Linker::Opened> Linker::open_component(
    const ir::TypeScope& scope,
    const Frame* around,
    const Arguments* arguments,
    const InstanceItem* given,
    bool is_abstract,
    std::uint64_t offset
) {
  const Depth depth(*this);
  WHORL_CHECKED(depth.check(offset));
  Frame& frame = new_frame(around, Frame::Kind::ComponentType);
  frame.is_abstract = is_abstract;
  Opened out;
  out.exports = std::make_shared<InstanceItem>();
  for (const ir::Definition& definition : scope.declarations) {
    WHORL_CHECKED(spend(definition.offset));
    if (const auto* import = std::get_if<ir::Import>(&definition.what)) {
      const Item* argument = nullptr;
      if (arguments != nullptr) {
        const auto found = arguments->find(import->name);
        if (found == arguments->end()) {
          return malformed(
              definition.offset,
              "a component is instantiated without its import \"{}\"",
              printable(import->name)
          );
        }
        argument = &found->second;
      }
      WHORL_TRY(
          Item item, accept(import->type, frame, {}, import->name, argument, definition.offset)
      );
      WHORL_CHECKED(register_extern(frame, Side::Import, import->name, item, definition.offset));
      out.imports.emplace(import->name, item);
      push(frame, std::move(item));
      continue;
    }
    Provider provider;
    provider.given = given;
    WHORL_CHECKED(open_declaration(frame, definition, provider, *out.exports));
  }
  return out;
}

}  // namespace whorl::component
