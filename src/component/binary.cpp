#include "component/binary.hpp"

#include "component/binary_decoder.hpp"
#include "component/core_module.hpp"

#include <algorithm>
#include <set>

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
  if (name == "wit-component-encoding") {
    WHORL_TRY(out.wit_encoding, in.take(in.remaining(), "an encoding"));
    return {};
  }
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

namespace {

/// Inside a component the two names of an import stand for one: no pair may be there twice.
Result<> check_unique_imports(const CoreModule& module, std::uint64_t offset) {
  std::set<std::pair<std::string_view, std::string_view>> names;
  for (const CoreImport& import : module.imports()) {
    if (!names.emplace(import.module, import.name).second) {
      return malformed(
          offset,
          "a core module imports \"{}\" \"{}\" twice",
          printable(import.module),
          printable(import.name)
      );
    }
  }
  return {};
}

}  // namespace

Result<> Decoder::core_module(Reader& in, Scope& scope, Definitions& out) {
  const std::uint64_t start = in.offset();
  if (modules_ >= kMaxModules) {
    return malformed(start, "more than {} core modules in one file", kMaxModules);
  }
  WHORL_TRY(const ByteView bytes, in.take(in.remaining(), "a core module"));
  // Checks its structure now, so that the message names the place; the linker scans it again.
  WHORL_TRY(const CoreModule module, CoreModule::scan(bytes, start));
  WHORL_CHECKED(check_unique_imports(module, start));
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

}  // namespace detail
}  // namespace whorl::component
