/// From what the operator named to a LockedApp: manifests and bare wasm files.
///
/// Blocks (reads files): for start-up. @thread any
#pragma once

#include "app/locked_app.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace whorl::loader {

/// The longest wasm file that is loaded, bytes.
inline constexpr std::uint64_t kMaxWasmBytes = 1024ULL * 1024 * 1024;

/// Loads a manifest.
///
/// Whether the components' wasm files exist is noticed when they are read (read_component): a
/// component that no trigger names need not have been built.
/// @param path  of the spin.toml, as the operator gave it
/// @return errors: InvalidInput, NotFound; Unsupported for what the format knows and Whorl cannot
///         run yet, where running without it would not be what the manifest says
[[nodiscard]] Result<std::shared_ptr<const app::LockedApp>> load_manifest(const std::string& path);

/// Makes an application of one wasm file: named after it, with one HTTP trigger for every path, and
/// neither state nor log folder.
[[nodiscard]] Result<std::shared_ptr<const app::LockedApp>> load_bare_wasm(const std::string& path);

/// The application with some of its components only, and the triggers that name them.
/// @return errors: NotFound (unknown id); InvalidInput (a component that is left may call one that
///         is not, by service chaining)
[[nodiscard]] Result<std::shared_ptr<const app::LockedApp>> select_components(
    const app::LockedApp& app, std::span<const std::string> ids
);

/// Reads the wasm file of a component.
/// @return errors in Spin's words: NotFound, PermissionDenied, ResourceLimit, …
[[nodiscard]] Result<Bytes> read_component(const app::Component& component);

}  // namespace whorl::loader
