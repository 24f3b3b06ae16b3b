// What imports and exports may show: types that have names, and functions named after resources.
// @spec Explainer "External Visibility of Types", "Import and Export Definitions"
#include "component/linker.hpp"
#include "component/names.hpp"
#include "component/reader.hpp"

namespace whorl::component {
namespace {

bool is_nominal(TypeKind kind) noexcept {
  return kind == TypeKind::Record || kind == TypeKind::Variant || kind == TypeKind::Enum ||
         kind == TypeKind::Flags;
}

/// Looks whether everything that an item refers to has a name where it is used.
class Visibility {
 public:
  /// @param also  more names that count; may be null
  Visibility(NamedTypes& names, const NamedTypes* also) noexcept : names_(names), also_(also) {}

  /// How many types were looked at.
  [[nodiscard]] std::size_t steps() const noexcept { return steps_; }

  [[nodiscard]] bool func(const FuncShape& shape) {
    for (const Member& param : shape.params) {
      if (!type(param.type)) {
        return false;
      }
    }
    return type(shape.result);
  }

  /// A type that gets a name itself: what it is made of must have one.
  [[nodiscard]] bool named(const TypeItem& item) {
    switch (item.kind) {
      case TypeItem::Kind::Value:
        if (is_nominal(item.value->kind) ? !parts(*item.value) : !type(item.value)) {
          return false;
        }
        names_.types.insert(item.value.get());
        return true;
      case TypeItem::Kind::Func:
        return func(*item.func);
      case TypeItem::Kind::Resource:
        names_.types.insert(item.resource.get());
        return true;
      default:
        return true;
    }
  }

  [[nodiscard]] bool instance(const InstanceItem& items) {
    for (const auto& [name, item] : items.exports) {
      const auto* inner = std::get_if<InstanceRef>(&item);
      const auto* function = std::get_if<FuncItem>(&item);
      const auto* defined = std::get_if<TypeItem>(&item);
      if ((inner != nullptr && !instance(**inner)) ||
          (function != nullptr && !func(*function->shape)) ||
          (defined != nullptr && !named(*defined))) {
        return false;
      }
    }
    return true;
  }

 private:
  [[nodiscard]] bool has(const void* identity) const {
    return names_.types.contains(identity) || (also_ != nullptr && also_->types.contains(identity));
  }

  [[nodiscard]] bool type(const TypeRef& type) {
    ++steps_;
    if (type == nullptr || has(type.get())) {
      return true;
    }
    if (type->resource != nullptr) {
      return has(type->resource.get());
    }
    if (is_nominal(type->kind)) {
      return false;
    }
    // Shared parts are walked once.
    return !walked_.insert(type.get()).second || parts(*type);
  }

  [[nodiscard]] bool parts(const Type& of) {
    for (const Member& member : of.members) {
      if (!type(member.type)) {
        return false;
      }
    }
    return type(of.element) && type(of.other);
  }

  NamedTypes& names_;
  const NamedTypes* also_;
  std::unordered_set<const Type*> walked_;
  std::size_t steps_ = 0;
};

/// The resource that a constructor makes: the result is it, or a `result` of it. Null otherwise.
const ResourceType* made_by(const FuncShape& shape) noexcept {
  const Type* result = shape.result.get();
  if (result != nullptr && result->kind == TypeKind::Result) {
    result = result->element.get();
  }
  return result != nullptr && result->kind == TypeKind::Own ? result->resource.get() : nullptr;
}

const ResourceType* self_of(const FuncShape& shape) noexcept {
  if (shape.params.empty() || shape.params[0].name != "self") {
    return nullptr;
  }
  const Type& type = *shape.params[0].type;
  return type.kind == TypeKind::Borrow ? type.resource.get() : nullptr;
}

}  // namespace

Result<> Linker::check_annotated(
    const NamedTypes& names, std::string_view name, const Item& item, std::uint64_t offset
) {
  using Kind = ExternName::Kind;
  const auto parsed = parse_extern_name(name);
  if (!parsed || (parsed->kind != Kind::Constructor && parsed->kind != Kind::Method &&
                  parsed->kind != Kind::Static)) {
    return {};
  }
  const auto* func = std::get_if<FuncItem>(&item);
  if (func == nullptr) {
    return malformed(offset, "`{}` is not a function", printable(name));
  }
  if (parsed->kind == Kind::Static) {
    if (!names.resource_names.contains(parsed->resource)) {
      return malformed(
          offset,
          "`{}`: no resource is called `{}` here",
          printable(name),
          printable(parsed->resource)
      );
    }
    return {};
  }
  const bool is_method = parsed->kind == Kind::Method;
  if (!is_method && func->shape->is_async) {
    return malformed(offset, "the constructor `{}` is asynchronous", printable(name));
  }
  const ResourceType* resource = is_method ? self_of(*func->shape) : made_by(*func->shape);
  if (resource == nullptr) {
    return malformed(
        offset,
        "`{}` must {} `{}`",
        printable(name),
        is_method ? "have a first parameter `self` that borrows a"
                  : "return, alone or as a result, an owned",
        printable(parsed->resource)
    );
  }
  const auto known = names.resources.find(resource);
  if (known == names.resources.end() || known->second != parsed->resource) {
    return malformed(
        offset,
        "`{}` must be of a resource called `{}` here, is of {}",
        printable(name),
        printable(parsed->resource),
        known == names.resources.end() ? std::string("one without a name")
                                       : fmt::format("`{}`", printable(known->second))
    );
  }
  return {};
}

Result<> Linker::check_bag(
    const ir::InstanceDefinition& definition, const InstanceItem& bag, std::uint64_t offset
) {
  // A bag gives its types no new identity, so that nothing is known to be a resource's by name.
  NamedTypes names;
  for (const ir::NamedIndex& item : definition.items) {
    const auto* type = std::get_if<TypeItem>(bag.find(item.name));
    if (type != nullptr && type->kind == TypeItem::Kind::Resource) {
      names.resource_names.insert(item.name);
    }
    WHORL_CHECKED(check_annotated(names, item.name, *bag.find(item.name), offset));
  }
  return {};
}

Result<> Linker::register_extern(
    Frame& frame, Side side, std::string_view name, const Item& item, std::uint64_t offset
) {
  if (!frame.is_abstract) {
    return {};
  }
  const bool is_import = side == Side::Import;
  NamedTypes& names = is_import ? frame.imported : frame.exported;
  const auto* type = std::get_if<TypeItem>(&item);
  if (type != nullptr && type->kind == TypeItem::Kind::Resource) {
    names.resources.emplace(type->resource.get(), name);
    names.resource_names.insert(name);
  }
  WHORL_CHECKED(check_annotated(names, name, item, offset));
  if (frame.kind == Frame::Kind::InstanceType) {
    // What it shows is looked at where it is imported or exported as an instance.
    return {};
  }
  Visibility visibility(names, is_import ? nullptr : &frame.imported);
  bool visible = true;
  if (const auto* func = std::get_if<FuncItem>(&item)) {
    visible = visibility.func(*func->shape);
  } else if (const auto* instance = std::get_if<InstanceRef>(&item)) {
    visible = visibility.instance(**instance);
  } else if (type != nullptr && type->kind == TypeItem::Kind::Instance) {
    WHORL_TRY(const InstanceRef opened, open_instance(*type, {}, offset));
    WHORL_CHECKED(spend(offset, names.types.size() / 4));
    NamedTypes inner = names;
    visible = Visibility(inner, is_import ? nullptr : &frame.imported).instance(*opened);
  } else if (type != nullptr) {
    visible = visibility.named(*type);
  }
  WHORL_CHECKED(spend(offset, visibility.steps() / 8));
  if (!visible) {
    return malformed(
        offset,
        "{} \"{}\" refers to a type that has no name there: it must be {} first",
        is_import ? "import" : "export",
        printable(name),
        is_import ? "imported" : "imported or exported"
    );
  }
  return {};
}

}  // namespace whorl::component
