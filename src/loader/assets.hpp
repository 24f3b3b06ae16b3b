/// A component's files: what its manifest names, and the folder they are copied to for its guest.
///
/// All that is wrong is found before anything is copied; a copy that fails takes away what it had
/// made. @thread blocking
#pragma once

#include "base/result.hpp"
#include "manifest/manifest.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace whorl::loader {

/// Which files go where.
struct CopyPlan {
  std::map<std::string, std::string> files{};       ///< path under the component's folder → source
  std::map<std::string, std::string_view> bytes{};  ///< path → contents, owned by someone else
  std::vector<std::string> folders{};               ///< that are there even when they stay empty
};

/// Finds the files of a component. Links are followed wherever they lead; a destination that leads
/// out of the component's folder is refused, or, where Spin would put the file beside it for nobody
/// to see, left out with a warning.
/// @param app_folder  absolute; patterns and sources are relative to it
/// @param warnings    is added to
/// @return errors: InvalidInput, NotFound in Spin's words; ResourceLimit (endless trees)
[[nodiscard]] Result<CopyPlan> plan_copies(
    std::span<const manifest::FileGrant> grants,
    std::span<const std::string> excluded,
    const std::string& app_folder,
    std::vector<std::string>& warnings
);

/// Makes the folder anew and copies into it. When something fails the folder is gone.
/// @return errors: those of the file system, with what was copied where
[[nodiscard]] Result<void> carry_out(const CopyPlan& plan, const std::string& folder);

/// What would keep carry_out() from reading a file, found without copying anything.
/// @return errors: as carry_out()
[[nodiscard]] Result<void> check_readable(const CopyPlan& plan, const std::string& folder);

/// Takes away what carry_out() made.
void take_back(const std::string& folder);

/// A path below a folder, without dot segments and slashes in front; nothing when it leads out.
[[nodiscard]] std::optional<std::string> path_below(std::string_view path);

}  // namespace whorl::loader
