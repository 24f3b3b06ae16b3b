// Core modules, module types and core instances of the linker.
#include "component/linker.hpp"
#include "component/linker_depth.hpp"
#include "component/reader.hpp"

#include <algorithm>

namespace whorl::component {

using ir::Sort;

namespace {}  // namespace

Result<std::uint32_t> Linker::scan_module(
    const ir::CoreModuleDefinition& definition, std::uint64_t offset
) {
  const auto known = scanned_.find(definition.index);
  if (known != scanned_.end()) {
    return known->second;
  }
  WHORL_TRY(CoreModule module, CoreModule::scan(definition.bytes, offset));
  graph_.modules.push_back(std::move(module));
  const auto index = static_cast<std::uint32_t>(graph_.modules.size() - 1);
  scanned_.emplace(definition.index, index);
  return index;
}

Result<CoreModule> Linker::make_module_type(
    const Frame& frame, const ir::CoreModuleType& type, std::uint64_t offset
) {
  std::vector<CoreTypeDef> types;
  std::vector<CoreImport> imports;
  std::vector<std::pair<std::string_view, CoreExternType>> exports;
  for (const auto& declaration : type.declarations) {
    WHORL_CHECKED(spend(offset));
    if (const auto* defined = std::get_if<ir::CoreTypeDefinition>(&declaration)) {
      types.insert(types.end(), defined->types.begin(), defined->types.end());
    } else if (const auto* alias = std::get_if<ir::CoreTypeAlias>(&declaration)) {
      const Frame* outer = &frame;
      for (std::uint32_t i = 1; i < alias->outer; ++i) {
        outer = outer->parent;
      }
      WHORL_CHECKED(spend(
          offset,
          size_of(alias->outer == 0 ? types[alias->index] : outer->core_types[alias->index].type)
      ));
      types.push_back(
          alias->outer == 0 ? CoreTypeDef(types[alias->index])
                            : outer->core_types[alias->index].type
      );
    } else if (const auto* import = std::get_if<ir::CoreModuleImport>(&declaration)) {
      imports.push_back({import->module, import->name, import->type});
    } else if (const auto* item = std::get_if<ir::CoreModuleExport>(&declaration)) {
      exports.emplace_back(item->name, item->type);
    }
  }
  return CoreModule::of_type(std::move(types), std::move(imports), exports, offset);
}

Result<> Linker::run_core_types(
    Frame& frame, const ir::CoreTypeDefinition& definition, std::uint64_t offset
) {
  if (!validating()) {
    return {};
  }
  if (definition.module != nullptr) {
    WHORL_TRY(CoreModule module, make_module_type(frame, *definition.module, offset));
    frame.core_types.push_back({std::make_shared<const CoreModule>(std::move(module)), {}});
  }
  for (const CoreTypeDef& type : definition.types) {
    frame.core_types.push_back({nullptr, type});
  }
  return {};
}

Result<CoreRef> Linker::core_export(
    const CoreInstanceItem& instance, std::string_view name, std::uint64_t offset
) {
  if (!instance.instance) {
    const auto found = instance.bag->find(name);
    if (found == instance.bag->end()) {
      return malformed(offset, "the core instance has no export \"{}\"", printable(name));
    }
    return found->second;
  }
  const std::uint32_t module = graph_.instances[*instance.instance].module;
  const CoreExport* found = graph_.modules[module].find_export(name);
  if (found == nullptr) {
    return malformed(
        offset, "{} has no export \"{}\"", describe_module(graph_, module), printable(name)
    );
  }
  // The module's own view of the name: it lives as long as the bytes.
  const auto own = graph_.modules[module].exports().find(name);
  return CoreRef{CoreRef::Source::Export, found->kind, *instance.instance, own->first};
}

Result<> Linker::run_core_instance(
    Frame& frame, const ir::CoreInstanceDefinition& definition, std::uint64_t offset
) {
  if (definition.module) {
    WHORL_TRY(CoreInstanceItem instance, instantiate_core(frame, definition, offset));
    frame.core_instances.push_back(std::move(instance));
    return {};
  }
  auto bag = std::make_shared<std::unordered_map<std::string_view, CoreRef>>();
  for (const ir::NamedIndex& item : definition.items) {
    WHORL_CHECKED(spend(offset));
    bag->emplace(item.name, frame.core[static_cast<std::size_t>(item.item.sort)][item.item.index]);
  }
  frame.core_instances.push_back({{}, std::move(bag)});
  return {};
}

Result<CoreInstanceItem> Linker::instantiate_core(
    Frame& frame, const ir::CoreInstanceDefinition& definition, std::uint64_t offset
) {
  if (graph_.instances.size() >= kMaxCoreInstances) {
    return malformed(offset, "more than {} core instances", kMaxCoreInstances);
  }
  std::unordered_map<std::string_view, const CoreInstanceItem*> arguments;
  for (const ir::NamedIndex& item : definition.items) {
    WHORL_CHECKED(spend(offset));
    arguments.emplace(item.name, &frame.core_instances[item.item.index]);
  }
  GraphInstance instance;
  instance.module = frame.modules[*definition.module].index;
  const CoreModule& module = graph_.modules[instance.module];
  for (const CoreImport& import : module.imports()) {
    WHORL_CHECKED(spend(offset));
    const auto given = arguments.find(import.module);
    if (given == arguments.end()) {
      return malformed(
          offset,
          "{} is instantiated without the module \"{}\" it imports",
          describe_module(graph_, instance.module),
          printable(import.module)
      );
    }
    WHORL_TRY(
        const CoreRef ref,
        core_export(*given->second, import.name, offset)
            .context(
                "import \"{}\" of {}",
                printable(import.module),
                describe_module(graph_, instance.module)
            )
    );
    const std::string mismatch = explain_binding(graph_, module, import, ref);
    if (!mismatch.empty()) {
      return malformed(
          offset,
          "import \"{}\" \"{}\" of {}: {}",
          printable(import.module),
          printable(import.name),
          describe_module(graph_, instance.module),
          mismatch
      );
    }
    instance.imports.push_back(ref);
  }
  graph_.instances.push_back(std::move(instance));
  return CoreInstanceItem{static_cast<std::uint32_t>(graph_.instances.size() - 1), nullptr};
}

Result<> Linker::check_memory(const CoreRef& memory, std::uint64_t offset) const {
  const CoreExternType* type = graph_.extern_type(memory);
  if (type == nullptr || type->kind != CoreKind::Memory) {
    return malformed(offset, "the memory option does not name a memory");
  }
  if (type->limits.is_64) {
    return unsupported(offset, "64-bit memories are not supported by the canonical ABI yet");
  }
  if (type->limits.is_shared) {
    return unsupported(offset, "shared memories are not supported");
  }
  return {};
}

Result<> Linker::check_func(
    const CoreRef& func, const engine::FuncType& wanted, std::string_view what, std::uint64_t offset
) const {
  const engine::FuncType* type = graph_.func_type(func);
  if (type == nullptr || *type != wanted) {
    return malformed(
        offset,
        "{} must have the core type {}, but has {}",
        what,
        engine::to_string(wanted),
        type == nullptr ? "one of another kind" : engine::to_string(*type)
    );
  }
  return {};
}

}  // namespace whorl::component
