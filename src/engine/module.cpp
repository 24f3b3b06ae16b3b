#include "engine/module.hpp"

#include "engine/compile.hpp"
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
  // Only what a view wants otherwise is worth the way around.
  if (engine.impl().view && compiles_elsewhere(engine, wasm)) {
    WHORL_TRY(const auto made, make_code(engine, wasm, nullptr));
    return load_code(engine, made.artefact.view());
  }
  WHORL_TRY(auto module, compile_here(engine.impl().engine.get(), wasm));
  return Module(std::make_shared<const Impl>(Impl{std::move(module)}));
}

}  // namespace whorl::engine
