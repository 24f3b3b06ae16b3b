/// Internal to engine/: the driver module, which puts host code on an engine fiber and lets it
/// suspend there (engine.md A.8).
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "engine/capi.hpp"

namespace whorl::engine {

/// The driver's name in backtraces, where its frames say nothing to anyone.
inline constexpr std::string_view kDriverName = "whorl-driver";

/// The driver as a module's bytes.
[[nodiscard]] ByteView driver_bytes() noexcept;

/// Compiles the driver and binds its imports; done once per engine.
///
/// @param compiler  compiles it, and is not needed afterwards: an engine of the same settings with
///                  parallel compilation off, since starting the compile threads for two tiny
///                  functions costs more than all the rest of start-up
[[nodiscard]] Result<capi::InstancePre> make_driver(wasm_engine_t* engine, wasm_engine_t* compiler);
/// Binds the imports of the driver that was compiled for this engine.
[[nodiscard]] Result<capi::InstancePre> bind_driver(
    wasm_engine_t* engine, const wasmtime_module_t& module
);

}  // namespace whorl::engine
