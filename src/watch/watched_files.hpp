/// WatchedFiles: which files matter to a running application, and which of them have changed.
/// @thread one
#pragma once

#include "base/result.hpp"
#include "build/build_info.hpp"
#include "fs/file_events.hpp"
#include "fs/glob.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace whorl::watch {

/// What a file is to the application.
enum class FileRole : std::uint8_t {
  Manifest,
  Source,    ///< of a component: it must be built
  Artifact,  ///< a wasm file or an asset: it must be loaded
};

/// A pattern of absolute paths.
struct WatchRule {
  FileRole role = FileRole::Manifest;
  std::string component{};  ///< of a Source
  fs::Glob glob{};
};

/// What has changed.
struct ChangedFiles {
  bool manifest = false;
  bool artifacts = false;
  std::set<std::string> components{};  ///< whose sources

  [[nodiscard]] bool any() const noexcept { return manifest || artifacts || !components.empty(); }
  void merge(const ChangedFiles& other);
};

/// What to watch for an application.
struct RuleOptions {
  bool sources = true;  ///< false: nothing is built
  bool assets = true;   ///< false: guests see changes of their files at once
};
/// @param info  its manifest path is absolute
/// @return errors: InvalidInput for a malformed pattern, naming the component
[[nodiscard]] Result<std::vector<WatchRule>> make_rules(
    const build::BuildInfo& info, const RuleOptions& options
);

class WatchedFiles {
 public:
  [[nodiscard]] static Result<WatchedFiles> create();

  /// Replaces all rules.
  /// @return errors: ResourceLimit when there are more folders than can be watched; what could be
  ///         watched is watched all the same
  [[nodiscard]] Result<void> set_rules(std::vector<WatchRule> rules);
  /// Readable when take() has something to tell.
  [[nodiscard]] int descriptor() const noexcept { return events_.descriptor(); }
  /// What has changed since the last call. Does not wait.
  [[nodiscard]] ChangedFiles take();

 private:
  explicit WatchedFiles(fs::FileEvents events) noexcept : events_(std::move(events)) {}

  /// Watches the folders in which a rule's files are or may appear.
  [[nodiscard]] Result<void> watch_folders();
  [[nodiscard]] Result<void> watch_tree(const std::string& folder, std::vector<std::string>& added);
  void note(const std::string& path, ChangedFiles& out) const;

  fs::FileEvents events_;
  std::vector<WatchRule> rules_;
  /// Folders watched since the last look, whose files count as changed.
  std::vector<std::string> added_;
};

}  // namespace whorl::watch
