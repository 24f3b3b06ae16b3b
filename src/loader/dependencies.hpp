/// Dependencies of a component held against the component: does it import what they are to satisfy,
/// and do they export that?
///
/// Private to this room. @thread blocking
#pragma once

#include "app/locked_app.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"

#include <string_view>

namespace whorl::loader {

/// A dependency of this name is meant for an import of that one: the name is the import's, or its
/// package, perhaps with interface and version.
[[nodiscard]] bool is_meant_for(std::string_view dependency, std::string_view import) noexcept;

/// Checks all dependencies of a component. A core module is not looked into: what it imports is
/// known when it has become a component.
/// @param wasm  the component's own bytes
/// @return errors in Spin's words: InvalidInput; those of reading and decoding the files
[[nodiscard]] Result<void> check_dependencies(const app::Component& component, ByteView wasm);

}  // namespace whorl::loader
