#include "component/inspect.hpp"

#include "component/core_module.hpp"
#include "component/module_world.hpp"
#include "component/names.hpp"
#include "component/plan.hpp"
#include "component/reader.hpp"
#include "component/skeleton.hpp"
#include "component/wit_world.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace whorl::component {
namespace {

constexpr std::uint32_t kMaxProducers = 200;
constexpr std::size_t kMaxCustoms = 200;
/// Items looked at to find out whether an import has functions.
constexpr std::uint32_t kMaxLooks = 100'000;

/// Adds up sections at all levels. Broken custom sections are passed over: they mean nothing.
class Measure {
 public:
  explicit Measure(Inspection& out) : out_(out) {}

  [[nodiscard]] Result<> component(ByteView bytes, std::uint64_t base, std::uint32_t depth) {
    constexpr std::uint8_t kModule = 1;
    constexpr std::uint8_t kComponent = 4;
    if (depth > kMaxNestingDepth) {
      return malformed(base, "components are nested more than {} deep", kMaxNestingDepth);
    }
    return sections(bytes, base, [&](std::uint8_t id, ByteView body, std::uint64_t at) -> Result<> {
      if (id == kModule) {
        return module(body, at);
      }
      if (id == kComponent) {
        ++out_.nested_components;
        return component(body, at, depth + 1);
      }
      if (id == 0) {
        custom(body);
      }
      return {};
    });
  }

  [[nodiscard]] Result<> module(ByteView bytes, std::uint64_t base) {
    constexpr std::uint8_t kCode = 10;
    constexpr std::uint8_t kData = 11;
    Inspection::Module out;
    out.bytes = bytes.size();
    WHORL_CHECKED(sections(bytes, base, [&](std::uint8_t id, ByteView body, std::uint64_t) {
      if (id == 0) {
        out.custom_bytes += body.size();
        custom(body);
      }
      out.code_bytes += id == kCode ? body.size() : 0;
      out.data_bytes += id == kData ? body.size() : 0;
      return Result<>();
    }));
    if (const auto scanned = CoreModule::scan(bytes, base)) {
      out.name = scanned->name();
    }
    out_.modules.push_back(std::move(out));
    return {};
  }

 private:
  template <class Visit>
  static Result<> sections(ByteView bytes, std::uint64_t base, Visit visit) {
    Reader in(bytes, base);
    WHORL_CHECKED(in.take(8, "a preamble"));
    while (!in.at_end()) {
      WHORL_TRY(const std::uint8_t id, in.byte("a section"));
      WHORL_TRY(const std::uint32_t size, in.u32("the size of a section"));
      const std::uint64_t at = in.offset();
      WHORL_TRY(const ByteView body, in.take(size, "a section"));
      WHORL_CHECKED(visit(id, body, at));
    }
    return {};
  }

  void custom(ByteView body) {
    Reader in(body);
    const auto name = in.name("a name");
    if (!name) {
      return;
    }
    const std::string_view shown = out_.customs.size() < kMaxCustoms ? *name : "(others)";
    auto known = std::ranges::find(out_.customs, *name, &Inspection::Custom::name);
    if (known == out_.customs.end()) {
      known = std::ranges::find(out_.customs, shown, &Inspection::Custom::name);
    }
    if (known == out_.customs.end()) {
      out_.customs.push_back({std::string(shown), 0, 0});
      known = std::prev(out_.customs.end());
    }
    known->bytes += body.size();
    ++known->count;
    if (*name == "producers") {
      (void)producers(in);
    }
  }

  Result<> producers(Reader& in) {
    WHORL_TRY(const std::uint32_t fields, in.count("fields", kMaxProducers));
    for (std::uint32_t i = 0; i < fields; ++i) {
      WHORL_TRY(const std::string_view field, in.name("a field"));
      WHORL_TRY(const std::uint32_t values, in.count("values", kMaxProducers));
      for (std::uint32_t j = 0; j < values; ++j) {
        WHORL_TRY(const std::string_view name, in.name("a name"));
        WHORL_TRY(const std::string_view version, in.name("a version"));
        Inspection::Producer producer{std::string(field), std::string(name), std::string(version)};
        if (std::ranges::find(out_.producers, producer) == out_.producers.end() &&
            out_.producers.size() < kMaxProducers) {
          out_.producers.push_back(std::move(producer));
        }
      }
    }
    return {};
  }

  Inspection& out_;
};

/// @param looks  how many are left; true when there are none
bool has_functions(const wit::Item& item, std::uint32_t& looks) {
  if (looks == 0) {
    return true;
  }
  --looks;
  if (const auto* interface = std::get_if<wit::InterfaceRef>(&item.what)) {
    return *interface != nullptr &&
           std::ranges::any_of((*interface)->items, [&looks](const wit::Item& inner) {
             return has_functions(inner, looks);
           });
  }
  const auto* node = std::get_if<wit::NodeRef>(&item.what);
  return node != nullptr && *node != nullptr && (*node)->kind == wit::Node::Kind::Func;
}

bool has_functions(const wit::Item& item) {
  std::uint32_t looks = kMaxLooks;
  return has_functions(item, looks);
}

/// What the host says to an import.
Inspection::Import look_up(const HostRegistry& registry, const wit::Item& item) {
  using Standing = Inspection::Import::Standing;
  Inspection::Import out{item.name, Standing::Missing, {}};
  const auto name = parse_interface_name(item.name);
  const bool is_type = std::holds_alternative<wit::NodeRef>(item.what) && !has_functions(item);
  if (const auto match = name ? registry.find(name->interface, name->version) : std::nullopt) {
    out.standing = Standing::Offered;
    out.offered = match->interface->name;
    if (const std::string_view version = match->interface->version; !version.empty()) {
      out.offered.append("@").append(version);
    }
  } else if (is_type ||
             (std::holds_alternative<wit::InterfaceRef>(item.what) && !has_functions(item))) {
    out.standing = Standing::TypesOnly;
  } else if (name && registry.is_announced(name->interface)) {
    out.standing = Standing::Announced;
  } else if (name) {
    out.offered = fmt::format("{}", fmt::join(registry.versions_of(name->interface), ", "));
  }
  return out;
}

void take_world(const HostRegistry& registry, const wit::World& world, Inspection& out) {
  for (const wit::Item& item : world.imports) {
    out.imports.push_back(look_up(registry, item));
  }
  for (const wit::Item& item : world.exports) {
    out.exports.push_back(item.name);
  }
  out.wit = wit::to_text(world);
}

/// A core module that tells no world: its imports by module, its exported functions.
void take_module(const HostRegistry& registry, const CoreModule& module, Inspection& out) {
  using Standing = Inspection::Import::Standing;
  std::set<std::string_view> seen;
  for (const CoreImport& import : module.imports()) {
    if (!seen.insert(import.module).second) {
      continue;
    }
    Inspection::Import item{std::string(import.module), Standing::Missing, {}};
    const auto name = parse_interface_name(import.module);
    if (registry.find_core_module(import.module)) {
      item.standing = Standing::Offered;
      item.offered = import.module;
    } else if (const auto match =
                   name ? registry.find(name->interface, name->version) : std::nullopt) {
      item.standing = Standing::Offered;
      item.offered = fmt::format("{}@{}", match->interface->name, match->interface->version);
    } else if (name) {
      item.offered = fmt::format("{}", fmt::join(registry.versions_of(name->interface), ", "));
    }
    out.imports.push_back(std::move(item));
  }
  for (const std::string_view name : module.export_names()) {
    if (module.find_export(name)->kind == CoreKind::Func) {
      out.exports.emplace_back(name);
    }
  }
}

Result<> inspect_module(const HostRegistry& registry, ByteView bytes, Inspection& out) {
  WHORL_CHECKED(Measure(out).module(bytes, 0));
  WHORL_TRY(const CoreModule module, CoreModule::scan(bytes));
  if (module.component_types().empty()) {
    take_module(registry, module, out);
    return {};
  }
  take_world(registry, described_world(module), out);
  // What it imports beside its world: WASI preview 1, mostly.
  Inspection core;
  take_module(registry, module, core);
  for (Inspection::Import& import : core.imports) {
    if (import.standing == Inspection::Import::Standing::Offered && !import.name.contains(':')) {
      out.imports.push_back(std::move(import));
    }
  }
  return {};
}

Result<> inspect_component(const HostRegistry& registry, ByteView bytes, Inspection& out) {
  WHORL_CHECKED(Measure(out).component(bytes, 0, 0));
  WHORL_TRY(const auto decoded, decode_component(bytes));
  take_world(registry, wit::world_of(*decoded), out);
  return {};
}

/// Everything of loading that compiles nothing.
Result<> would_load(const HostRegistry& registry, ByteView bytes, BinaryKind kind) {
  WHORL_CHECKED(plan_component(registry, bytes, {}));
  return kind == BinaryKind::Component ? validate_by_skeleton(nullptr, bytes) : Result<>();
}

}  // namespace

Result<Inspection> inspect_binary(const HostRegistry& registry, ByteView bytes) {
  WHORL_TRY(const BinaryKind kind, detect_binary(bytes));
  Inspection out;
  out.kind = kind;
  out.bytes = bytes.size();
  WHORL_CHECKED(
      kind == BinaryKind::Component ? inspect_component(registry, bytes, out)
                                    : inspect_module(registry, bytes, out)
  );
  std::ranges::sort(out.customs, [](const auto& a, const auto& b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.name < b.name;
  });
  if (auto loads = would_load(registry, bytes, kind); !loads) {
    out.refusal = loads.take_error();
  }
  return out;
}

}  // namespace whorl::component
