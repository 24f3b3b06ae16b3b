/// Creating the engine with what earlier runs of the program left behind.
#pragma once

#include "base/result.hpp"
#include "engine/engine.hpp"
#include "engine/module.hpp"

#include <memory>

namespace whorl::engine {

/// As Engine::create(), with the code of the engine's own helper module from the cache, where it is
/// looked up faster than it is compiled.
/// @param cache  may be null; not kept
/// @thread any, once in a process for a pool
[[nodiscard]] Result<std::shared_ptr<Engine>> create_engine(
    const EngineOptions& options, const ModuleCache* cache
);

}  // namespace whorl::engine
