/// FileEvents: what changes in folders, as the kernel tells it.
///
/// Folders are watched, not files: an editor that writes a new file and renames it over the old one
/// is seen like any other. @thread one
#pragma once

#include "base/result.hpp"
#include "fs/file.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace whorl::fs {

class FileEvents {
 public:
  /// Folders that are watched at most.
  static constexpr std::size_t kMaxFolders = 16 * 1024;

  [[nodiscard]] static Result<FileEvents> create();

  /// Readable when take() has something to tell.
  [[nodiscard]] int descriptor() const noexcept { return notify_.get(); }

  /// Watches a folder, not those below it. Watching one twice is fine.
  /// @return errors: NotFound; ResourceLimit (kMaxFolders, or what the system allows)
  [[nodiscard]] Result<void> watch(const std::string& folder);
  [[nodiscard]] bool is_watched(std::string_view folder) const { return folders_.contains(folder); }
  /// Stops watching everything.
  void clear();

  struct Change {
    std::string path;        ///< of the file or folder, under the name its folder was watched by
    bool is_folder = false;  ///< created, moved or removed as a whole
  };
  struct Changes {
    std::vector<Change> changes;
    bool is_incomplete = false;  ///< there were too many: anything may have changed
  };
  /// What was written, created, moved or removed since the last call. Does not wait.
  [[nodiscard]] Changes take();

 private:
  explicit FileEvents(Fd notify) noexcept : notify_(std::move(notify)) {}

  Fd notify_;
  std::map<std::string, int, std::less<>> folders_;
  std::unordered_map<int, std::string> names_;
};

}  // namespace whorl::fs
