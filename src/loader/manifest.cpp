// A manifest, read, normalised, and locked.

#include "manifest/manifest.hpp"

#include "fs/file.hpp"
#include "loader/loader.hpp"
#include "loader/lock.hpp"

#include <fmt/format.h>

#include <utility>

namespace whorl::loader {
namespace {

Result<app::LockedApp> lock_at(
    manifest::Manifest from, const std::string& path, const LoadOptions& options
) {
  WHORL_CHECKED(manifest::normalise(from, options.profile));
  WHORL_TRY(const std::string canonical, fs::canonical(path));
  return lock(std::move(from), canonical, options);
}

}  // namespace

Result<std::shared_ptr<const app::LockedApp>> load_manifest(
    const std::string& path, const LoadOptions& options
) {
  WHORL_TRY(const Bytes bytes, fs::read_file(path, manifest::kMaxManifestBytes));
  // What is wrong with the text itself is reported bare: it says where it stands.
  WHORL_TRY(manifest::Manifest parsed, manifest::parse_manifest(as_text(bytes), path));
  if (!options.profile.empty() && !manifest::defines_profile(parsed, options.profile)) {
    return fail(
        ErrorKind::NotFound, "Profile {} is not defined in this application", options.profile
    );
  }
  WHORL_TRY(
      app::LockedApp locked,
      lock_at(std::move(parsed), path, options)
          .context("Failed to load Spin app from {}", fs::quote_path(path))
          .context("Failed to load manifest from {}", fs::quote_path(path))
          .context("Failed to load application")
  );
  locked.app_dir = std::string(fs::parent(path));
  return std::make_shared<const app::LockedApp>(std::move(locked));
}

}  // namespace whorl::loader
