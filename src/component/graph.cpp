#include "component/graph.hpp"

namespace whorl::component {

const CoreExternType* Graph::extern_type(const CoreRef& ref) const noexcept {
  if (ref.source == CoreRef::Source::Host) {
    return nullptr;
  }
  const CoreModule& module = module_of(ref);
  const CoreExport* found = module.find_export(ref.name);
  return found == nullptr ? nullptr : module.item(found->kind, found->index);
}

const engine::FuncType* Graph::func_type(const CoreRef& ref) const noexcept {
  if (ref.kind != CoreKind::Func) {
    return nullptr;
  }
  return ref.source == CoreRef::Source::Host ? &hosts[ref.index].type
                                             : module_of(ref).export_type(ref.name);
}

std::string describe_module(const Graph& graph, std::uint32_t module) {
  const std::string_view name = graph.modules[module].name();
  return name.empty() ? fmt::format("core module {}", module)
                      : fmt::format("core module {} \"{}\"", module, printable(name));
}

std::string explain_binding(
    const Graph& graph, const CoreModule& module, const CoreImport& import, const CoreRef& given
) {
  if (given.source == CoreRef::Source::Export) {
    const CoreExternType* type = graph.extern_type(given);
    return type == nullptr
               ? "is given nothing"
               : explain_core_mismatch(module, import.type, graph.module_of(given), *type);
  }
  if (import.type.kind != CoreKind::Func) {
    return fmt::format("wants a {}, is given a function", to_string(import.type.kind));
  }
  const CoreTypeDef& wanted = module.types()[import.type.type];
  const engine::FuncType& offered = graph.hosts[given.index].type;
  if (!wanted.is_exact || wanted.func != offered) {
    return fmt::format(
        "wants {}, is given {}", engine::to_string(wanted.func), engine::to_string(offered)
    );
  }
  return {};
}

}  // namespace whorl::component
