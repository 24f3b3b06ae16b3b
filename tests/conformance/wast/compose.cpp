#include "compose.hpp"

#include "hostile/assembler.hpp"

#include "component/binary.hpp"

#include <vector>

namespace whorl::conformance {
namespace {

namespace ir = component::ir;

std::vector<ir::Import> imports_of(const ir::Component& component) {
  std::vector<ir::Import> out;
  for (const ir::Definition& definition : component.definitions) {
    if (const auto* import = std::get_if<ir::Import>(&definition.what)) {
      out.push_back(*import);
    }
  }
  return out;
}

/// What the instance exports is exported again: types, functions, core modules.
void export_all(const ir::Component& component, std::uint32_t instance, hostile::Component& out) {
  for (const ir::Definition& definition : component.definitions) {
    const auto* item = std::get_if<ir::Export>(&definition.what);
    if (item == nullptr || !item->item) {
      continue;
    }
    if (item->item->sort == ir::Sort::Type) {
      (void)out.export_type(item->name, out.alias_type(instance, item->name));
    } else if (item->item->sort == ir::Sort::Func) {
      out.export_func(item->name, out.alias_func(instance, item->name));
    } else if (item->item->sort == ir::Sort::CoreModule) {
      out.export_core_module(item->name, out.alias_core_module(instance, item->name));
    }
  }
}

}  // namespace

Bytes compose_with(ByteView component, const NamedComponents& known) {
  Bytes whole(component.begin(), component.end());
  const auto decoded = component::decode_component(component);
  if (!decoded) {
    return whole;
  }
  const std::vector<ir::Import> imports = imports_of(**decoded);
  hostile::Component out;
  std::vector<hostile::Component::Argument> arguments;
  for (const ir::Import& import : imports) {
    const auto provider = known.find(std::string(import.name));
    if (provider == known.end() || import.type.sort != ir::Sort::Instance) {
      return whole;  // the host's, or nobody's: linking says which
    }
    constexpr int kInstance = 5;
    const std::uint32_t made = out.instance(out.nested(provider->second), {});
    arguments.push_back({std::string(import.name), kInstance, made});
  }
  if (arguments.empty()) {
    return whole;
  }
  export_all(**decoded, out.instance(out.nested(whole), arguments), out);
  return out.bytes();
}

}  // namespace whorl::conformance
