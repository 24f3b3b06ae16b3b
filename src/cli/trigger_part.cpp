#include "cli/trigger_part.hpp"

#include "app/file_url.hpp"
#include "app/lock_file.hpp"
#include "base/hash.hpp"
#include "fs/file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

namespace whorl::cli {
namespace {

/// Of a file that is compared; what is longer can't be loaded either.
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{4} << 30U;

using Strings = std::set<std::string, std::less<>>;

/// Every text in a value, however deep.
void collect(const app::Value& value, Strings& texts) {
  if (const auto* text = value.as_string()) {
    texts.insert(*text);
  } else if (const auto* items = value.as_array()) {
    for (const app::Value& item : *items) {
      collect(item, texts);
    }
  } else if (const auto* members = value.as_table()) {
    for (const app::Member& member : *members) {
      collect(member.value, texts);
    }
  }
}

/// A digest of named contents, none of which can pass for another.
class Contents {
 public:
  void add(std::string_view name, ByteView bytes) {
    const std::string head = fmt::format("{}:{}:{}:", name.size(), name, bytes.size());
    hash_.update(as_bytes(head)).update(bytes);
  }
  [[nodiscard]] Result<> add_file(std::string_view name, const std::string& path) {
    WHORL_TRY(const Bytes bytes, fs::read_file(path, kMaxFileBytes));
    add(name, bytes);
    return {};
  }
  [[nodiscard]] Result<> add_source(const app::ContentRef& source) {
    if (const auto path = app::from_file_url(source.url)) {
      return add_file("source", *path);
    }
    return {};  // a digest, or the bytes themselves, are in the lock
  }
  [[nodiscard]] Result<> add_folder(const std::string& folder) {
    namespace stdfs = std::filesystem;
    std::error_code failed;
    std::vector<std::string> files;
    for (stdfs::recursive_directory_iterator at(folder, failed), end; !failed && at != end;
         at.increment(failed)) {
      if (at->is_regular_file(failed)) {
        files.push_back(at->path().string());
      }
    }
    if (failed) {
      return fs::errno_error(failed.value()).context(fmt::format("reading {}", folder));
    }
    std::ranges::sort(files);
    for (const std::string& file : files) {
      WHORL_CHECKED(add_file(std::string_view(file).substr(folder.size()), file));
    }
    return {};
  }
  [[nodiscard]] std::string finish() { return to_hex(hash_.finish()); }

 private:
  Sha256 hash_;
};

Result<> add_component(Contents& contents, app::Component& component, std::string_view copies) {
  contents.add("component", as_bytes(component.id));
  if (!component.source_path.empty()) {
    WHORL_CHECKED(contents.add_file("source", component.source_path));
  } else {
    WHORL_CHECKED(contents.add_source(component.source));
  }
  for (const auto& [name, dependency] : component.dependencies) {
    WHORL_CHECKED(contents.add_source(dependency.source));
  }
  for (const auto& [role, dependencies] : component.trigger_dependencies) {
    for (const app::Dependency& dependency : dependencies) {
      WHORL_CHECKED(contents.add_source(dependency.source));
    }
  }
  const auto is_copy = [&](std::string_view path) { return path.starts_with(copies); };
  for (app::Mount& mount : component.mounts) {
    if (is_copy(mount.host_path)) {
      contents.add("mount", as_bytes(mount.guest_path));
      WHORL_CHECKED(contents.add_folder(mount.host_path));
    }
  }
  // The copies of each version have a folder of their own, which is no difference.
  std::erase_if(component.files, [&](const app::FileEntry& entry) {
    const auto path = app::from_file_url(entry.content.url);
    return path && is_copy(*path);
  });
  std::erase_if(component.mounts, [&](const app::Mount& each) { return is_copy(each.host_path); });
  return {};
}

}  // namespace

Result<std::string> part_of(
    const app::LockedApp& app, std::string_view type, std::string_view copies
) {
  app::LockedApp part = app;
  std::erase_if(part.triggers, [&](const app::Trigger& each) { return each.type != type; });
  Strings named;
  for (const app::Trigger& trigger : part.triggers) {
    collect(trigger.config, named);
  }
  app::Value globals(app::Value::Table{});
  if (const app::Value* own = app.trigger_globals.find(type)) {
    collect(*own, named);
    globals.set(std::string(type), *own);
  }
  part.trigger_globals = std::move(globals);
  // A trigger whose settings name no component finds its components in some way of its own.
  const auto is_named = [&](const app::Component& each) { return named.contains(each.id); };
  if (std::ranges::any_of(part.components, is_named)) {
    std::erase_if(part.components, [&](const app::Component& each) { return !is_named(each); });
  }
  Contents contents;
  for (app::Component& component : part.components) {
    WHORL_CHECKED(add_component(contents, component, copies));
  }
  contents.add("lock", as_bytes(app::write_lock(part)));
  return contents.finish();
}

}  // namespace whorl::cli
