#include "component/composition.hpp"

#include "component/binary.hpp"
#include "component/core_module.hpp"
#include "component/core_names.hpp"
#include "component/core_world.hpp"
#include "component/legacy_abi.hpp"
#include "component/linker.hpp"
#include "component/names.hpp"
#include "component/plan.hpp"
#include "component/reader.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace whorl::component {
namespace {

class Composer {
 public:
  explicit Composer(const HostRegistry& registry) : registry_(registry), linker_(registry) {
    linker_.begin_composition();
  }

  [[nodiscard]] Result<> add(const Part& part) {
    WHORL_TRY(imports_.emplace_back(), imports_of(part));
    const std::uint16_t component = linker_.begin_part(imports_.back());
    WHORL_TRY(const BinaryKind kind, detect_binary(part.bytes));
    if (kind == BinaryKind::CoreModule) {
      WHORL_TRY(exports_.emplace_back(), link_core_part(registry_, linker_, part.bytes, component));
      return {};
    }
    WHORL_TRY(decoded_.emplace_back(), decode_component(part.bytes));
    WHORL_TRY(exports_.emplace_back(), linker_.run_part(*decoded_.back()));
    return validate(decoded_.back());
  }

  [[nodiscard]] Result<Graph> finish() && {
    WHORL_CHECKED(linker_.export_root(*exports_.back()));
    return std::move(linker_.graph());
  }

 private:
  [[nodiscard]] Result<PartImports> imports_of(const Part& part) const {
    PartImports out;
    out.denied = part.denied;
    for (const Plug& plug : part.plugs) {
      const Item* item =
          plug.part < exports_.size() ? exports_[plug.part]->find(plug.export_name) : nullptr;
      if (item == nullptr) {
        return does_not_export(plug);
      }
      out.given.emplace(
          plug.import,
          PartImports::Given{
              *item,
              fmt::format(
                  "dependency '{}' exports '{}' which is not compatible with import '{}'",
                  plug.provider_name,
                  plug.export_name,
                  plug.import
              )
          }
      );
    }
    return out;
  }

  const HostRegistry& registry_;
  Linker linker_;
  std::vector<InstanceRef> exports_;  ///< by part
  std::vector<PartImports> imports_;
  std::vector<std::shared_ptr<const ir::Component>> decoded_;
};

}  // namespace

namespace {

void add_once(std::vector<std::string>& names, std::string_view name) {
  if (std::ranges::find(names, name) == names.end()) {
    names.emplace_back(name);
  }
}

/// The worlds of a module, read for their names: nobody is there for their imports.
Result<CoreWorlds> worlds_of(const CoreModule& module) {
  const HostRegistry nobody;
  Linker linker(nobody);
  linker.begin_composition();
  CoreWorlds out(0);
  for (const ComponentTypeSection& section : module.component_types()) {
    WHORL_CHECKED(
        out.read(linker, section).context("in the custom section \"{}\"", printable(section.name))
    );
  }
  return out;
}

Result<ExternNames> names_of_module(ByteView bytes) {
  WHORL_TRY(const CoreModule module, CoreModule::scan(bytes));
  WHORL_TRY(const CoreWorlds worlds, worlds_of(module));
  ExternNames out;
  for (const CoreImport& import : module.imports()) {
    if (const LegacyName* legacy = find_legacy_import(import.module, import.name)) {
      add_once(out.imports, legacy->interface);
      continue;
    }
    const auto from = parse_core_module(import.module);
    if (!from || from->for_exports) {
      continue;
    }
    const std::string_view interface = worlds.resolve(CoreWorlds::Side::Imports, from->interface);
    const auto read = parse_core_import(from->scheme, import.name);
    if (interface.empty()) {
      if (read && read->op == ir::CanonOp::Lower) {
        add_once(out.imports, read->function);
      }
    } else if (parse_interface_name(interface)) {
      add_once(out.imports, interface);
    }
  }
  for (const std::string_view name : module.export_names()) {
    const CoreExportName read = parse_core_export(name);
    if (read.lift != CoreExportName::Lift::Accessory) {
      const std::string_view interface = worlds.resolve(CoreWorlds::Side::Exports, read.interface);
      add_once(out.exports, interface.empty() ? read.function : interface);
    }
  }
  return out;
}

}  // namespace

Result<ExternNames> extern_names(ByteView bytes) {
  WHORL_TRY(const BinaryKind kind, detect_binary(bytes));
  if (kind == BinaryKind::CoreModule) {
    return names_of_module(bytes);
  }
  WHORL_TRY(const auto decoded, decode_component(bytes));
  ExternNames out;
  for (const ir::Definition& definition : decoded->definitions) {
    if (const auto* import = std::get_if<ir::Import>(&definition.what)) {
      if (import->type.sort != ir::Sort::Type) {
        out.imports.emplace_back(import->name);
      }
    } else if (const auto* made = std::get_if<ir::Export>(&definition.what)) {
      out.exports.emplace_back(made->name);
    }
  }
  return out;
}

Error does_not_export(const Plug& plug) {
  return fail(
      ErrorKind::InvalidInput,
      "dependency '{}' doesn't export '{}' to satisfy import '{}'",
      plug.provider_name,
      plug.export_name,
      plug.import
  );
}

Result<Plan> plan_composition(
    const HostRegistry& registry, std::span<const Part> parts, const LoadOptions& options
) {
  const Part& last = parts.back();
  if (parts.size() == 1 && last.plugs.empty() && last.denied.empty()) {
    return plan_component(registry, last.bytes, options).context("loading component {}", last.name);
  }
  if (parts.size() > kMaxParts) {
    return fail(
        ErrorKind::ResourceLimit, "{} is composed of more than {} components", last.name, kMaxParts
    );
  }
  Composer composer(registry);
  for (const Part& part : parts) {
    WHORL_CHECKED(composer.add(part).context("loading component {}", part.name));
  }
  WHORL_TRY(Graph graph, std::move(composer).finish().context("loading component {}", last.name));
  return make_plan(std::move(graph), registry, options);
}

}  // namespace whorl::component
