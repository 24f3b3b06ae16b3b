/// Skeletons: a component without what its core modules do, only how everything is typed.
///
/// Made for the engine's own validator (engine/validator.hpp): every function body becomes
/// `unreachable`, functions that nobody outside can reach go, and so do data, elements and custom
/// sections; types, imports, exports and all definitions between the modules stay as they are. A
/// component and its skeleton are equally well typed, and the skeleton compiles in a moment: the
/// bodies themselves are checked when the real modules are compiled (engine.md D.6).
/// @thread any (functions of their arguments)
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace whorl::engine {
class ModuleCache;
}  // namespace whorl::engine

namespace whorl::component {

/// The skeleton of a component, nested components included. Depends on the bytes alone.
/// @return InvalidInput where the sections of the component or of a module can't be told apart
[[nodiscard]] Result<Bytes> make_skeleton(ByteView component);

/// Gives the skeleton to the engine's validator, a second opinion on every type of the component
/// after our own checks passed.
///
/// @param cache  keeps the good verdicts; may be null
/// @return       InvalidInput with the validator's reason. What the validator can't judge, because
///               a feature is switched off in it, is not an error.
[[nodiscard]] Result<> validate_by_skeleton(const engine::ModuleCache* cache, ByteView component);

}  // namespace whorl::component
