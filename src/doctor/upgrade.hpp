/// Manifests of version 1 rewritten in version 2, with the same meaning.
/// @thread any (upgrade_manifest() blocks: reads and writes files)
#pragma once

#include "base/result.hpp"
#include "manifest/manifest.hpp"

#include <string>

namespace whorl::doctor {

/// The text of a manifest of version 2. Comments are not part of the model, so they are lost.
[[nodiscard]] std::string to_version_2(const manifest::Manifest& manifest);

/// Rewrites the file. The old text is kept beside it, with `.v1_backup` at the end of its name.
/// @return errors: those of reading, understanding and writing
[[nodiscard]] Result<void> upgrade_manifest(const std::string& manifest_path);

}  // namespace whorl::doctor
