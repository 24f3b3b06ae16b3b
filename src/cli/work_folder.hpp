/// WorkFolder: where the files of a running application are copied to.
///
/// Given by `--temp` and kept, or made for this run and removed with it. Every version of the
/// application has a folder of its own in it, which goes when the version is used no more.
/// @thread the main thread
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace whorl::cli {

/// Removes a folder at the end of its life.
class FolderGuard {
 public:
  explicit FolderGuard(std::string path) : path_(std::move(path)) {}
  FolderGuard(const FolderGuard&) = delete;
  FolderGuard& operator=(const FolderGuard&) = delete;
  ~FolderGuard();

 private:
  std::string path_;
};

class WorkFolder {
 public:
  /// @param given  of `--temp`, made if it is missing; empty: a temporary one
  [[nodiscard]] static Result<WorkFolder> open(const std::string& given);

  /// Absolute, without links.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// Where one version's copies go; not made yet.
  struct Assets {
    std::string path;
    std::shared_ptr<FolderGuard> guard;  ///< null: it stays, as the operator wants it
  };
  [[nodiscard]] Assets next_assets();

 private:
  WorkFolder(std::string path, std::shared_ptr<FolderGuard> guard)
      : path_(std::move(path)), guard_(std::move(guard)) {}

  std::string path_;
  std::shared_ptr<FolderGuard> guard_;  ///< null: given
  std::uint64_t versions_ = 0;
};

}  // namespace whorl::cli
