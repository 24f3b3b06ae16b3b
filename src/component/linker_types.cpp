// Types of the linker: building them.
// @spec Binary.md "Type Definitions"; CanonicalABI.md "Element Size", "Alignment"
#include "component/linker.hpp"
#include "component/reader.hpp"

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
    out_.has_resource = out_.has_resource || part.has_resource;
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

}  // namespace

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
    case Kind::Resource:
      return make_resource(definition, frame, offset);
    case Kind::Instance:
    case Kind::Component:
      return make_scope(definition, frame, offset);
  }
  return malformed(offset, "unknown type");
}

Result<TypeItem> Linker::make_resource(
    const ir::TypeDefinition& definition, const Frame& frame, std::uint64_t offset
) {
  GraphResource resource;
  resource.type = std::make_shared<ResourceType>();
  resource.type->name = "(own resource)";
  resource.type->impl = frame.component_index;
  if (definition.destructor) {
    const CoreRef& func =
        frame.core[static_cast<std::size_t>(CoreKind::Func)][*definition.destructor];
    WHORL_CHECKED(check_func(func, {{engine::ValType::I32}, {}}, "a destructor", offset));
    resource.destructor = func;
  }
  TypeItem out;
  out.kind = TypeItem::Kind::Resource;
  out.resource = resource.type;
  graph_.resources.push_back(std::move(resource));
  return out;
}

Result<TypeItem> Linker::make_scope(
    const ir::TypeDefinition& definition, const Frame& frame, std::uint64_t offset
) {
  TypeItem out;
  const bool is_instance = definition.kind == ir::TypeDefinition::Kind::Instance;
  out.kind = is_instance ? TypeItem::Kind::Instance : TypeItem::Kind::Component;
  out.scope = definition.scope;
  out.frame = &frame;
  if (!frame.is_abstract) {
    return out;
  }
  // Opened once for its own sake, so that what is wrong in it is found although nobody uses it.
  const std::size_t first = frames_.size();
  if (is_instance) {
    WHORL_CHECKED(open_instance(out, {}, offset, true));
  } else {
    WHORL_CHECKED(open_component(*out.scope, out.frame, nullptr, nullptr, true, offset));
  }
  out.has_resource = frames_[first]->captures_resource;
  return out;
}

Result<TypeItem> Linker::make_value(
    const ir::TypeDefinition& definition, const Frame& frame, std::uint64_t offset
) {
  if (definition.value <= TypeKind::ErrorContext) {
    return value_at({true, definition.value, 0}, frame, offset);
  }
  WHORL_CHECKED(spend(offset, definition.members.size() / 2));
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
      facts.out().has_resource = true;
      break;
    }
    case TypeKind::Stream:
    case TypeKind::Future:
      if (element.has_borrow) {
        return malformed(offset, "a {} cannot carry borrows", to_string(definition.value));
      }
      if (definition.value == TypeKind::Stream && type->element != nullptr &&
          type->element->kind == TypeKind::Char) {
        return malformed(offset, "stream<char> is not allowed");
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
  TypeItem out;
  out.kind = TypeItem::Kind::Func;
  WHORL_CHECKED(spend(offset, definition.members.size() / 2));
  auto func = std::make_shared<FuncShape>();
  func->is_async = definition.is_async;
  for (const ir::Member& param : definition.members) {
    WHORL_TRY(const TypeItem type, value_at(*param.type, frame, offset));
    func->params.push_back({std::string(param.name), type.value});
    out.has_resource = out.has_resource || type.has_resource;
  }
  if (definition.element) {
    WHORL_TRY(const TypeItem type, value_at(*definition.element, frame, offset));
    if (type.has_borrow) {
      return malformed(offset, "a function cannot return a borrow");
    }
    func->result = type.value;
    out.has_resource = out.has_resource || type.has_resource;
  }
  out.func = std::move(func);
  return out;
}

}  // namespace whorl::component
