#include "build/stale.hpp"

#include "fs/file.hpp"
#include "fs/glob.hpp"

#include <filesystem>
#include <optional>

namespace whorl::build {
namespace {

namespace stdfs = std::filesystem;

std::optional<stdfs::file_time_type> time_of(const std::string& path) {
  std::error_code failed;
  const auto time = stdfs::last_write_time(path, failed);
  return failed ? std::nullopt : std::optional(time);
}

/// Looks for a file that is newer, until too much was looked at.
class Search {
 public:
  explicit Search(stdfs::file_time_type built) : built_(built) {}

  [[nodiscard]] bool finds_newer(const fs::Glob& glob, const fs::Glob::Root& root) {
    std::vector<std::string> open{root.folder.empty() ? "." : root.folder};
    while (!open.empty() && looked_at_ <= kMaxLookedAt) {
      const std::string folder = std::move(open.back());
      open.pop_back();
      std::error_code failed;
      stdfs::directory_iterator entry(folder, failed);
      for (; !failed && entry != stdfs::directory_iterator(); entry.increment(failed)) {
        if (++looked_at_ > kMaxLookedAt) {
          return false;
        }
        std::error_code ignored;
        const std::string path = fs::normalised(entry->path().string());
        if (entry->is_directory(ignored)) {
          if (root.is_deep && !entry->is_symlink(ignored)) {
            open.push_back(path);
          }
        } else if (glob.matches(path) && is_newer(path)) {
          return true;
        }
      }
    }
    return false;
  }

 private:
  [[nodiscard]] bool is_newer(const std::string& path) const {
    const auto time = time_of(path);
    return time && *time > built_;
  }

  stdfs::file_time_type built_;
  std::size_t looked_at_ = 0;
};

bool is_stale(const BuildInfo& info, const ComponentBuild& component) {
  const auto built = time_of(fs::join(info.folder(), component.source));
  if (!built) {
    return false;  // what is missing is noticed when it is loaded
  }
  Search search(*built);
  for (const std::string& pattern : component.watch) {
    const auto glob = fs::Glob::parse(fs::join(info.directory_of(component), pattern));
    if (!glob) {
      continue;
    }
    for (const fs::Glob::Root& root : glob->roots()) {
      if (search.finds_newer(*glob, root)) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

std::vector<std::string> stale_components(const BuildInfo& info) {
  std::vector<std::string> out;
  for (const ComponentBuild& component : info.components) {
    const bool can_be = !component.commands.empty() && !component.source.empty();
    if (can_be && is_stale(info, component)) {
      out.push_back(component.id);
    }
  }
  return out;
}

}  // namespace whorl::build
