#include "engine/module.hpp"

#include "engine/engine_impl.hpp"
#include "engine/module_impl.hpp"

namespace whorl::engine {

namespace {

Error not_valid(const wasmtime_error_t& error) {
  return fail(
      ErrorKind::InvalidInput,
      "the core module is not valid: {}",
      capi::root_cause(capi::message_of(error))
  );
}

}  // namespace

Result<> Module::validate(const Engine& engine, ByteView wasm) {
  const capi::Error error(
      wasmtime_module_validate(engine.impl().engine.get(), wasm.data(), wasm.size())
  );
  return error == nullptr ? Result<>() : not_valid(*error);
}

Result<Module> Module::compile(const Engine& engine, ByteView wasm) {
  wasmtime_module_t* module = nullptr;
  const capi::Error error(
      wasmtime_module_new(engine.impl().engine.get(), wasm.data(), wasm.size(), &module)
  );
  if (error != nullptr) {
    return not_valid(*error);
  }
  return Module(std::make_shared<const Impl>(Impl{capi::Module(module)}));
}

}  // namespace whorl::engine
