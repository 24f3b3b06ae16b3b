// Instances and aliases of the decoder. @spec Binary.md "Instance Definitions", "Alias Definitions"
#include "component/binary_decoder.hpp"
#include "component/names.hpp"

#include <unordered_set>

namespace whorl::component::detail {

using ir::Sort;

Result<Sort> Decoder::core_sort(Reader& in, std::string_view what) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t code, in.byte(what));
  switch (code) {
    case 0x00:
      return Sort::CoreFunc;
    case 0x01:
      return Sort::CoreTable;
    case 0x02:
      return Sort::CoreMemory;
    case 0x03:
      return Sort::CoreGlobal;
    case 0x04:
      return Sort::CoreTag;
    case 0x10:
      return Sort::CoreType;
    case 0x11:
      return Sort::CoreModule;
    case 0x12:
      return Sort::CoreInstance;
    default:
      return malformed(start, "expected {}, found {:#04x}", what, code);
  }
}

Result<Sort> Decoder::sort(Reader& in, std::string_view what) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t code, in.byte(what));
  switch (code) {
    case 0x00:
      return core_sort(in, what);
    case 0x01:
      return Sort::Func;
    case 0x02:
      return unsupported(start, "the component uses values; those are not supported");
    case 0x03:
      return Sort::Type;
    case 0x04:
      return Sort::Component;
    case 0x05:
      return Sort::Instance;
    default:
      return malformed(start, "expected {}, found {:#04x}", what, code);
  }
}

Result<ir::SortIndex> Decoder::sort_index(Reader& in, const Scope& scope) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const Sort kind, sort(in, "the kind of an item"));
  if (kind < Sort::Func && kind != Sort::CoreModule) {
    return malformed(start, "a {} cannot be passed between components", ir::to_string(kind));
  }
  WHORL_TRY(const std::uint32_t value, index(in, scope, kind));
  return ir::SortIndex{kind, value};
}

Result<ir::CoreInstanceDefinition> Decoder::core_instance(Reader& in, const Scope& scope) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t form, in.byte("a core instance"));
  if (form > 1) {
    return malformed(start, "expected a core instance, found {:#04x}", form);
  }
  ir::CoreInstanceDefinition out;
  if (form == 0) {
    WHORL_TRY(out.module, index(in, scope, Sort::CoreModule));
  }
  std::unordered_set<std::string_view> names;
  WHORL_TRY(const std::uint32_t count, in.count("the items of a core instance", kMaxDefinitions));
  WHORL_CHECKED(spend(count, start));
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t at = in.offset();
    ir::NamedIndex item;
    WHORL_TRY(item.name, in.name("a name"));
    const std::uint64_t sort_at = in.offset();
    WHORL_TRY(item.item.sort, core_sort(in, "the kind of a core item"));
    if ((form == 0) != (item.item.sort == Sort::CoreInstance) || item.item.sort == Sort::CoreType ||
        item.item.sort == Sort::CoreModule) {
      return malformed(
          sort_at,
          "expected {}, found a {}",
          form == 0 ? "a core instance" : "a function, table, memory, global or tag",
          ir::to_string(item.item.sort)
      );
    }
    WHORL_TRY(item.item.index, index(in, scope, item.item.sort));
    if (!names.insert(item.name).second) {
      return malformed(at, "the name \"{}\" is given twice", printable(item.name));
    }
    out.items.push_back(item);
  }
  return out;
}

Result<ir::InstanceDefinition> Decoder::instance(Reader& in, const Scope& scope) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t form, in.byte("an instance"));
  if (form > 1) {
    return malformed(start, "expected an instance, found {:#04x}", form);
  }
  ir::InstanceDefinition out;
  if (form == 0) {
    WHORL_TRY(out.component, index(in, scope, Sort::Component));
  }
  std::unordered_set<std::string> names;
  WHORL_TRY(const std::uint32_t count, in.count("the items of an instance", kMaxDefinitions));
  WHORL_CHECKED(spend(count, start));
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t at = in.offset();
    ir::NamedIndex item;
    if (form == 0) {
      WHORL_TRY(item.name, in.name("the name of an argument"));
    } else {
      WHORL_TRY(const ExternNames name, extern_name(in));
      if (!parse_extern_name(name.name)) {
        return malformed(at, "\"{}\" is not a valid name of an export", printable(name.name));
      }
      item.name = name.name;
    }
    WHORL_TRY(item.item, sort_index(in, scope));
    if (!names.insert(form == 0 ? std::string(item.name) : uniqueness_key(item.name)).second) {
      return malformed(at, "the name \"{}\" is given twice", printable(item.name));
    }
    out.items.push_back(item);
  }
  return out;
}

namespace {

bool may_be_outer_alias(Sort sort) noexcept {
  return sort == Sort::CoreModule || sort == Sort::CoreType || sort == Sort::Type ||
         sort == Sort::Component;
}

}  // namespace

const Scope* outwards(const Scope& scope, std::uint32_t steps) noexcept {
  const Scope* found = &scope;
  while (steps != 0 && found != nullptr) {
    found = found->parent;
    --steps;
  }
  return found;
}

Result<ir::Alias> Decoder::alias(Reader& in, const Scope& scope) {
  const std::uint64_t start = in.offset();
  ir::Alias out;
  WHORL_TRY(out.sort, sort(in, "the kind of an alias"));
  const std::uint64_t target_at = in.offset();
  WHORL_TRY(const std::uint8_t target, in.byte("the target of an alias"));
  switch (target) {
    case 0x00: {
      if (out.sort < Sort::Func && out.sort != Sort::CoreModule) {
        return malformed(start, "an instance does not export a {}", ir::to_string(out.sort));
      }
      WHORL_TRY(out.instance, index(in, scope, Sort::Instance));
      WHORL_TRY(out.name, in.name("the name of an export"));
      return out;
    }
    case 0x01: {
      out.target = ir::Alias::Target::CoreExport;
      if (out.sort > Sort::CoreTag) {
        return malformed(start, "a core instance does not export a {}", ir::to_string(out.sort));
      }
      WHORL_TRY(out.instance, index(in, scope, Sort::CoreInstance));
      WHORL_TRY(out.name, in.name("the name of an export"));
      return out;
    }
    case 0x02:
      break;
    default:
      return malformed(target_at, "expected the target of an alias, found {:#04x}", target);
  }
  out.target = ir::Alias::Target::Outer;
  if (!may_be_outer_alias(out.sort)) {
    return malformed(start, "a {} cannot be an outer alias", ir::to_string(out.sort));
  }
  const std::uint64_t outer_at = in.offset();
  WHORL_TRY(out.outer, in.u32("the number of scopes outwards"));
  const Scope* target_scope = outwards(scope, out.outer);
  if (target_scope == nullptr) {
    return malformed(outer_at, "there are no {} enclosing scopes", out.outer);
  }
  WHORL_TRY(out.index, index(in, *target_scope, out.sort));
  return out;
}

}  // namespace whorl::component::detail
