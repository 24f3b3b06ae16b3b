/// Components of core modules, for hosts that know components only: the engine's encoder of them.
/// @thread any
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace whorl::engine {

/// Makes a component of a core module: one that describes its world (wit-bindgen 0.5 and later), a
/// command of WASI preview 1, or a module of Spin 1. Its WASI preview 1 becomes WASI 0.2.
///
/// Holds several copies of the module for a while. Bytes may be anything.
/// @return errors in Spin's words where it has some: InvalidInput
[[nodiscard]] Result<Bytes> componentize(ByteView module);

}  // namespace whorl::engine
