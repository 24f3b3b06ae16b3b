/// Internal to engine/: making code for a module, by the serving engine or elsewhere for it.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "engine/capi.hpp"
#include "engine/engine.hpp"
#include "engine/engine_config.hpp"
#include "engine/module.hpp"

#include <memory>
#include <string>

namespace whorl::engine {

class CacheDirectory;
class FunctionPacks;

/// What the code cache keeps of a module.
class Artefact {
 public:
  [[nodiscard]] static Result<Artefact> of(const wasmtime_module_t& module);
  [[nodiscard]] ByteView view() const noexcept {
    return {reinterpret_cast<const std::uint8_t*>(bytes_->vec.data), bytes_->vec.size};
  }

 private:
  std::unique_ptr<capi::ByteVec> bytes_ = std::make_unique<capi::ByteVec>();
};

struct MadeCode {
  Artefact artefact;
  CodeQuality quality;
  capi::Module module;  ///< null when it was made elsewhere: load_code()
  std::string note;     ///< what went wrong on the way and cost no more than time
};

/// Compiles as the engine, or the view of one, wants it.
/// @param directory  where compiled functions are kept for other modules; null: nowhere
/// @return errors: InvalidInput for bytes that are no valid module
[[nodiscard]] Result<MadeCode> make_code(
    const Engine& engine, ByteView wasm, const CacheDirectory* directory
);
/// Compiles with an engine of its own, which is gone afterwards. It would have no use for slots.
/// @param packs  functions that are known, and where others go; may be null
[[nodiscard]] Result<Artefact> compile_with(
    const EngineOptions& options,
    const CompilerUse& use,
    ByteView wasm,
    const std::shared_ptr<FunctionPacks>& packs
);
/// Brings code that was made elsewhere into the engine. Trusts it.
[[nodiscard]] Result<Module> load_code(const Engine& engine, ByteView artefact);
/// Whether the engine makes code for this module elsewhere.
[[nodiscard]] bool compiles_elsewhere(const Engine& engine, ByteView wasm) noexcept;
/// Compiles with an engine as it is set up. @return InvalidInput with the engine's message
[[nodiscard]] Result<capi::Module> compile_here(wasm_engine_t* engine, ByteView wasm);

}  // namespace whorl::engine
