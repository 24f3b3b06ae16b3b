/// An engine in two steps: what it will be, and its making, which takes most of a start.
///
/// In between it can be shared and asked for its size, its notes and its key; what needs more calls
/// wait_until_made() first, as component/ does before it loads code. Decoding, checking and linking
/// a component go on beside the making.
/// @thread any
#pragma once

#include "base/result.hpp"
#include "engine/engine.hpp"
#include "engine/module.hpp"

#include <memory>

namespace whorl::engine {

/// An engine that is still to be made: by one call of finish_engine() or abandon_engine(), on
/// whatever thread.
[[nodiscard]] std::shared_ptr<Engine> plan_engine(const EngineOptions& options);

/// Makes it, and wakes who waits for it, whatever the outcome.
/// @param cache  as for create_engine()
void finish_engine(Engine& planned, const ModuleCache* cache);

/// It will not be made: who waits for it is told why.
void abandon_engine(Engine& planned, Error why);

/// Returns once the engine, or the one that it is a view of, can be used; at once for one of
/// create_engine().
/// @return a copy of the error that its making ended with
/// @thread any; of a view, the one that loads through it
[[nodiscard]] Result<> wait_until_made(const Engine& engine);

}  // namespace whorl::engine
