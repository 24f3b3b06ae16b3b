/// Compositions: several components linked as one, where exports of some satisfy imports of others.
///
/// What `wac plug` does with bytes is done here while linking: no composed binary is made, so bare
/// core modules take part as they are, and each part finds the host's interfaces itself
/// (docs/adr/0024-composition-in-the-linker.md). @thread any (functions of their arguments)
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "component/component.hpp"
#include "component/host.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::component {

struct Plan;

/// An import that an export of an earlier part satisfies.
struct Plug {
  std::string import;         ///< as it is imported: "docs:adder/add@0.1.0"
  std::size_t part = 0;       ///< which part
  std::string export_name;    ///< as that part exports it
  std::string provider_name;  ///< how the providing part is called in messages
};

/// A component, or a bare core module, of a composition.
struct Part {
  ByteView bytes;    ///< must outlive the loading
  std::string name;  ///< for messages
  std::vector<Plug> plugs = {};
  /// Interfaces of the host that are kept from it, in any version: their functions answer with
  /// their own error, with nothing, or trap (component/announced.hpp).
  std::vector<std::string> denied = {};
};

/// Names of what a component imports and exports, types left out; of a bare core module, the
/// interfaces among its imports and exports.
struct ExternNames {
  std::vector<std::string> imports;
  std::vector<std::string> exports;
};
/// @return errors: InvalidInput for what is no WebAssembly
[[nodiscard]] Result<ExternNames> extern_names(ByteView bytes);

/// For a plug whose provider has no such export, in Spin's words.
[[nodiscard]] Error does_not_export(const Plug& plug);

/// The most parts of a composition.
inline constexpr std::size_t kMaxParts = 256;

// Preview 1 has no interfaces: a bare core module that these are kept from is given a variant of it
// that the host registers under another name.
inline constexpr std::string_view kFilesInterface = "wasi:filesystem/preopens";
inline constexpr std::string_view kEnvironmentInterface = "wasi:cli/environment";
/// By what they have: files 1, environment 2.
inline constexpr std::array<std::string_view, 4> kPreview1Variants = {
    "wasi_snapshot_preview1 without files and environment",
    "wasi_snapshot_preview1 without environment",
    "wasi_snapshot_preview1 without files",
    "wasi_snapshot_preview1",
};

/// Links and plans parts without compiling anything; the last one's exports are those of the whole.
///
/// @param parts  at least one; a plug names an earlier part
/// @return       errors as plan_component(); InvalidInput where a plug does not fit
[[nodiscard]] Result<Plan> plan_composition(
    const HostRegistry& registry, std::span<const Part> parts, const LoadOptions& options
);

}  // namespace whorl::component
