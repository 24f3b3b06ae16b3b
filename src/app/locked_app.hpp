/// LockedApp: a fully resolved application, immutable, shared by every shard.
///
/// Whatever an application came from (a manifest, a bare module, an image, a lock file), it is run
/// from this form; defaults are applied, ids are assigned and checked to be unique, paths are
/// absolute. Its JSON form is Spin's `spin.lock` (app/lock_file.hpp).
/// @thread any, once built (handed around as shared_ptr<const LockedApp>)
#pragma once

#include "app/value.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::app {

/// Where the bytes of something are: at least one of the three.
struct ContentRef {
  std::string url{};                        ///< "file:///…" where it is on this machine
  std::string digest{};                     ///< "sha256:…"
  std::optional<std::string> inline_bytes;  ///< the bytes themselves, decoded
  [[nodiscard]] bool operator==(const ContentRef&) const = default;
};

/// A file, or a folder with everything in it, at a path of the guest: as a lock file says it.
struct FileEntry {
  ContentRef content{};
  std::string path{};  ///< of the guest
  [[nodiscard]] bool operator==(const FileEntry&) const = default;
};

/// A folder of the host that a guest may use, under a path of the guest. Derived from the file
/// entries when an application is loaded; nothing outside of it can be reached through it.
struct Mount {
  std::string host_path{};   ///< absolute
  std::string guest_path{};  ///< absolute, "/" for all there is
  bool is_writable = false;
  [[nodiscard]] bool operator==(const Mount&) const = default;
};

/// What a dependency may use of the grants of the component it is composed into.
struct Inherit {
  enum class Kind : std::uint8_t { Nothing, All, Some };
  Kind kind = Kind::Nothing;
  std::vector<std::string> grants{};  ///< with Some: "ai_models", "files", …; others mean nothing
  [[nodiscard]] bool operator==(const Inherit&) const = default;
};

/// A component that satisfies an import of another one, or stands before it (middleware).
struct Dependency {
  ContentRef source{};
  std::string content_type{};
  std::optional<std::string> export_name;  ///< absent: the export named like the import
  Inherit inherit{};
  [[nodiscard]] bool operator==(const Dependency&) const = default;
};

/// A component: what is run, and what it may use.
struct Component {
  std::string id{};
  std::string description{};
  /// Absolute path of the wasm file; empty when `source` has only a digest or the bytes.
  std::string source_path{};
  ContentRef source{};         ///< what a lock file said; may be empty where source_path is set
  std::string content_type{};  ///< of the source; empty: "application/wasm"
  std::map<std::string, std::string> environment{};
  std::map<std::string, std::string> variables{};  ///< name → template, unexpanded
  std::vector<FileEntry> files{};
  std::vector<Mount> mounts{};
  std::vector<std::string> allowed_outbound_hosts{};  ///< patterns, possibly templates
  std::vector<std::string> key_value_stores{};        ///< labels
  std::vector<std::string> sqlite_databases{};        ///< labels
  std::vector<std::string> ai_models{};
  Value metadata{};  ///< a table: what else was said about it (`build`)
  std::map<std::string, Dependency> dependencies{};  ///< import name → what satisfies it
  /// Role ("middleware") → those that play it, the outermost first.
  std::map<std::string, std::vector<Dependency>> trigger_dependencies{};
  std::map<std::string, std::string> host_requirements{};  ///< feature → "required", "optional"
};

/// What makes a component run. The settings of each trigger type are read by that type's code
/// (app/http_trigger.hpp for "http").
struct Trigger {
  std::string id{};
  std::string type{};    ///< "http", "redis", …
  Value config{};        ///< a table; `component` names the component
  Value dependencies{};  ///< null; kept as found where a lock file has `trigger_dependencies` here
};

/// An application-wide variable.
struct Variable {
  std::string description;
  std::optional<std::string> default_value;  ///< absent: some provider must give a value
  bool is_secret = false;
  bool has_description = false;  ///< a lock file repeats an empty one that was written
};

struct LockedApp {
  std::string name;
  std::string version;
  std::string description;
  std::vector<std::string> authors;
  /// Where it came from, as a URL ("file:///…/spin.toml"); empty for a bare wasm file.
  std::string origin;
  std::string profile;  ///< the build profile it was loaded with; empty: none
  /// Folder of the manifest as the operator gave it, "" meaning the current one. Absent for a bare
  /// wasm file, which has no state and no log folder by default.
  std::optional<std::string> app_dir;
  std::map<std::string, Variable> variables;
  Value trigger_globals;  ///< a table: trigger type → application-wide settings of that type
  Value metadata;         ///< a table or null: what else a lock file says of the whole
  std::map<std::string, std::string> host_requirements;  ///< feature → "required", "optional"
  std::vector<Trigger> triggers;
  std::vector<Component> components;

  /// Null when there is none of that id. Valid as long as the app.
  [[nodiscard]] const Component* find_component(std::string_view id) const noexcept;
};

}  // namespace whorl::app
