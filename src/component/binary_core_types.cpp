// Core types and module types in the decoder. @spec Binary.md "Core Type Definitions"
#include "component/binary_decoder.hpp"
#include "component/core_types.hpp"

#include <set>

namespace whorl::component::detail {

using ir::Sort;

namespace {

/// Module types declare core types in a scope of their own.
std::uint32_t core_type_depth(const Scope& scope) noexcept {
  std::uint32_t depth = 0;
  for (const Scope* at = &scope; at != nullptr; at = at->parent) {
    ++depth;
  }
  return depth;
}

constexpr std::uint64_t kMaxPages32 = 65'536;
constexpr std::uint64_t kMaxPages64 = std::uint64_t{1} << 48;

/// Limits that no module could have either.
Result<> check_limits(const CoreExternType& type, std::uint64_t offset) {
  if (type.kind != CoreKind::Memory && type.kind != CoreKind::Table) {
    return {};
  }
  const CoreLimits& limits = type.limits;
  if (limits.max && *limits.max < limits.min) {
    return malformed(offset, "a minimum size of {} is above the maximum", limits.min);
  }
  const std::uint64_t most = limits.is_64 ? kMaxPages64 : kMaxPages32;
  if (type.kind == CoreKind::Memory && std::max(limits.min, limits.max.value_or(0)) > most) {
    return malformed(offset, "a memory has more than {} pages", most);
  }
  if (type.kind == CoreKind::Memory && limits.is_shared && !limits.max) {
    return malformed(offset, "a shared memory has no maximum size");
  }
  return {};
}

}  // namespace

/// The names that a module type has given so far.
struct Decoder::ModuleNames {
  std::set<std::pair<std::string_view, std::string_view>> imports;
  std::unordered_set<std::string_view> exports;
};

Result<ir::CoreTypeDefinition> Decoder::core_type(Reader& in, Scope& scope) {
  const std::uint64_t start = in.offset();
  const auto lead = in.peek();
  if (lead == 0x50) {
    if (core_type_depth(scope) > kMaxNestingDepth || scope.kind == Scope::Kind::ModuleType) {
      return malformed(start, "a module type cannot be declared here");
    }
    WHORL_CHECKED(in.byte("a module type"));
    return module_type(in, scope, start);
  }
  if (lead == 0x00) {
    // The prefix that tells a non-final subtype from a module type.
    WHORL_CHECKED(in.byte("a core type"));
    if (in.peek() != 0x50) {
      return malformed(start, "expected a non-final subtype (0x50) after 0x00");
    }
  }
  ir::CoreTypeDefinition out;
  WHORL_CHECKED(read_core_rec_type(in, out.types));
  for (std::size_t i = 0; i < out.types.size(); ++i) {
    WHORL_CHECKED(define(scope, Sort::CoreType, start, Category::CoreType));
  }
  return out;
}

Result<ir::CoreTypeDefinition> Decoder::module_type(Reader& in, Scope& scope, std::uint64_t start) {
  Scope body;
  body.kind = Scope::Kind::ModuleType;
  body.parent = &scope;
  auto type = std::make_shared<ir::CoreModuleType>();
  ModuleNames names;
  WHORL_TRY(
      const std::uint32_t count, in.count("the declarations of a module type", kMaxDefinitions)
  );
  for (std::uint32_t i = 0; i < count; ++i) {
    WHORL_CHECKED(module_declaration(in, body, names, *type));
  }
  WHORL_CHECKED(define(scope, Sort::CoreType, start, Category::CoreModule));
  ir::CoreTypeDefinition out;
  out.module = std::move(type);
  return out;
}

Result<CoreExternType> Decoder::module_item(Reader& in, const Scope& scope) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const CoreExternType type, read_core_extern_type(in));
  WHORL_CHECKED(check_limits(type, start));
  const std::uint32_t types = scope.counts[static_cast<std::size_t>(Sort::CoreType)];
  if ((type.kind == CoreKind::Func || type.kind == CoreKind::Tag) && type.type >= types) {
    return malformed(
        start, "core type index {} is out of bounds: {} defined so far", type.type, types
    );
  }
  WHORL_CHECKED(spend(1, start));
  return type;
}

Result<> Decoder::module_declaration(
    Reader& in, Scope& scope, ModuleNames& names, ir::CoreModuleType& out
) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t code, in.byte("a declaration of a module type"));
  switch (code) {
    case 0x00: {
      ir::CoreModuleImport import;
      WHORL_TRY(import.module, in.name("the module of an import"));
      WHORL_TRY(import.name, in.name("the name of an import"));
      WHORL_TRY(import.type, module_item(in, scope));
      if (!names.imports.emplace(import.module, import.name).second) {
        return malformed(
            start,
            "import \"{}\" \"{}\" is declared twice",
            printable(import.module),
            printable(import.name)
        );
      }
      out.declarations.emplace_back(import);
      return {};
    }
    case 0x01: {
      WHORL_TRY(ir::CoreTypeDefinition type, core_type(in, scope));
      out.declarations.emplace_back(std::move(type));
      return {};
    }
    case 0x02: {
      WHORL_TRY(const ir::CoreTypeAlias alias, module_alias(in, scope));
      out.declarations.emplace_back(alias);
      return define(scope, Sort::CoreType, start, Category::CoreType);
    }
    case 0x03: {
      ir::CoreModuleExport item;
      WHORL_TRY(item.name, in.name("the name of an export"));
      WHORL_TRY(item.type, module_item(in, scope));
      if (!names.exports.insert(item.name).second) {
        return malformed(start, "export \"{}\" is declared twice", printable(item.name));
      }
      out.declarations.emplace_back(item);
      return {};
    }
    default:
      return malformed(start, "expected a declaration of a module type, found {:#04x}", code);
  }
}

Result<ir::CoreTypeAlias> Decoder::module_alias(Reader& in, const Scope& scope) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t alias_sort, in.byte("the kind of an alias"));
  WHORL_TRY(const std::uint8_t target, in.byte("the target of an alias"));
  if (alias_sort != 0x10 || target != 0x01) {
    return malformed(start, "a module type can only alias outer core types");
  }
  ir::CoreTypeAlias out;
  WHORL_TRY(out.outer, in.u32("the number of scopes outwards"));
  const Scope* at = outwards(scope, out.outer);
  if (at == nullptr) {
    return malformed(start, "there are no {} enclosing scopes", out.outer);
  }
  WHORL_TRY(out.index, type_index(in, *at, Category::CoreType));
  return out;
}

}  // namespace whorl::component::detail
