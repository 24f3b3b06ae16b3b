/// From what the operator named to a LockedApp: manifests, bare wasm files, lock files.
///
/// Blocks (reads and copies files, downloads): for start-up and the blocking pool. @thread any
#pragma once

#include "app/locked_app.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "component/composition.hpp"
#include "loader/sources.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::loader {

/// The longest wasm file that is loaded, bytes.
inline constexpr std::uint64_t kMaxWasmBytes = 1024ULL * 1024 * 1024;

/// How a component gets its files.
enum class FileMounts : std::uint8_t {
  None,    ///< not at all: for commands that look at an application and don't run it
  Copy,    ///< as copies, made when it is loaded
  Direct,  ///< in place; folders only
};
enum class MountAccess : std::uint8_t { ReadOnly, ReadWrite };

class DeferredCopies;

struct LoadOptions {
  std::string profile{};  ///< the build profile; empty: none
  FileMounts files = FileMounts::None;
  MountAccess access = MountAccess::ReadOnly;
  /// Where copies go: absolute; each component has a folder of its id there, which is made anew. A
  /// running application keeps its own: give another one for each load.
  std::string assets_dir{};
  /// Gets the copies instead of their being made, where that can wait; null: nothing waits.
  DeferredCopies* deferred = nullptr;
  std::string cache_dir{};             ///< of downloads; empty: the first download fails
  SourceFetcher* fetcher = nullptr;    ///< null: nothing is downloaded
  PackageFetcher* packages = nullptr;  ///< null: packages of registries are refused
  /// Is added to: texts to be printed after "Warning: ", each with a line end after it.
  std::vector<std::string>* warnings = nullptr;
};

/// Loads a manifest of either version.
///
/// Whether the components' wasm files exist is noticed when they are read (read_component): a
/// component that no trigger names need not have been built.
/// @param path  of the spin.toml, as the operator gave it
/// @return errors: InvalidInput, NotFound; Unsupported for what the format knows and Whorl cannot
///         run yet, where running without it would not be what the manifest says; those of
///         downloads and of copying
[[nodiscard]] Result<std::shared_ptr<const app::LockedApp>> load_manifest(
    const std::string& path, const LoadOptions& options = {}
);

/// Makes an application of one wasm file: named after it, with one HTTP trigger for every path, and
/// neither state nor log folder.
[[nodiscard]] Result<std::shared_ptr<const app::LockedApp>> load_bare_wasm(const std::string& path);

/// Loads a lock file that load_manifest() or a Spin made; of its options `files` (None or not),
/// `access`, and `assets_dir` for files that lie in the lock file itself count.
/// @return errors: those of app::read_lock(); Unsupported for content that has a digest only
[[nodiscard]] Result<std::shared_ptr<const app::LockedApp>> load_lock(
    const std::string& path, const LoadOptions& options = {}
);

/// The application with some of its components only, and the triggers that name them.
/// @return errors: NotFound (unknown id); InvalidInput (a component that is left may call one that
///         is not, by service chaining)
[[nodiscard]] Result<std::shared_ptr<const app::LockedApp>> select_components(
    const app::LockedApp& app, std::span<const std::string> ids
);

/// A component's wasm file and those it is composed with, ready to be linked.
struct ComponentParts {
  std::vector<Bytes> files;
  /// The last one is called from outside; `bytes` are those of `files`.
  std::vector<component::Part> parts;
};

/// How bare core modules become parts.
enum class CoreModules : std::uint8_t {
  AsTheyAre,     ///< the linker takes them
  AsComponents,  ///< a component is made of each (engine::componentize)
};

/// Reads the wasm file of a component, its dependencies' and its middleware's.
/// @return errors in Spin's words: NotFound, PermissionDenied, ResourceLimit, …; InvalidInput where
///         a dependency does not fit, or no component can be made of a core module
[[nodiscard]] Result<ComponentParts> read_component(
    const app::Component& component, CoreModules modules = CoreModules::AsTheyAre
);

/// A component with its dependencies and middleware as one component file; its own file where it
/// has none, made a component if it is a core module.
/// @return errors: those of read_component() and component::encode_composition()
[[nodiscard]] Result<Bytes> compose_component(const app::Component& component);

}  // namespace whorl::loader
