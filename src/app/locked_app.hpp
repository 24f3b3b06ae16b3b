/// LockedApp: a fully resolved application, immutable, shared by every shard.
///
/// Whatever an application came from (a manifest, a bare module, later an image or a lock file), it
/// is run from this form; defaults are applied, ids are assigned and checked to be unique, paths
/// are absolute.
/// @thread any, once built (handed around as shared_ptr<const LockedApp>)
#pragma once

#include "app/value.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::app {

/// One entry of a component's `files`: a glob pattern, or a folder put at a guest path.
struct FileGrant {
  std::string source;                      ///< glob or path, relative to the manifest's folder
  std::optional<std::string> destination;  ///< guest path; absent for a glob
  [[nodiscard]] bool operator==(const FileGrant&) const = default;
};

/// A component: what is run, and what it may use.
struct Component {
  std::string id{};
  std::string description{};
  std::string source_path{};  ///< absolute path of the wasm file
  std::map<std::string, std::string> environment{};
  std::map<std::string, std::string> variables{};  ///< name → template, unexpanded
  std::vector<FileGrant> files{};
  std::vector<std::string> exclude_files{};
  std::vector<std::string> allowed_outbound_hosts{};  ///< patterns, possibly templates
  std::vector<std::string> key_value_stores{};        ///< labels
  std::vector<std::string> sqlite_databases{};        ///< labels
  std::vector<std::string> ai_models{};
  Value metadata{};  ///< a table: what else was said about it (`build`)
};

/// What makes a component run. The settings of each trigger type are read by that type's code
/// (app/http_trigger.hpp for "http").
struct Trigger {
  std::string id;
  std::string type;  ///< "http", "redis", …
  Value config;      ///< a table; `component` names the component
};

/// An application-wide variable.
struct Variable {
  std::string description;
  std::optional<std::string> default_value;  ///< absent: some provider must give a value
  bool is_secret = false;
};

struct LockedApp {
  std::string name;
  std::string version;
  std::string description;
  std::vector<std::string> authors;
  /// Where it came from, as a URL ("file:///…/spin.toml"); empty for a bare wasm file.
  std::string origin;
  /// Folder of the manifest as the operator gave it, "" meaning the current one. Absent for a bare
  /// wasm file, which has no state and no log folder by default.
  std::optional<std::string> app_dir;
  std::map<std::string, Variable> variables;
  Value trigger_globals;  ///< a table: trigger type → application-wide settings of that type
  std::vector<Trigger> triggers;
  std::vector<Component> components;

  /// Null when there is none of that id. Valid as long as the app.
  [[nodiscard]] const Component* find_component(std::string_view id) const noexcept;
};

}  // namespace whorl::app
