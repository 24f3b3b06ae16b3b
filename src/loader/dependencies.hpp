/// What a component is composed with: dependencies that satisfy its imports, middleware before it.
///
/// Private to this room. @thread blocking
#pragma once

#include "app/locked_app.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "loader/loader.hpp"

#include <string_view>

namespace whorl::loader {

/// A dependency of this name is meant for an import of that one: the name is the import's, or its
/// package, perhaps with interface and version.
[[nodiscard]] bool is_meant_for(std::string_view dependency, std::string_view import) noexcept;

/// Reads what the component is composed with, and decides which import each satisfies.
/// @param wasm     the component's own bytes, as_part()
/// @param modules  for what it is composed with
/// @return errors in Spin's words: InvalidInput; those of reading and decoding the files
[[nodiscard]] Result<ComponentParts> find_parts(
    const app::Component& component, Bytes wasm, CoreModules modules = CoreModules::AsTheyAre
);

/// A file in the form in which it becomes a part.
/// @param path  for messages
[[nodiscard]] Result<Bytes> as_part(Bytes wasm, CoreModules modules, std::string_view path);

}  // namespace whorl::loader
