#include "engine/engine_impl.hpp"
#include "engine/module_impl.hpp"
#include "engine/store_impl.hpp"

#include <map>

namespace whorl::engine {
namespace {

using Name = std::pair<std::string_view, std::string_view>;

std::string_view kind_of(const wasm_externtype_t& type) {
  switch (wasm_externtype_kind(&type)) {
    case WASM_EXTERN_FUNC:
      return "function";
    case WASM_EXTERN_GLOBAL:
      return "global";
    case WASM_EXTERN_TABLE:
      return "table";
    case WASM_EXTERN_MEMORY:
      return "memory";
    default:
      return "tag";
  }
}

/// Sees that what the module imports under `name` is what the host offers there.
Result<> check_import(const wasm_importtype_t& import, const HostFunc* offered) {
  const std::string_view module = capi::text_of(*wasm_importtype_module(&import));
  const std::string_view name = capi::text_of(*wasm_importtype_name(&import));
  const wasm_externtype_t& type = *wasm_importtype_type(&import);
  if (offered == nullptr) {
    return fail(
        ErrorKind::InvalidInput,
        "nothing provides the {} `{}` that the module imports from `{}`",
        kind_of(type),
        name,
        module
    );
  }
  const wasm_functype_t* func = wasm_externtype_as_functype_const(&type);
  if (func == nullptr) {
    return fail(
        ErrorKind::InvalidInput,
        "the module imports `{}` from `{}` as a {}; it is a function",
        name,
        module,
        kind_of(type)
    );
  }
  const FuncType wanted = capi::to_func_type(*func);
  if (wanted != offered->type) {
    return fail(
        ErrorKind::InvalidInput,
        "the module imports `{}` from `{}` as {}; it is {}",
        name,
        module,
        to_string(wanted),
        to_string(offered->type)
    );
  }
  return {};
}

Result<> define(wasmtime_linker_t* linker, const Name& name, const HostFunc& func) {
  const capi::FuncTypePtr type = capi::to_wasm(func.type);
  if (type == nullptr) {
    return fail(
        ErrorKind::InvalidInput,
        "`{}` from `{}` has a type the host does not offer: {}",
        name.second,
        name.first,
        to_string(func.type)
    );
  }
  const capi::Error error(wasmtime_linker_define_func_unchecked(
      linker,
      name.first.data(),
      name.first.size(),
      name.second.data(),
      name.second.size(),
      type.get(),
      host_thunk,
      make_host_record(func),
      free_host_record
  ));
  if (error != nullptr) {
    return fail(
        ErrorKind::InvalidInput,
        "`{}` from `{}`: {}",
        name.second,
        name.first,
        capi::root_cause(capi::message_of(*error))
    );
  }
  return {};
}

}  // namespace

Result<InstancePre> InstancePre::create(
    const Engine& engine, const Module& module, std::span<const Import> imports
) {
  std::map<Name, const HostFunc*> offered;
  for (const Import& import : imports) {
    offered.emplace(Name{import.module, import.name}, &import.func);
  }
  const capi::Linker linker(wasmtime_linker_new(engine.impl().engine.get()));
  capi::ImportVec wanted;
  wasmtime_module_imports(module.impl().module.get(), &wanted.vec);
  std::map<Name, bool> defined;
  for (std::size_t i = 0; i < wanted.vec.size; ++i) {
    const wasm_importtype_t& import = *wanted.vec.data[i];
    const Name name{
        capi::text_of(*wasm_importtype_module(&import)),
        capi::text_of(*wasm_importtype_name(&import))
    };
    const auto found = offered.find(name);
    const HostFunc* func = found == offered.end() ? nullptr : found->second;
    WHORL_CHECKED(check_import(import, func));
    // A module may import the same function twice.
    if (defined.emplace(name, true).second) {
      WHORL_CHECKED(define(linker.get(), name, *func));
    }
  }
  wasmtime_instance_pre_t* pre = nullptr;
  const capi::Error error(
      wasmtime_linker_instantiate_pre(linker.get(), module.impl().module.get(), &pre)
  );
  if (error != nullptr) {
    return fail(
        ErrorKind::InvalidInput,
        "linking the module: {}",
        capi::root_cause(capi::message_of(*error))
    );
  }
  return InstancePre(std::make_shared<const Impl>(Impl{capi::InstancePre(pre)}));
}

}  // namespace whorl::engine
