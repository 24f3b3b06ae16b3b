#include "compose.hpp"

#include "hostile/assembler.hpp"
#include "spectest.hpp"

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

/// Part of what scripts expect of the host can't be registered as an interface: functions beside
/// one, an instance in an instance, a core module. This component provides it.
Bytes made_up_host() {
  hostile::Module numbers;
  numbers.has_memory = false;
  numbers.funcs = {
      {{}, {hostile::kI32}, hostile::Code().i32(2), "two", {}},
      {{}, {hostile::kI32}, hostile::Code().i32(3), "three", {}},
      {{}, {hostile::kI32}, hostile::Code().i32(4), "four", {}},
      {{hostile::kI32}, {hostile::kI32}, hostile::Code().get(0), "echo", {}},
  };
  hostile::Component out;
  const std::uint32_t core = out.core_instance(out.core_module(numbers.bytes()));
  const auto lift = [&](const char* name, const std::vector<std::string>& params) {
    const std::uint32_t func = out.alias_core_func(core, name);
    return out.lift(func, out.func_type(params, "u32"), {});
  };
  out.export_func("host-return-two", lift("two", {}));
  out.export_func("host-echo-u32", lift("echo", {"u32"}));
  out.export_func("return-three", lift("three", {}));
  const std::uint32_t nested = out.instance_of({{"return-four", 1, lift("four", {})}});
  out.export_instance("nested", nested);
  out.export_core_module("simple-module", out.core_module(simple_module()));
  return out.bytes();
}

/// Whether an instance type wants one of those things.
bool is_made_up(const ir::Component& component, const ir::Import& import) {
  const ir::TypeScope* scope = nullptr;
  std::uint32_t types = 0;
  for (const ir::Definition& definition : component.definitions) {
    if (const auto* type = std::get_if<ir::TypeDefinition>(&definition.what)) {
      scope = types == import.type.index ? type->scope.get() : scope;
      ++types;
    }
  }
  if (scope == nullptr) {
    return false;
  }
  for (const ir::Definition& definition : scope->declarations) {
    const auto* item = std::get_if<ir::Export>(&definition.what);
    if (item != nullptr && (item->name == "nested" || item->name == "simple-module")) {
      return true;
    }
  }
  return false;
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
  constexpr int kFunc = 1;
  constexpr int kInstance = 5;
  for (const ir::Import& import : imports) {
    const std::string name(import.name);
    const auto provider = known.find(name);
    if (import.type.sort == ir::Sort::Instance && provider != known.end()) {
      const std::uint32_t made = out.instance(out.nested(provider->second), {});
      arguments.push_back({name, kInstance, made});
    } else if (import.type.sort == ir::Sort::Instance && name == "host" &&
               is_made_up(**decoded, import)) {
      arguments.push_back({name, kInstance, out.instance(out.nested(made_up_host()), {})});
    } else if (import.type.sort == ir::Sort::Func &&
               (name == "host-return-two" || name == "host-echo-u32")) {
      const std::uint32_t made = out.instance(out.nested(made_up_host()), {});
      arguments.push_back({name, kFunc, out.alias_func(made, name)});
    } else {
      return whole;  // the host's, or nobody's: linking says which
    }
  }
  if (arguments.empty()) {
    return whole;
  }
  export_all(**decoded, out.instance(out.nested(whole), arguments), out);
  return out.bytes();
}

}  // namespace whorl::conformance
