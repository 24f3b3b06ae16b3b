// The type section of the decoder. @spec Binary.md "Type Definitions"
#include "component/binary_decoder.hpp"
#include "component/names.hpp"

namespace whorl::component::detail {

using ir::Sort;
using ir::TypeDefinition;

namespace {

/// Primitive types have the codes 0x7f (bool) down to 0x73 (string), and 0x64 for error-context.
std::optional<TypeKind> primitive_of(std::uint8_t code) noexcept {
  if (code >= 0x73 && code <= 0x7f) {
    return static_cast<TypeKind>(0x7f - code);
  }
  if (code == 0x64) {
    return TypeKind::ErrorContext;
  }
  return std::nullopt;
}
static_assert(static_cast<int>(TypeKind::Bool) == 0 && static_cast<int>(TypeKind::String) == 12);

/// The types a map's key may have.
bool may_be_key(const ir::ValType& type) noexcept {
  return type.is_primitive && type.primitive != TypeKind::F32 && type.primitive != TypeKind::F64 &&
         type.primitive != TypeKind::ErrorContext;
}

Result<std::string_view> label(Reader& in, std::string_view what) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::string_view text, in.name(fmt::format("the name of a {}", what)));
  if (!is_label(text)) {
    return malformed(start, "\"{}\" is not a valid name of a {}", printable(text), what);
  }
  return text;
}

/// Labels of one type must differ even when lower-cased.
class Labels {
 public:
  [[nodiscard]] Result<> add(std::string_view name, std::uint64_t offset, std::string_view what) {
    if (!seen_.insert(uniqueness_key(name)).second) {
      return malformed(offset, "{} \"{}\" is there twice", what, printable(name));
    }
    return {};
  }

 private:
  std::unordered_set<std::string> seen_;
};

}  // namespace

Result<ir::ValType> Decoder::val_type(Reader& in, const Scope& scope) {
  const std::uint64_t start = in.offset();
  const auto lead = in.peek();
  if (lead && *lead < 0x80) {
    if (const auto primitive = primitive_of(*lead)) {
      WHORL_CHECKED(in.byte("a type"));
      return ir::ValType{true, *primitive, 0};
    }
  }
  WHORL_TRY(const std::int64_t value, in.s33("a value type"));
  if (value < 0) {
    return malformed(start, "expected a value type, found {:#04x}", *lead);
  }
  const std::uint32_t count = scope.counts[static_cast<std::size_t>(Sort::Type)];
  if (value >= count) {
    return malformed(start, "type index {} is out of bounds: {} defined so far", value, count);
  }
  const Category found = scope.types[static_cast<std::size_t>(value)];
  if (found != Category::Value && found != Category::Unknown) {
    return malformed(start, "type {} is not a value type", value);
  }
  return ir::ValType{false, TypeKind::Bool, static_cast<std::uint32_t>(value)};
}

Result<std::optional<ir::ValType>> Decoder::optional_val_type(Reader& in, const Scope& scope) {
  WHORL_TRY(const bool present, flag_byte(in, "whether there is a type"));
  if (!present) {
    return std::optional<ir::ValType>();
  }
  WHORL_TRY(const ir::ValType type, val_type(in, scope));
  return std::optional(type);
}

Result<std::optional<ir::ValType>> Decoder::result_list(Reader& in, const Scope& scope) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t form, in.byte("the result of a function"));
  if (form == 0x00) {
    WHORL_TRY(const ir::ValType type, val_type(in, scope));
    return std::optional(type);
  }
  if (form != 0x01) {
    return malformed(start, "expected the result of a function, found {:#04x}", form);
  }
  const std::uint64_t count_at = in.offset();
  WHORL_TRY(const std::uint8_t count, in.byte("the number of results"));
  if (count != 0) {
    return malformed(count_at, "expected no named results (0), found {:#04x}", count);
  }
  return std::optional<ir::ValType>();
}

Result<> Decoder::labelled(
    Reader& in, const Scope& scope, std::string_view what, bool typed, TypeDefinition& out
) {
  WHORL_TRY(const std::uint32_t count, in.count(fmt::format("the {}s", what), kMaxMembers));
  WHORL_CHECKED(spend(count, in.offset()));
  Labels labels;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t start = in.offset();
    ir::Member member;
    WHORL_TRY(member.name, label(in, what));
    WHORL_CHECKED(labels.add(member.name, start, what));
    if (typed) {
      WHORL_TRY(member.type, val_type(in, scope));
    }
    out.members.push_back(member);
  }
  return {};
}

Result<> Decoder::variant_cases(Reader& in, const Scope& scope, TypeDefinition& out) {
  WHORL_TRY(const std::uint32_t count, in.count("the cases", kMaxMembers));
  WHORL_CHECKED(spend(count, in.offset()));
  Labels labels;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t start = in.offset();
    ir::Member member;
    WHORL_TRY(member.name, label(in, "case"));
    WHORL_CHECKED(labels.add(member.name, start, "case"));
    WHORL_TRY(member.type, optional_val_type(in, scope));
    const std::uint64_t end_at = in.offset();
    WHORL_TRY(const std::uint8_t end, in.byte("the end of a case"));
    if (end != 0) {
      return malformed(end_at, "expected the end of a case (0), found {:#04x}", end);
    }
    out.members.push_back(member);
  }
  return {};
}

Result<TypeDefinition> Decoder::value_type(
    std::uint8_t code, std::uint64_t start, Reader& in, const Scope& scope
) {
  TypeDefinition out;
  std::string_view needs;  // what an aggregate must have at least one of
  switch (code) {
    case 0x72:
      out.value = TypeKind::Record;
      needs = "field";
      WHORL_CHECKED(labelled(in, scope, "field", true, out));
      break;
    case 0x71:
      out.value = TypeKind::Variant;
      needs = "case";
      WHORL_CHECKED(variant_cases(in, scope, out));
      break;
    case 0x6f: {
      out.value = TypeKind::Tuple;
      needs = "member";
      WHORL_TRY(const std::uint32_t count, in.count("the members of a tuple", kMaxMembers));
      WHORL_CHECKED(spend(count, start));
      for (std::uint32_t i = 0; i < count; ++i) {
        WHORL_TRY(const ir::ValType type, val_type(in, scope));
        out.members.push_back({{}, type});
      }
      break;
    }
    case 0x6e:
      out.value = TypeKind::Flags;
      needs = "label";
      WHORL_CHECKED(labelled(in, scope, "label", false, out));
      if (out.members.size() > kMaxFlags) {
        return malformed(start, "{} flags are more than {}", out.members.size(), kMaxFlags);
      }
      break;
    case 0x6d:
      out.value = TypeKind::Enum;
      needs = "label";
      WHORL_CHECKED(labelled(in, scope, "label", false, out));
      break;
    case 0x70:
    case 0x67:
    case 0x6b: {
      out.value = code == 0x6b   ? TypeKind::Option
                  : code == 0x70 ? TypeKind::List
                                 : TypeKind::FixedList;
      WHORL_TRY(out.element, val_type(in, scope));
      if (code == 0x67) {
        WHORL_TRY(out.length, in.u32("the length of a list"));
        if (out.length == 0) {
          return malformed(start, "a list of fixed length cannot be empty");
        }
      }
      break;
    }
    case 0x6a: {
      out.value = TypeKind::Result;
      WHORL_TRY(out.element, optional_val_type(in, scope));
      WHORL_TRY(out.other, optional_val_type(in, scope));
      break;
    }
    case 0x69:
    case 0x68: {
      out.value = code == 0x69 ? TypeKind::Own : TypeKind::Borrow;
      WHORL_TRY(out.resource, type_index(in, scope, Category::Resource));
      break;
    }
    case 0x66:
    case 0x65: {
      out.value = code == 0x66 ? TypeKind::Stream : TypeKind::Future;
      WHORL_TRY(out.element, optional_val_type(in, scope));
      if (code == 0x66 && out.element && out.element->is_primitive &&
          out.element->primitive == TypeKind::Char) {
        return malformed(start, "stream<char> is not allowed");
      }
      break;
    }
    case 0x63: {
      out.value = TypeKind::Map;
      WHORL_TRY(out.element, val_type(in, scope));
      if (!may_be_key(*out.element)) {
        return malformed(start, "the key of a map must be an integer, bool, char or string");
      }
      WHORL_TRY(out.other, val_type(in, scope));
      break;
    }
    default:
      return malformed(start, "expected a type, found {:#04x}", code);
  }
  if (!needs.empty() && out.members.empty()) {
    return malformed(start, "the type must have at least one {}", needs);
  }
  return out;
}

Result<TypeDefinition> Decoder::func_type(Reader& in, const Scope& scope) {
  TypeDefinition out;
  out.kind = TypeDefinition::Kind::Func;
  WHORL_CHECKED(labelled(in, scope, "parameter", true, out));
  WHORL_TRY(out.element, result_list(in, scope));
  return out;
}

Result<TypeDefinition> Decoder::resource_type(std::uint64_t start, Reader& in, const Scope& scope) {
  if (scope.kind != Scope::Kind::Component) {
    return malformed(start, "resources can only be defined in a component, not in a type");
  }
  TypeDefinition out;
  out.kind = TypeDefinition::Kind::Resource;
  WHORL_TRY(const std::uint8_t representation, in.byte("the representation of a resource"));
  if (representation != 0x7f) {
    return malformed(
        start, "a resource must be represented by an i32, found {:#04x}", representation
    );
  }
  WHORL_TRY(const bool has_destructor, flag_byte(in, "whether a resource has a destructor"));
  if (has_destructor) {
    WHORL_TRY(out.destructor, index(in, scope, Sort::CoreFunc));
  }
  return out;
}

Result<TypeDefinition> Decoder::type(Reader& in, const Scope& scope, std::uint32_t depth) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t code, in.byte("a type"));
  if (const auto primitive = primitive_of(code)) {
    TypeDefinition out;
    out.value = *primitive;
    return out;
  }
  switch (code) {
    case 0x40:
      return func_type(in, scope);
    case 0x43: {
      WHORL_TRY(TypeDefinition out, func_type(in, scope));
      out.is_async = true;
      return out;
    }
    case 0x41:
      return scope_type(Scope::Kind::ComponentType, in, scope, depth + 1);
    case 0x42:
      return scope_type(Scope::Kind::InstanceType, in, scope, depth + 1);
    case 0x3f:
      return resource_type(start, in, scope);
    default:
      return value_type(code, start, in, scope);
  }
}

Result<TypeDefinition> Decoder::scope_type(
    Scope::Kind kind, Reader& in, const Scope& parent, std::uint32_t depth
) {
  const std::uint64_t start = in.offset();
  if (depth > kMaxNestingDepth) {
    return malformed(start, "types are nested more than {} deep", kMaxNestingDepth);
  }
  TypeDefinition out;
  out.kind = kind == Scope::Kind::InstanceType ? TypeDefinition::Kind::Instance
                                               : TypeDefinition::Kind::Component;
  Scope scope;
  scope.kind = kind;
  scope.parent = &parent;
  auto body = std::make_shared<ir::TypeScope>();
  WHORL_TRY(const std::uint32_t count, in.count("the declarations of a type", kMaxDefinitions));
  for (std::uint32_t i = 0; i < count; ++i) {
    WHORL_CHECKED(declaration(in, scope, depth, body->declarations));
  }
  out.scope = std::move(body);
  return out;
}

Result<> Decoder::declaration(
    Reader& in, Scope& scope, std::uint32_t depth, std::vector<ir::Definition>& out
) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t code, in.byte("a declaration"));
  switch (code) {
    case 0x00: {
      WHORL_TRY(ir::CoreTypeDefinition definition, core_type(in, scope));
      out.push_back({start, std::move(definition)});
      return {};
    }
    case 0x01: {
      WHORL_TRY(TypeDefinition definition, type(in, scope, depth));
      const Category category = category_of(definition);
      out.push_back({start, std::move(definition)});
      return define(scope, Sort::Type, start, category);
    }
    case 0x02: {
      WHORL_TRY(const ir::Alias definition, alias(in, scope));
      const bool outer = definition.target == ir::Alias::Target::Outer;
      const bool allowed =
          outer ? definition.sort == Sort::Type || definition.sort == Sort::CoreType
                : definition.target == ir::Alias::Target::Export &&
                      (definition.sort == Sort::Type || definition.sort == Sort::Instance);
      if (!allowed) {
        return malformed(start, "a type cannot alias a {}", ir::to_string(definition.sort));
      }
      out.push_back({start, definition});
      return define_alias(scope, definition, start);
    }
    case 0x03: {
      if (scope.kind != Scope::Kind::ComponentType) {
        return malformed(start, "an instance type cannot import");
      }
      WHORL_TRY(const ir::Import definition, import(in, scope));
      out.push_back({start, definition});
      return {};
    }
    case 0x04: {
      WHORL_TRY(const ExternNames name, extern_name(in));
      ir::Export definition{name.name, name.implements, {}, {}};
      WHORL_TRY(definition.type, extern_type(in, scope));
      WHORL_CHECKED(check_export_name(name, definition.type->sort, scope));
      WHORL_CHECKED(define_extern(scope, *definition.type, start));
      out.push_back({start, definition});
      return {};
    }
    default:
      return malformed(start, "expected a declaration, found {:#04x}", code);
  }
}

}  // namespace whorl::component::detail
