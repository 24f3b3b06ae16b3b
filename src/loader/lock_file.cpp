// Applications that were locked before, by us or by Spin.

#include "app/lock_file.hpp"

#include "app/file_url.hpp"
#include "fs/file.hpp"
#include "loader/assets.hpp"
#include "loader/loader.hpp"

#include <fmt/format.h>

#include <utility>

namespace whorl::loader {
namespace {

app::Mount mount(std::string host, std::string guest, const LoadOptions& options) {
  return {
      .host_path = std::move(host),
      .guest_path = std::move(guest),
      .is_writable = options.access == MountAccess::ReadWrite
  };
}

/// Single files go into the component's folder, at their paths; folders are mounted in place.
Result<void> mount_entry(
    const app::FileEntry& file, const LoadOptions& options, app::Component& out, CopyPlan& plan
) {
  const auto path = app::from_file_url(file.content.url);
  if (path && fs::kind_of(*path) == fs::Kind::Directory) {
    out.mounts.push_back(mount(*path, file.path, options));
    return {};
  }
  const auto below = path_below(file.path);
  if (!below || below->empty()) {
    return fail(
        ErrorKind::InvalidInput,
        "the path {} of a file leads out of the component's files",
        fs::quote_path(file.path)
    );
  }
  if (path) {
    plan.files[*below] = *path;
    return {};
  }
  if (!file.content.inline_bytes) {
    return fail(
        ErrorKind::Unsupported,
        "the file {} is known by its digest only, and there is no store of such files yet",
        fs::quote_path(file.path)
    );
  }
  plan.bytes[*below] = *file.content.inline_bytes;
  return {};
}

Result<void> mount_files(app::Component& component, const LoadOptions& options) {
  CopyPlan plan;
  for (const app::FileEntry& file : component.files) {
    WHORL_CHECKED(mount_entry(file, options, component, plan));
  }
  if (plan.files.empty() && plan.bytes.empty()) {
    return {};
  }
  // The same folder as an application's own copies have, which are mounted, not copied.
  const std::string folder = fs::join(options.assets_dir, component.id);
  WHORL_CHECKED(carry_out(plan, folder));
  component.mounts.push_back(mount(folder, "/", options));
  return {};
}

Result<app::LockedApp> load(const std::string& path, const LoadOptions& options) {
  WHORL_TRY(const Bytes bytes, fs::read_file(path, app::kMaxLockBytes));
  WHORL_TRY(app::LockedApp out, app::read_lock(as_text(bytes)));
  if (options.files == FileMounts::None) {
    return out;
  }
  for (app::Component& component : out.components) {
    WHORL_CHECKED(
        mount_files(component, options).context("Failed to load component `{}`", component.id)
    );
  }
  return out;
}

}  // namespace

Result<std::shared_ptr<const app::LockedApp>> load_lock(
    const std::string& path, const LoadOptions& options
) {
  WHORL_TRY(
      app::LockedApp loaded,
      load(path, options).context("Failed to load the lock file {}", fs::quote_path(path))
  );
  return std::make_shared<const app::LockedApp>(std::move(loaded));
}

}  // namespace whorl::loader
