// Types of the linker: building them, and matching declared ones with what is there.
// @spec Binary.md "Type Definitions"; CanonicalABI.md "Element Size", "Alignment"
#include "component/linker.hpp"
#include "component/reader.hpp"
#include "component/type_compare.hpp"

#include <algorithm>

namespace whorl::component {

using ir::Sort;

namespace {

constexpr std::uint32_t kMaxTypeDepth = 100;
/// Values must be smaller than this. @spec Binary.md, note on elem_size
constexpr std::uint64_t kMaxValueBytes = std::uint64_t{1} << 28;

constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) noexcept {
  return (value + alignment - 1) / alignment * alignment;
}

std::uint64_t primitive_size(TypeKind kind) noexcept {
  switch (kind) {
    case TypeKind::Bool:
    case TypeKind::S8:
    case TypeKind::U8:
      return 1;
    case TypeKind::S16:
    case TypeKind::U16:
      return 2;
    case TypeKind::S64:
    case TypeKind::U64:
    case TypeKind::F64:
      return 8;
    case TypeKind::String:
      return 16;
    default:
      return 4;
  }
}

std::uint64_t discriminant_size(std::size_t cases) noexcept {
  return cases <= 0x100 ? 1 : cases <= 0x10000 ? 2 : 4;
}

/// Adds up what the parts of a type mean for the whole.
class Facts {
 public:
  void field(const TypeItem& part) noexcept {
    take(part);
    out_.size = align_up(out_.size, part.alignment) + part.size;
    out_.alignment = std::max(out_.alignment, part.alignment);
  }
  void variant_case(const TypeItem& part) noexcept {
    take(part);
    largest_ = std::max(largest_, part.size);
    out_.alignment = std::max(out_.alignment, part.alignment);
  }
  /// A part that is not stored in place: the element of a list.
  void take(const TypeItem& part) noexcept {
    out_.depth = std::max(out_.depth, part.depth + 1);
    out_.has_borrow = out_.has_borrow || part.has_borrow;
  }
  void end_record() noexcept { out_.size = align_up(out_.size, out_.alignment); }
  void end_variant(std::size_t cases) noexcept {
    const std::uint64_t tag = discriminant_size(cases);
    const std::uint64_t payload_alignment = out_.alignment;
    out_.alignment = std::max(out_.alignment, tag);
    out_.size = align_up(align_up(tag, payload_alignment) + largest_, out_.alignment);
  }
  void fixed(std::uint64_t size, std::uint64_t alignment) noexcept {
    out_.size = size;
    out_.alignment = alignment;
  }
  [[nodiscard]] TypeItem& out() noexcept { return out_; }

 private:
  TypeItem out_;
  std::uint64_t largest_ = 0;
};

std::string_view kind_name(TypeItem::Kind kind) noexcept {
  switch (kind) {
    case TypeItem::Kind::Value:
      return "value type";
    case TypeItem::Kind::Func:
      return "function type";
    case TypeItem::Kind::Resource:
      return "resource type";
    case TypeItem::Kind::Instance:
      return "instance type";
    case TypeItem::Kind::Component:
      return "component type";
  }
  return "type";
}

}  // namespace

Result<TypeItem> Linker::value_at(const ir::ValType& type, const Frame& frame, std::uint64_t offset)
    const {
  if (type.is_primitive) {
    TypeItem out;
    out.value = primitives_[static_cast<std::size_t>(type.primitive)];
    out.size = primitive_size(type.primitive);
    out.alignment = std::min<std::uint64_t>(out.size, 8);
    return out;
  }
  const TypeItem& found = frame.types[type.index];
  if (found.kind != TypeItem::Kind::Value) {
    return malformed(
        offset, "type {} is a {}, not a value type", type.index, kind_name(found.kind)
    );
  }
  return found;
}

Result<TypeItem> Linker::make_type(
    const ir::TypeDefinition& definition, const Frame& frame, std::uint64_t offset
) {
  using Kind = ir::TypeDefinition::Kind;
  switch (definition.kind) {
    case Kind::Value:
      return make_value(definition, frame, offset);
    case Kind::Func:
      return make_func(definition, frame, offset);
    case Kind::Resource: {
      TypeItem out;
      out.kind = TypeItem::Kind::Resource;
      out.resource = std::make_shared<const ResourceType>(ResourceType{"(own resource)", nullptr});
      if (definition.destructor) {
        const CoreRef& func =
            frame.core[static_cast<std::size_t>(CoreKind::Func)][*definition.destructor];
        WHORL_CHECKED(check_func(func, {{engine::ValType::I32}, {}}, "a destructor", offset));
      }
      return out;
    }
    case Kind::Instance:
    case Kind::Component: {
      TypeItem out;
      out.kind =
          definition.kind == Kind::Instance ? TypeItem::Kind::Instance : TypeItem::Kind::Component;
      out.scope = definition.scope;
      out.frame = &frame;
      return out;
    }
  }
  return malformed(offset, "unknown type");
}

Result<TypeItem> Linker::make_value(
    const ir::TypeDefinition& definition, const Frame& frame, std::uint64_t offset
) {
  if (definition.value <= TypeKind::ErrorContext) {
    return value_at({true, definition.value, 0}, frame, offset);
  }
  auto type = std::make_shared<Type>();
  type->kind = definition.value;
  type->length = definition.length;
  Facts facts;
  const bool is_variant = definition.value == TypeKind::Variant;
  for (const ir::Member& member : definition.members) {
    TypeRef member_type;
    if (member.type) {
      WHORL_TRY(const TypeItem part, value_at(*member.type, frame, offset));
      member_type = part.value;
      is_variant ? facts.variant_case(part) : facts.field(part);
    }
    type->members.push_back({std::string(member.name), std::move(member_type)});
  }
  TypeItem element;
  TypeItem other;
  if (definition.element) {
    WHORL_TRY(element, value_at(*definition.element, frame, offset));
    type->element = element.value;
  }
  if (definition.other) {
    WHORL_TRY(other, value_at(*definition.other, frame, offset));
    type->other = other.value;
  }
  switch (definition.value) {
    case TypeKind::Variant:
      facts.end_variant(definition.members.size());
      break;
    case TypeKind::Option:
    case TypeKind::Result:
      if (type->element != nullptr) {
        facts.variant_case(element);
      }
      if (type->other != nullptr) {
        facts.variant_case(other);
      }
      facts.end_variant(2);
      break;
    case TypeKind::Enum:
      facts.end_variant(definition.members.size());
      break;
    case TypeKind::Flags: {
      const std::size_t count = definition.members.size();
      const std::uint64_t size = count <= 8 ? 1 : count <= 16 ? 2 : 4;
      facts.fixed(size, size);
      break;
    }
    case TypeKind::List:
    case TypeKind::Map:
      facts.fixed(16, 8);
      facts.take(element);
      facts.take(other);
      break;
    case TypeKind::FixedList:
      facts.fixed(definition.length * element.size, element.alignment);
      facts.take(element);
      break;
    case TypeKind::Own:
    case TypeKind::Borrow: {
      const TypeItem& resource = frame.types[definition.resource];
      if (resource.kind != TypeItem::Kind::Resource) {
        return malformed(offset, "type {} is not a resource type", definition.resource);
      }
      type->resource = resource.resource;
      facts.fixed(4, 4);
      facts.out().has_borrow = definition.value == TypeKind::Borrow;
      break;
    }
    case TypeKind::Stream:
    case TypeKind::Future:
      if (element.has_borrow) {
        return malformed(offset, "a {} cannot carry borrows", to_string(definition.value));
      }
      facts.fixed(4, 4);
      facts.take(element);
      break;
    default:
      facts.end_record();
      break;
  }
  TypeItem out = facts.out();
  if (out.depth > kMaxTypeDepth) {
    return malformed(offset, "types are nested more than {} deep", kMaxTypeDepth);
  }
  if (out.size >= kMaxValueBytes) {
    return malformed(
        offset, "a value of this type has {} bytes, more than the ABI allows", out.size
    );
  }
  out.value = std::move(type);
  return out;
}

Result<TypeItem> Linker::make_func(
    const ir::TypeDefinition& definition, const Frame& frame, std::uint64_t offset
) {
  auto func = std::make_shared<FuncShape>();
  func->is_async = definition.is_async;
  for (const ir::Member& param : definition.members) {
    WHORL_TRY(const TypeItem type, value_at(*param.type, frame, offset));
    func->params.push_back({std::string(param.name), type.value});
  }
  if (definition.element) {
    WHORL_TRY(const TypeItem type, value_at(*definition.element, frame, offset));
    if (type.has_borrow) {
      return malformed(offset, "a function cannot return a borrow");
    }
    func->result = type.value;
  }
  TypeItem out;
  out.kind = TypeItem::Kind::Func;
  out.func = std::move(func);
  return out;
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
    const TypeItem& wanted = frame.types[declared.index];
    if (actual == nullptr) {
      return Item(wanted);
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
    }
    if (!difference.empty()) {
      return malformed(offset, "type `{}`: {}", printable(name), difference);
    }
    return Item(*actual);
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
  out.resource = std::make_shared<const ResourceType>(ResourceType{std::string(name), nullptr});
  return Item(std::move(out));
}

Result<Item> Linker::accept(
    const ir::ExternType& declared,
    const Frame& frame,
    const Provider& provider,
    std::string_view name,
    const Item* given,
    std::uint64_t offset
) {
  constexpr std::array<Sort, 5> kSorts = {
      Sort::CoreModule, Sort::Func, Sort::Type, Sort::Component, Sort::Instance
  };
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
  if (declared.sort == Sort::CoreModule || declared.sort == Sort::Component) {
    // What is instantiated or called later is checked then, against what it really is.
    if (given == nullptr) {
      return unsupported(
          offset,
          "`{}` is a {}, which nobody provides",
          printable(name),
          ir::to_string(declared.sort)
      );
    }
    return *given;
  }
  const TypeItem& type = frame.types[declared.index];
  const auto wanted_kind =
      declared.sort == Sort::Func ? TypeItem::Kind::Func : TypeItem::Kind::Instance;
  if (type.kind != wanted_kind) {
    return malformed(
        offset,
        "type {} is a {}, not a {}",
        declared.index,
        kind_name(type.kind),
        kind_name(wanted_kind)
    );
  }
  if (declared.sort == Sort::Instance) {
    Provider inner = provider;
    inner.given = given == nullptr ? nullptr : std::get<InstanceRef>(*given).get();
    WHORL_TRY(InstanceRef instance, open_instance(type, inner));
    return Item(std::move(instance));
  }
  if (given == nullptr) {
    FuncItem func;
    func.shape = type.func;
    func.host = provider.host;
    func.interface = provider.name;
    func.name = name;
    return Item(std::move(func));
  }
  const auto& func = std::get<FuncItem>(*given);
  const std::string difference = explain_difference(*type.func, *func.shape, fuel_);
  if (!difference.empty()) {
    return malformed(offset, "function `{}`: {}", printable(name), difference);
  }
  return *given;
}

Result<InstanceRef> Linker::open_instance(const TypeItem& type, const Provider& provider) {
  const std::shared_ptr<const ir::TypeScope> scope = type.scope;
  Frame& frame = new_frame(type.frame);
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
  out.add(item->name, accepted);
  push(frame, std::move(accepted));
  return {};
}

Result<World> Linker::read_world(const ir::Component& root) {
  // The section is a component that exports one component type, whose only export is the world.
  Frame& frame = new_frame(nullptr);
  frame.component_index = 0;
  WHORL_CHECKED(run_component(frame, root, nullptr));
  const TypeItem* outer = nullptr;
  for (const auto& [name, item] : frame.exports->exports) {
    const auto* type = std::get_if<TypeItem>(&item);
    if (type != nullptr && type->kind == TypeItem::Kind::Component) {
      outer = type;
    }
  }
  if (outer == nullptr) {
    return fail(ErrorKind::InvalidInput, "the component-type section exports no component type");
  }
  Frame& body = new_frame(outer->frame);
  TypeItem world;
  for (const ir::Definition& definition : outer->scope->declarations) {
    const auto* item = std::get_if<ir::Export>(&definition.what);
    if (item == nullptr) {
      WHORL_CHECKED(run_definition(body, definition, nullptr));
      continue;
    }
    if (item->type->sort == Sort::Component) {
      world = body.types[item->type->index];
    }
  }
  if (world.kind != TypeItem::Kind::Component) {
    return fail(ErrorKind::InvalidInput, "the component-type section holds no world");
  }
  World out;
  Frame& scope = new_frame(world.frame);
  for (const ir::Definition& definition : world.scope->declarations) {
    WHORL_CHECKED(spend(definition.offset));
    if (const auto* import = std::get_if<ir::Import>(&definition.what)) {
      Provider provider;
      provider.name = import->implements.empty() ? import->name : import->implements;
      if (const auto match = find_interface(provider.name, definition.offset)) {
        provider.host = *match;
      }
      WHORL_TRY(
          Item item, accept(import->type, scope, provider, import->name, nullptr, definition.offset)
      );
      out.imports.emplace_back(import->name, item);
      push(scope, std::move(item));
    } else if (const auto* exported = std::get_if<ir::Export>(&definition.what)) {
      Provider provider;
      provider.name = exported->name;
      WHORL_TRY(
          Item item,
          accept(*exported->type, scope, provider, exported->name, nullptr, definition.offset)
      );
      out.exports.emplace_back(exported->name, item);
      push(scope, std::move(item));
    } else {
      WHORL_CHECKED(run_definition(scope, definition, nullptr));
    }
  }
  return out;
}

}  // namespace whorl::component
