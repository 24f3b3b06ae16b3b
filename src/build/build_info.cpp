#include "build/build_info.hpp"

#include "fs/file.hpp"
#include "manifest/build_parts.hpp"
#include "manifest/document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>

namespace whorl::build {
namespace {

using manifest::Entry;
using manifest::Node;

constexpr std::string_view kAnonymousProfile = "<anonymous>";

const Node* find(const Node* table, std::string_view name) {
  const Entry* entry = table == nullptr ? nullptr : table->find(name);
  return entry == nullptr ? nullptr : &entry->value;
}

std::string text_of(const Node* node) {
  return node != nullptr && node->is(Node::Kind::String) ? node->text : std::string();
}

std::vector<std::string> texts_of(const Node* node) {
  std::vector<std::string> out;
  if (node != nullptr) {
    for (const Node& item : node->items) {
      if (item.is(Node::Kind::String)) {
        out.push_back(item.text);
      }
    }
  }
  return out;
}

/// `command`: one, or a list of steps.
void read_command(const Node* node, ComponentBuild& out) {
  if (node == nullptr) {
    return;
  }
  out.is_list = node->is(Node::Kind::Array);
  out.commands = out.is_list ? texts_of(node) : std::vector<std::string>{text_of(node)};
  std::erase(out.commands, std::string());
}

/// A key of the table; a list in its place has the values of the keys in this order.
const Node* find_build_key(const Node* build, std::size_t index) {
  constexpr std::array<std::string_view, 3> kKeys{"command", "workdir", "watch"};
  if (build == nullptr || !build->is(Node::Kind::Array)) {
    return find(build, kKeys[index]);
  }
  return index < build->items.size() ? &build->items[index] : nullptr;
}

void read_build(const Node* build, ComponentBuild& out) {
  read_command(find_build_key(build, 0), out);
  out.workdir = text_of(find_build_key(build, 1));
  out.watch = texts_of(find_build_key(build, 2));
}

/// Patterns, and folders that are put at a path.
std::vector<std::string> read_files(const Node* files) {
  std::vector<std::string> out;
  if (files != nullptr) {
    for (const Node& item : files->items) {
      std::string path = item.is(Node::Kind::String) ? item.text : text_of(find(&item, "source"));
      if (!path.empty()) {
        out.push_back(std::move(path));
      }
    }
  }
  return out;
}

/// A reader of one manifest; the second step resolves paths of dependencies to ids.
class Reader {
 public:
  Reader(const Node& root, std::string_view profile) : root_(root), profile_(profile) {}

  void run(BuildInfo& out) {
    const Node* components = find(&root_, "component");
    if (components != nullptr && components->is(Node::Kind::Array)) {
      for (const Node& component : components->items) {  // manifest version 1
        read(text_of(find(&component, "id")), component, out);
      }
    } else if (components != nullptr) {
      for (const Entry& entry : components->entries) {
        read(entry.name, entry.value, out);
      }
    }
    read_inline_components(out);
    resolve_needs(out);
    std::ranges::sort(out.components, {}, &ComponentBuild::id);
  }

 private:
  void read(std::string id, const Node& component, BuildInfo& out) {
    ComponentBuild build;
    build.id = std::move(id);
    build.source = text_of(find(&component, "source"));
    build.files = read_files(find(&component, "files"));
    read_build(find(&component, "build"), build);
    note_dependencies(component, build.id);
    if (const Node* profiles = find(&component, "profile")) {
      for (const Entry& entry : profiles->entries) {
        out.profiles.insert(entry.name);
      }
      if (const Node* profile = find(profiles, profile_); profile != nullptr && !profile_.empty()) {
        read_command(find(find(profile, "build"), "command"), build);
        const std::string source = text_of(find(profile, "source"));
        build.source = source.empty() ? build.source : source;
        note_dependencies(*profile, build.id);
      }
    }
    if (!build.id.empty()) {
      out.components.push_back(std::move(build));
    }
  }

  void note_dependencies(const Node& component, const std::string& id) {
    if (const Node* dependencies = find(&component, "dependencies")) {
      for (const Entry& entry : dependencies->entries) {
        const std::string path = text_of(find(&entry.value, "path"));
        if (!path.empty()) {
          paths_[id].push_back(fs::normalised(path));
        }
      }
    }
  }

  /// Components that are written where a trigger names one have no id of their own that could be
  /// selected, but they may have files to watch.
  void read_inline_components(BuildInfo& out) {
    const Node* triggers = find(&root_, "trigger");
    if (triggers == nullptr || !triggers->is(Node::Kind::Table)) {
      return;
    }
    for (const Entry& type : triggers->entries) {
      std::size_t number = 0;
      for (const Node& trigger : type.value.items) {
        ++number;
        const Node* component = find(&trigger, "component");
        if (component == nullptr || !component->is(Node::Kind::Table)) {
          continue;
        }
        std::string id = text_of(find(&trigger, "id"));
        id = id.empty() ? fmt::format("{}-trigger{}", type.name, number) : id;
        read(id + "-component", *component, out);
      }
    }
  }

  void resolve_needs(BuildInfo& out) {
    for (ComponentBuild& component : out.components) {
      for (const std::string& path : paths_[component.id]) {
        for (const ComponentBuild& other : out.components) {
          const bool is_same = !other.source.empty() && fs::normalised(other.source) == path;
          if (is_same && other.id != component.id) {
            component.needs.push_back(other.id);
          }
        }
      }
    }
  }

  const Node& root_;
  std::string_view profile_;
  std::map<std::string, std::vector<std::string>> paths_;
};

/// Appends a component after those it needs. @return false when that goes in circles
bool visit(
    const ComponentBuild& component,
    const std::map<std::string_view, const ComponentBuild*>& all,
    std::map<std::string_view, int>& marks,
    std::vector<ComponentBuild>& out
) {
  constexpr int kOpen = 1;
  constexpr int kDone = 2;
  int& mark = marks[component.id];
  if (mark != 0) {
    return mark == kDone;
  }
  mark = kOpen;
  for (const std::string& need : component.needs) {
    const auto found = all.find(need);
    if (found != all.end() && !visit(*found->second, all, marks, out)) {
      return false;
    }
  }
  marks[component.id] = kDone;
  out.push_back(component);
  return true;
}

std::vector<ComponentBuild> in_order(const std::vector<ComponentBuild>& components) {
  std::map<std::string_view, const ComponentBuild*> all;
  for (const ComponentBuild& component : components) {
    all.emplace(component.id, &component);
  }
  std::map<std::string_view, int> marks;
  std::vector<ComponentBuild> out;
  for (const ComponentBuild& component : components) {
    if (!visit(component, all, marks, out)) {
      return components;
    }
  }
  return out;
}

std::string last_profile_path(const std::string& app_folder) {
  return fs::join(app_folder, ".spin/last-build.txt");
}

}  // namespace

std::string BuildInfo::folder() const {
  const std::string_view parent = fs::parent(manifest_path);
  return parent.empty() ? "." : std::string(parent);
}

std::string BuildInfo::directory_of(const ComponentBuild& component) const {
  return component.workdir.empty() ? folder() : fs::join(folder(), component.workdir);
}

Result<BuildInfo> parse_build_info(
    std::string_view text, const std::string& manifest_path, std::string_view profile
) {
  WHORL_TRY(const Node root, manifest::parse_document(text, manifest_path));
  BuildInfo out;
  out.manifest_path = manifest_path;
  Reader(root, profile).run(out);
  if (!profile.empty() && !out.profiles.contains(std::string(profile))) {
    return fail(ErrorKind::InvalidInput, "Profile {} is not defined in this application", profile);
  }
  return out;
}

Result<BuildInfo> read_build_info(const std::string& manifest_path, std::string_view profile) {
  const auto read = [&]() -> Result<BuildInfo> {
    WHORL_TRY(const Bytes bytes, fs::read_file(manifest_path, manifest::kMaxManifestBytes));
    WHORL_CHECKED(manifest::check_build_parts(as_text(bytes), manifest_path));
    return parse_build_info(as_text(bytes), manifest_path, profile);
  };
  return read().context("Cannot read manifest file from {}", fs::quote_path(manifest_path));
}

Result<std::vector<ComponentBuild>> order_builds(
    const BuildInfo& info, std::span<const std::string> ids
) {
  std::string unknown;
  for (const std::string& id : ids) {
    if (std::ranges::find(info.components, id, &ComponentBuild::id) == info.components.end()) {
      unknown += (unknown.empty() ? "" : ", ") + id;
    }
  }
  if (!unknown.empty()) {
    return fail(ErrorKind::NotFound, "Unknown component(s) {}", unknown);
  }
  std::vector<ComponentBuild> selected;
  const auto select = [&](const ComponentBuild& component) {
    if (!component.commands.empty() &&
        std::ranges::find(selected, component.id, &ComponentBuild::id) == selected.end()) {
      selected.push_back(component);
    }
  };
  if (ids.empty()) {
    std::ranges::for_each(info.components, select);
  }
  for (const std::string& id : ids) {
    select(*std::ranges::find(info.components, id, &ComponentBuild::id));
  }
  return in_order(selected);
}

std::string read_last_profile(const std::string& app_folder) {
  constexpr std::uint64_t kMaxBytes = 4096;
  const auto bytes = fs::read_file(last_profile_path(app_folder), kMaxBytes);
  if (!bytes || as_text(*bytes) == kAnonymousProfile) {
    return {};
  }
  return std::string(as_text(*bytes));
}

Result<void> write_last_profile(const std::string& app_folder, std::string_view profile) {
  const std::string path = last_profile_path(app_folder);
  if (profile.empty() && fs::kind_of(path) == fs::Kind::Missing) {
    return {};
  }
  WHORL_CHECKED(fs::create_directories(fs::join(app_folder, ".spin")));
  return fs::write_file_atomic(path, as_bytes(profile.empty() ? kAnonymousProfile : profile));
}

}  // namespace whorl::build
