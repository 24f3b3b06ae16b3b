/// What is known of a component from an earlier start: that it can be prepared, so that a start
/// need not wait until it is.
///
/// Kept as a fact beside the compiled code (engine/module.hpp), about the wasm file as the file
/// system knows it, not its bytes: reading them is a part of what is saved. A fact that is wrong
/// moves an error from the start to the first event, and does no more.
/// @thread any
#pragma once

#include "app/locked_app.hpp"
#include "base/hash.hpp"
#include "component/component.hpp"
#include "engine/module.hpp"

#include <optional>

namespace whorl::runtime {

/// How a component's events are given to it; what it must export depends on it.
enum class EntryKind : std::uint8_t { HttpHandler, Command, RedisMessage };

/// What the fact is about. Ask before the file is read.
/// @return nothing where none can be kept: a source that is no file, or one that changed so lately
///         that a second change might not show; a component that others are composed with
[[nodiscard]] std::optional<Sha256Digest> preparation_identity(
    const app::Component& component, EntryKind entry, const component::LoadOptions& load
);

[[nodiscard]] bool is_known_good(const engine::ModuleCache& cache, const Sha256Digest& identity);
/// Failing to write it costs time at the next start, no more.
void remember_good(const engine::ModuleCache& cache, const Sha256Digest& identity);

}  // namespace whorl::runtime
