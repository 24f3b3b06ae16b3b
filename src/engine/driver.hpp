/// Internal to engine/: the driver module, which puts host code on an engine fiber and lets it
/// suspend there (engine.md A.8).
#pragma once

#include "base/result.hpp"
#include "engine/capi.hpp"

namespace whorl::engine {

/// The driver's name in backtraces, where its frames say nothing to anyone.
inline constexpr std::string_view kDriverName = "whorl-driver";

/// Compiles the driver and binds its imports; done once per engine.
[[nodiscard]] Result<capi::InstancePre> make_driver(wasm_engine_t* engine);

}  // namespace whorl::engine
