/// Finding the application that `up` is to run. Blocks (looks at files). @thread the main thread
#pragma once

#include "base/result.hpp"
#include "cli/up_flags.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::cli {

/// What was found.
struct AppLocation {
  enum class Kind : std::uint8_t { Manifest, BareWasm };
  Kind kind = Kind::Manifest;
  std::string path;  ///< of the file, as the operator would write it

  /// How messages name it: `local app "spin.toml"`.
  [[nodiscard]] std::string describe() const;
};

/// @param stray  the first argument nobody claimed; perhaps a forgotten `-f`
/// @param note   receives what is to be said on stderr before anything else, with line end
/// @return errors: NotFound, InvalidInput; Unsupported for registry references
[[nodiscard]] Result<AppLocation> locate_app(
    const OwnFlags& flags, const std::optional<std::string>& stray, std::string& note
);

/// Finds the manifest for commands that work on one: named as file or folder, or searched as by
/// `up`.
/// @param from  empty: not named
/// @param note  as above
/// @return errors: NotFound, InvalidInput
[[nodiscard]] Result<std::string> locate_manifest(const std::string& from, std::string& note);

/// Whether a name that is no file looks like an image in a registry: it has a tag or a digest, or
/// names its registry.
[[nodiscard]] bool looks_like_image(std::string_view name);

}  // namespace whorl::cli
