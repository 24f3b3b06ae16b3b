#include "engine/compile.hpp"

#include "engine/code_shape.hpp"
#include "engine/code_views.hpp"
#include "engine/engine_impl.hpp"
#include "engine/function_packs.hpp"
#include "engine/module_impl.hpp"

#include <malloc.h>

namespace whorl::engine {
namespace {

/// From which share of a module's code on its functions are worth waiting for: the rest compiles in
/// about the time that quick code for all of it takes.
constexpr double kMostlyKnown = 0.85;

/// Hundreds of megabytes that the compiler's threads have freed stay with the process otherwise.
void give_memory_back() noexcept {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

Result<MadeCode> make_elsewhere(
    const Engine& engine, ByteView wasm, const CacheDirectory* directory
) {
  const Engine::Impl& impl = engine.impl();
  CompilerUse use = impl.view.value_or(CompilerUse{});
  std::shared_ptr<FunctionPacks> packs;
  std::vector<CodeBody> bodies;
  if (directory != nullptr) {
    packs = std::make_shared<FunctionPacks>(*directory, engine.compatibility_key());
    bodies = code_bodies(wasm);
    if (use.quality == CodeQuality::Quick && packs->known_share(bodies) >= kMostlyKnown) {
      use.quality = CodeQuality::Optimised;
    }
  }
  if (use.quality == CodeQuality::Quick) {
    packs = nullptr;
    impl.has_quick_code.store(true, std::memory_order_relaxed);
  }
  WHORL_TRY(auto artefact, compile_with(impl.options, use, wasm, packs));
  MadeCode made{std::move(artefact), use.quality, nullptr, {}};
  if (packs != nullptr) {
    if (auto kept = packs->store(*directory, sha256(wasm), bodies); !kept) {
      made.note = "compiled functions are not kept: " + kept.error().to_line();
    }
    packs = nullptr;
  }
  give_memory_back();
  return made;
}

}  // namespace

Result<Artefact> Artefact::of(const wasmtime_module_t& module) {
  Artefact artefact;
  // The C API takes no const module, and changes none.
  const capi::Error error(
      wasmtime_module_serialize(const_cast<wasmtime_module_t*>(&module), &artefact.bytes_->vec)
  );
  if (error != nullptr) {
    return fail(ErrorKind::Internal, "{}", capi::root_cause(capi::message_of(*error)));
  }
  return artefact;
}

bool compiles_elsewhere(const Engine& engine, ByteView wasm) noexcept {
  return !engine.impl().options.debug_info && code_bytes(wasm) >= kBigCodeBytes;
}

Result<capi::Module> compile_here(wasm_engine_t* engine, ByteView wasm) {
  wasmtime_module_t* module = nullptr;
  const capi::Error error(wasmtime_module_new(engine, wasm.data(), wasm.size(), &module));
  if (error != nullptr) {
    return fail(
        ErrorKind::InvalidInput,
        "the core module is not valid: {}",
        capi::root_cause(capi::message_of(*error))
    );
  }
  return capi::Module(module);
}

Result<Artefact> compile_with(
    const EngineOptions& options,
    const CompilerUse& use,
    ByteView wasm,
    const std::shared_ptr<FunctionPacks>& packs
) {
  capi::Config config = make_config(options, use);
  if (packs != nullptr) {
    FunctionPacks::attach(packs, *config);
  }
  const capi::Engine compiler(wasm_engine_new_with_config(config.release()));
  WHORL_TRY(const capi::Module module, compile_here(compiler.get(), wasm));
  return Artefact::of(*module);
}

Result<MadeCode> make_code(const Engine& engine, ByteView wasm, const CacheDirectory* directory) {
  if (compiles_elsewhere(engine, wasm)) {
    return make_elsewhere(engine, wasm, directory);
  }
  WHORL_TRY(auto module, compile_here(engine.impl().engine.get(), wasm));
  WHORL_TRY(auto artefact, Artefact::of(*module));
  return MadeCode{std::move(artefact), CodeQuality::Optimised, std::move(module), {}};
}

Result<Module> load_code(const Engine& engine, ByteView artefact) {
  wasmtime_module_t* module = nullptr;
  const capi::Error error(wasmtime_module_deserialize(
      engine.impl().engine.get(), artefact.data(), artefact.size(), &module
  ));
  if (error != nullptr) {
    return fail(
        ErrorKind::Internal,
        "code that was just made does not load: {}",
        capi::root_cause(capi::message_of(*error))
    );
  }
  return Module(std::make_shared<const Module::Impl>(Module::Impl{capi::Module(module)}));
}

}  // namespace whorl::engine
