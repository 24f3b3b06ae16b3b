#include "watch/watched_files.hpp"

#include "fs/file.hpp"

#include <filesystem>

namespace whorl::watch {
namespace {

namespace stdfs = std::filesystem;

/// Calls `use(path, is_folder)` for what is in a folder; nothing for one that cannot be read.
template <class Use>
void for_each_in(const std::string& folder, Use use) {
  std::error_code failed;
  stdfs::directory_iterator entry(folder, stdfs::directory_options::skip_permission_denied, failed);
  for (; !failed && entry != stdfs::directory_iterator(); entry.increment(failed)) {
    std::error_code ignored;
    use(entry->path().string(), entry->is_directory(ignored) && !entry->is_symlink(ignored));
  }
}

/// The folder itself, or the nearest above it that exists: what is missing may be made later.
std::string existing(std::string folder) {
  while (fs::kind_of(folder) != fs::Kind::Directory && folder != "/") {
    folder = std::string(fs::parent(folder));
  }
  return folder;
}

class RuleMaker {
 public:
  explicit RuleMaker(const build::BuildInfo& info) : info_(info) {}

  Result<void> add(
      FileRole role, const std::string& component, const std::string& folder, std::string_view text
  ) {
    auto glob = fs::Glob::parse(fs::join(folder, text));
    if (!glob) {
      return glob.take_error().context("cannot watch the files of component \"" + component + "\"");
    }
    rules_.push_back({.role = role, .component = component, .glob = *std::move(glob)});
    return {};
  }

  Result<void> add_component(const build::ComponentBuild& component, const RuleOptions& options) {
    if (!component.source.empty()) {
      WHORL_CHECKED(add(FileRole::Artifact, component.id, info_.folder(), component.source));
    }
    if (options.sources && !component.commands.empty()) {
      for (const std::string& pattern : component.watch) {
        WHORL_CHECKED(add(FileRole::Source, component.id, info_.directory_of(component), pattern));
      }
    }
    for (const std::string& path : component.files) {
      if (!options.assets) {
        break;
      }
      WHORL_CHECKED(add(FileRole::Artifact, component.id, info_.folder(), path));
      // A folder that is put at a path counts with everything in it.
      WHORL_CHECKED(add(FileRole::Artifact, component.id, info_.folder(), path + "/**"));
    }
    return {};
  }

  std::vector<WatchRule> take() { return std::move(rules_); }

 private:
  const build::BuildInfo& info_;
  std::vector<WatchRule> rules_;
};

}  // namespace

void ChangedFiles::merge(const ChangedFiles& other) {
  manifest |= other.manifest;
  artifacts |= other.artifacts;
  components.insert(other.components.begin(), other.components.end());
}

Result<std::vector<WatchRule>> make_rules(
    const build::BuildInfo& info, const RuleOptions& options
) {
  RuleMaker maker(info);
  WHORL_CHECKED(maker.add(FileRole::Manifest, {}, {}, info.manifest_path));
  for (const build::ComponentBuild& component : info.components) {
    WHORL_CHECKED(maker.add_component(component, options));
  }
  return maker.take();
}

Result<WatchedFiles> WatchedFiles::create() {
  WHORL_TRY(auto events, fs::FileEvents::create());
  return WatchedFiles(std::move(events));
}

Result<void> WatchedFiles::set_rules(std::vector<WatchRule> rules) {
  rules_ = std::move(rules);
  events_.clear();
  auto watched = watch_folders();
  added_.clear();
  return watched;
}

Result<void> WatchedFiles::watch_folders() {
  for (const WatchRule& rule : rules_) {
    for (const fs::Glob::Root& root : rule.glob.roots()) {
      const std::string folder = existing(root.folder);
      if (root.is_deep && folder == root.folder) {
        WHORL_CHECKED(watch_tree(folder, added_));
      } else if (!events_.is_watched(folder)) {
        WHORL_CHECKED(events_.watch(folder));
        added_.push_back(folder);
      }
    }
  }
  return {};
}

Result<void> WatchedFiles::watch_tree(const std::string& folder, std::vector<std::string>& added) {
  std::vector<std::string> open{folder};
  while (!open.empty()) {
    const std::string next = std::move(open.back());
    open.pop_back();
    if (!events_.is_watched(next)) {
      auto watched = events_.watch(next);
      if (!watched && watched.error().kind() == ErrorKind::ResourceLimit) {
        return watched;
      }
      added.push_back(next);
    }
    for_each_in(next, [&](const std::string& path, bool is_folder) {
      if (is_folder && fs::file_name(path) != ".git") {
        open.push_back(path);
      }
    });
  }
  return {};
}

void WatchedFiles::note(const std::string& path, ChangedFiles& out) const {
  for (const WatchRule& rule : rules_) {
    if (!rule.glob.matches(path)) {
      continue;
    }
    switch (rule.role) {
      case FileRole::Manifest:
        out.manifest = true;
        break;
      case FileRole::Source:
        out.components.insert(rule.component);
        break;
      case FileRole::Artifact:
        out.artifacts = true;
    }
  }
}

ChangedFiles WatchedFiles::take() {
  const auto events = events_.take();
  ChangedFiles out;
  bool has_folders = events.is_incomplete;
  for (const fs::FileEvents::Change& change : events.changes) {
    has_folders |= change.is_folder;
    note(change.path, out);
  }
  if (has_folders) {
    // What cannot be watched was reported when the rules were set.
    static_cast<void>(watch_folders());
    for (const std::string& folder : std::exchange(added_, {})) {
      for_each_in(folder, [&](const std::string& path, bool) { note(path, out); });
    }
  }
  if (events.is_incomplete) {
    for (const WatchRule& rule : rules_) {
      out.manifest |= rule.role == FileRole::Manifest;
      out.artifacts |= rule.role == FileRole::Artifact;
      if (rule.role == FileRole::Source) {
        out.components.insert(rule.component);
      }
    }
  }
  return out;
}

}  // namespace whorl::watch
