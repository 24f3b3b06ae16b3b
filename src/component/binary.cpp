#include "component/binary.hpp"

#include "component/binary_decoder.hpp"
#include "component/core_module.hpp"
#include "component/names.hpp"

#include <algorithm>

namespace whorl::component {

using ir::Sort;

namespace ir {

std::string_view to_string(Sort sort) noexcept {
  constexpr std::array<std::string_view, kSortCount> kNames = {
      "core func",
      "core table",
      "core memory",
      "core global",
      "core tag",
      "core type",
      "core module",
      "core instance",
      "func",
      "value",
      "type",
      "component",
      "instance"
  };
  return kNames[static_cast<std::size_t>(sort)];
}

}  // namespace ir

namespace {

constexpr std::array<std::uint8_t, 4> kMagic = {0, 'a', 's', 'm'};
constexpr std::array<std::uint8_t, 4> kModuleVersion = {1, 0, 0, 0};
constexpr std::array<std::uint8_t, 4> kComponentVersion = {0x0d, 0, 1, 0};

std::string_view guess_of(ByteView bytes) noexcept {
  const std::string_view text = as_text(bytes);
  if (text.starts_with("(module") || text.starts_with("(component")) {
    return "WebAssembly text";
  }
  if (text.starts_with("\x7f"
                       "ELF")) {
    return "a native ELF program";
  }
  if (text.starts_with("PK\x03\x04") || text.starts_with("\x1f\x8b")) {
    return "an archive";
  }
  if (text.starts_with("#!")) {
    return "a script";
  }
  if (text.starts_with("<")) {
    return "HTML or XML";
  }
  return {};
}

constexpr std::array<std::string_view, 13> kSectionNames = {
    "custom",
    "core module",
    "core instance",
    "core type",
    "component",
    "instance",
    "alias",
    "type",
    "canon",
    "start",
    "import",
    "export",
    "value"
};

}  // namespace

Result<BinaryKind> detect_binary(ByteView bytes) {
  if (bytes.empty()) {
    return fail(ErrorKind::InvalidInput, "the file is empty")
        .with_help("build the component again; the build may have been interrupted");
  }
  if (bytes.size() < 4 || !std::ranges::equal(bytes.first(4), kMagic)) {
    const std::string_view guess = guess_of(bytes);
    return fail(
               ErrorKind::InvalidInput,
               "not WebAssembly: the file does not start with the bytes \"\\0asm\"{}{}",
               guess.empty() ? "" : "; it looks like ",
               guess
    )
        .with_help("the file must be a compiled .wasm component or core module");
  }
  if (bytes.size() < 8) {
    return malformed(4, "expected the version, but the bytes end here");
  }
  const ByteView version = bytes.subspan(4, 4);
  if (std::ranges::equal(version, kModuleVersion)) {
    return BinaryKind::CoreModule;
  }
  if (std::ranges::equal(version, kComponentVersion)) {
    return BinaryKind::Component;
  }
  return malformed(
      4,
      "expected a core module (version 1, layer 0) or a component (version 13, layer 1), found "
      "version {}, layer {}",
      version[0] | version[1] << 8,
      version[2] | version[3] << 8
  );
}

Result<std::shared_ptr<const ir::Component>> decode_component(ByteView bytes, std::uint64_t base) {
  Reader in(bytes, base);
  detail::Decoder decoder;
  return decoder.component(in, nullptr, 0);
}

namespace detail {

Result<bool> flag_byte(Reader& in, std::string_view what) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t value, in.byte(what));
  if (value > 1) {
    return malformed(start, "expected {} (0 or 1), found {:#04x}", what, value);
  }
  return value == 1;
}

Result<std::shared_ptr<const ir::Component>> Decoder::component(
    Reader& in, const Scope* parent, std::uint32_t depth
) {
  const std::uint64_t start = in.offset();
  if (depth > kMaxNestingDepth) {
    return malformed(start, "components are nested more than {} deep", kMaxNestingDepth);
  }
  if (++components_ > kMaxComponents) {
    return malformed(start, "more than {} components in one file", kMaxComponents);
  }
  WHORL_TRY(const ByteView preamble, in.take(8, "a component's preamble"));
  if (!std::ranges::equal(preamble.first(4), kMagic) ||
      !std::ranges::equal(preamble.subspan(4), kComponentVersion)) {
    return malformed(start, "expected the preamble of a component (version 13, layer 1)");
  }
  auto out = std::make_shared<ir::Component>();
  Scope scope;
  scope.parent = parent;
  while (!in.at_end()) {
    const std::uint64_t at = in.offset();
    WHORL_TRY(const std::uint8_t id, in.byte("a section"));
    if (id >= kSectionNames.size()) {
      return malformed(at, "expected a component section, found id {}", id);
    }
    WHORL_TRY(const std::uint32_t size, in.u32("the size of a section"));
    WHORL_TRY(Reader body, in.part(size, "a section"));
    WHORL_CHECKED(
        section(id, body, scope, depth, *out).context("in the {} section", kSectionNames[id])
    );
  }
  return std::shared_ptr<const ir::Component>(std::move(out));
}

Result<> Decoder::custom_section(Reader& in, ir::Component& out) {
  WHORL_TRY(const std::string_view name, in.name("the name of a custom section"));
  if (name == "component-name") {
    // Debug information: a broken one is ignored. Subsection 0 is the component's name.
    Reader names = in;
    const auto id = names.byte("a subsection");
    const auto size = names.u32("the size of a subsection");
    if (id && *id == 0 && size) {
      if (const auto text = names.name("a component name")) {
        out.name = *text;
      }
    }
  }
  return {};
}

Result<> Decoder::core_module(Reader& in, Scope& scope, Definitions& out) {
  const std::uint64_t start = in.offset();
  if (modules_ >= kMaxModules) {
    return malformed(start, "more than {} core modules in one file", kMaxModules);
  }
  WHORL_TRY(const ByteView bytes, in.take(in.remaining(), "a core module"));
  // Checks its structure now, so that the message names the place; the linker scans it again.
  WHORL_CHECKED(CoreModule::scan(bytes, start));
  out.push_back({start, ir::CoreModuleDefinition{bytes, modules_++}});
  return define(scope, Sort::CoreModule, start);
}

namespace {

/// Reads a vector of definitions of one kind.
template <class Read>
Result<> definitions(
    Reader& in, std::string_view what, std::vector<ir::Definition>& out, Read read
) {
  WHORL_TRY(const std::uint32_t count, in.count(what, kMaxDefinitions));
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t start = in.offset();
    WHORL_TRY(auto definition, read(start));
    out.push_back({start, std::move(definition)});
  }
  return in.expect_end("the section");
}

}  // namespace

Result<> Decoder::section(
    std::uint8_t id, Reader& in, Scope& scope, std::uint32_t depth, ir::Component& out
) {
  Definitions& into = out.definitions;
  switch (id) {
    case 0:
      return custom_section(in, out);
    case 1:
      return core_module(in, scope, into);
    case 2:
      return definitions(
          in,
          "core instances",
          into,
          [&](std::uint64_t at) -> Result<ir::CoreInstanceDefinition> {
            WHORL_TRY(auto definition, core_instance(in, scope));
            WHORL_CHECKED(define(scope, Sort::CoreInstance, at));
            return definition;
          }
      );
    case 3:
      return definitions(in, "core types", into, [&](std::uint64_t) {
        return core_type(in, scope);
      });
    case 4: {
      const std::uint64_t start = in.offset();
      WHORL_TRY(auto nested, component(in, &scope, depth + 1));
      into.push_back({start, ir::NestedComponent{std::move(nested)}});
      return define(scope, Sort::Component, start);
    }
    case 5:
      return definitions(
          in,
          "instances",
          into,
          [&](std::uint64_t at) -> Result<ir::InstanceDefinition> {
            WHORL_TRY(auto definition, instance(in, scope));
            WHORL_CHECKED(define(scope, Sort::Instance, at));
            return definition;
          }
      );
    case 6:
      return definitions(in, "aliases", into, [&](std::uint64_t at) -> Result<ir::Alias> {
        WHORL_TRY(auto definition, alias(in, scope));
        WHORL_CHECKED(define_alias(scope, definition, at));
        return definition;
      });
    case 7:
      return definitions(in, "types", into, [&](std::uint64_t at) -> Result<ir::TypeDefinition> {
        WHORL_TRY(auto definition, type(in, scope, depth));
        WHORL_CHECKED(define(scope, Sort::Type, at, category_of(definition)));
        return definition;
      });
    case 8:
      return definitions(
          in,
          "canonical definitions",
          into,
          [&](std::uint64_t at) -> Result<ir::Canon> {
            WHORL_TRY(auto definition, canon(in, scope));
            WHORL_CHECKED(
                define(scope, definition.op == ir::CanonOp::Lift ? Sort::Func : Sort::CoreFunc, at)
            );
            return definition;
          }
      );
    case 9:
      return unsupported(
                 in.offset(), "the component has a start definition; those are not supported"
      )
          .with_help("no toolchain emits them today; build without component-level start functions"
          );
    case 10:
      return definitions(in, "imports", into, [&](std::uint64_t) { return import(in, scope); });
    case 11:
      return definitions(in, "exports", into, [&](std::uint64_t) {
        return export_item(in, scope);
      });
    default:
      return unsupported(in.offset(), "the component defines values; those are not supported");
  }
}

Result<> Decoder::define(Scope& scope, Sort sort, std::uint64_t offset, Category category) {
  WHORL_CHECKED(spend(1, offset));
  ++scope.counts[static_cast<std::size_t>(sort)];
  if (sort == Sort::Type) {
    scope.types.push_back(category);
  } else if (sort == Sort::CoreType) {
    scope.core_types.push_back(category);
  }
  return {};
}

Result<> Decoder::define_extern(Scope& scope, const ir::ExternType& type, std::uint64_t offset) {
  Category category = Category::Unknown;
  if (type.sort == Sort::Type) {
    const bool equal = type.bound == ir::ExternType::Bound::Equal;
    category = equal ? scope.types[type.index] : Category::Resource;
  }
  return define(scope, type.sort, offset, category);
}

Result<> Decoder::define_alias(Scope& scope, const ir::Alias& alias, std::uint64_t offset) {
  Category category = Category::Unknown;
  if (alias.target == ir::Alias::Target::Outer) {
    const Scope* target = outwards(scope, alias.outer);
    if (alias.sort == Sort::Type) {
      category = target->types[alias.index];
    } else if (alias.sort == Sort::CoreType) {
      category = target->core_types[alias.index];
    }
  }
  return define(scope, alias.sort, offset, category);
}

Category category_of(const ir::TypeDefinition& type) noexcept {
  using Kind = ir::TypeDefinition::Kind;
  switch (type.kind) {
    case Kind::Value:
      return Category::Value;
    case Kind::Func:
      return Category::Func;
    case Kind::Component:
      return Category::Component;
    case Kind::Instance:
      return Category::Instance;
    case Kind::Resource:
      return Category::Resource;
  }
  return Category::Unknown;
}

Result<std::uint32_t> Decoder::type_index(Reader& in, const Scope& scope, Category wanted) {
  constexpr std::array<std::string_view, 8> kNames = {
      "a type",
      "a value type",
      "a function type",
      "a resource type",
      "a component type",
      "an instance type",
      "a core type",
      "a core module type"
  };
  const bool core = wanted == Category::CoreModule || wanted == Category::CoreType;
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint32_t value, index(in, scope, core ? Sort::CoreType : Sort::Type));
  const Category found = core ? scope.core_types[value] : scope.types[value];
  if (found != wanted && found != Category::Unknown) {
    return malformed(
        start,
        "type {} is {}, not {}",
        value,
        kNames[static_cast<std::size_t>(found)],
        kNames[static_cast<std::size_t>(wanted)]
    );
  }
  return value;
}

Result<> Decoder::spend(std::uint32_t items, std::uint64_t offset) {
  if (items > kMaxDefinitions - definitions_) {
    return malformed(offset, "the file has more than {} definitions and members", kMaxDefinitions);
  }
  definitions_ += items;
  return {};
}

Result<std::uint32_t> Decoder::index(Reader& in, const Scope& scope, Sort sort) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint32_t value, in.u32(fmt::format("a {} index", ir::to_string(sort))));
  const std::uint32_t count = scope.counts[static_cast<std::size_t>(sort)];
  if (value >= count) {
    return malformed(
        start, "{} index {} is out of bounds: {} defined so far", ir::to_string(sort), value, count
    );
  }
  return value;
}

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

Result<Decoder::ExternNames> Decoder::extern_name(Reader& in) {
  ExternNames out;
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t form, in.byte("a name"));
  if (form > 2) {
    return malformed(start, "expected a name, found {:#04x}", form);
  }
  out.offset = in.offset();
  WHORL_TRY(out.name, in.name("a name"));
  if (form == 2) {
    WHORL_CHECKED(name_attributes(in, out));
  }
  return out;
}

Result<> Decoder::name_attributes(Reader& in, ExternNames& out) {
  WHORL_TRY(const std::uint32_t count, in.count("the attributes of a name", 3));
  std::array<bool, 3> seen{};
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t start = in.offset();
    WHORL_TRY(const std::uint8_t kind, in.byte("an attribute"));
    if (kind >= seen.size()) {
      return malformed(start, "expected an attribute, found {:#04x}", kind);
    }
    if (seen[kind]) {
      return malformed(start, "the same attribute is given twice");
    }
    seen[kind] = true;
    WHORL_TRY(const std::string_view text, in.name("an attribute"));
    if (kind == 0) {
      if (!parse_interface_name(text)) {
        return malformed(start, "\"{}\" is not a valid interface name", printable(text));
      }
      out.implements = text;
    }
  }
  return {};
}

namespace {

Result<> check_implements(bool is_given, const ExternName& name, Sort sort, std::uint64_t offset) {
  if (is_given && (sort != Sort::Instance || name.kind != ExternName::Kind::Label)) {
    return malformed(offset, "only an instance with a plain name can say what it implements");
  }
  return {};
}

}  // namespace

Result<> Decoder::check_import_name(const ExternNames& name, Sort sort, Scope& scope) {
  const auto parsed = parse_extern_name(name.name);
  if (!parsed) {
    return malformed(name.offset, "\"{}\" is not a valid import name", printable(name.name));
  }
  WHORL_CHECKED(check_implements(!name.implements.empty(), *parsed, sort, name.offset));
  if (!scope.import_names.insert(uniqueness_key(name.name)).second) {
    return malformed(
        name.offset, "import name \"{}\" conflicts with an earlier one", printable(name.name)
    );
  }
  return {};
}

Result<> Decoder::check_export_name(const ExternNames& name, Sort sort, Scope& scope) {
  const auto parsed = parse_extern_name(name.name);
  if (!parsed || parsed->kind == ExternName::Kind::Url) {
    return malformed(name.offset, "\"{}\" is not a valid export name", printable(name.name));
  }
  WHORL_CHECKED(check_implements(!name.implements.empty(), *parsed, sort, name.offset));
  if (!scope.export_names.insert(uniqueness_key(name.name)).second) {
    return malformed(
        name.offset, "export name \"{}\" conflicts with an earlier one", printable(name.name)
    );
  }
  return {};
}

Result<ir::Import> Decoder::import(Reader& in, Scope& scope) {
  WHORL_TRY(const ExternNames name, extern_name(in));
  ir::Import out{name.name, name.implements, {}};
  WHORL_TRY(out.type, extern_type(in, scope));
  WHORL_CHECKED(check_import_name(name, out.type.sort, scope));
  WHORL_CHECKED(define_extern(scope, out.type, name.offset));
  return out;
}

Result<ir::Export> Decoder::export_item(Reader& in, Scope& scope) {
  WHORL_TRY(const ExternNames name, extern_name(in));
  ir::Export out{name.name, name.implements, {}, {}};
  WHORL_TRY(out.item, sort_index(in, scope));
  WHORL_TRY(const bool ascribed, flag_byte(in, "whether an export has a type"));
  if (ascribed) {
    const std::uint64_t start = in.offset();
    WHORL_TRY(out.type, extern_type(in, scope));
    if (out.type->sort != out.item->sort) {
      return malformed(
          start,
          "the export is a {}, but its type is that of a {}",
          ir::to_string(out.item->sort),
          ir::to_string(out.type->sort)
      );
    }
  }
  WHORL_CHECKED(check_export_name(name, out.item->sort, scope));
  const bool is_type = out.item->sort == Sort::Type;
  WHORL_CHECKED(define(
      scope, out.item->sort, name.offset, is_type ? scope.types[out.item->index] : Category::Unknown
  ));
  return out;
}

}  // namespace detail
}  // namespace whorl::component
