/// Manifest: what a spin.toml says, typed, with the place of everything that later steps may have
/// to complain about.
///
/// Reading keeps whatever the format knows, also what Whorl cannot run yet: refusing that is the
/// loader's task, so that tools that only look at manifests can read them all. What the format does
/// not know is refused here. @thread any (a value)
#pragma once

#include "app/locked_app.hpp"
#include "base/result.hpp"
#include "manifest/document.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace whorl::manifest {

/// A wasm file beside the manifest; relative to its folder.
struct LocalSource {
  std::string path;
};
/// A wasm file to be downloaded.
struct RemoteSource {
  std::string url;
  std::string digest;  ///< "sha256:…"; not checked here
};
/// A wasm package of a registry.
struct PackageSource {
  std::string registry;  ///< empty: the default one
  std::string package;
  std::string version;  ///< exact
};
using ComponentSource = std::variant<LocalSource, RemoteSource, PackageSource>;

/// One entry of a component's `files`: a glob pattern, or a folder put at a guest path.
struct FileGrant {
  std::string source;                      ///< glob or path, relative to the manifest's folder
  std::optional<std::string> destination;  ///< guest path; absent for a glob
  [[nodiscard]] bool operator==(const FileGrant&) const = default;
};

/// How a component is built from its sources.
struct BuildConfig {
  std::vector<std::string> commands;
  bool is_list = false;  ///< written as a list, which a locked app repeats
  std::string workdir;   ///< empty: the manifest's folder
  std::vector<std::string> watch;
};

struct Component {
  std::string id;
  Span span;  ///< of its table
  ComponentSource source;
  std::string description;
  std::map<std::string, std::string> variables;  ///< name → template
  std::map<std::string, std::string> environment;
  std::vector<FileGrant> files;
  std::vector<std::string> exclude_files;
  std::vector<std::string> allowed_http_hosts;  ///< deprecated
  std::vector<std::string> allowed_outbound_hosts;
  std::vector<std::string> key_value_stores;
  std::vector<std::string> sqlite_databases;
  std::vector<std::string> ai_models;
  std::optional<app::Value> targets;  ///< overrides the application's list
  std::optional<BuildConfig> build;
  app::Value tools;  ///< tool name → free table
  std::optional<bool> dependencies_inherit_configuration;
  app::Value dependencies;  ///< import name → requirement; null if there are none
  app::Value profiles;      ///< profile name → overrides; null if there are none
};

/// A component named by id, or written out in place.
using ComponentRef = std::variant<std::string, Component>;

struct Trigger {
  std::string id;  ///< empty until normalise()
  std::string type;
  Span span;                              ///< of its table
  std::optional<ComponentRef> component;  ///< an id after normalise()
  app::Value components;                  ///< `components`, several of them; null if absent
  app::Value dependencies;                ///< role → list; null if absent
  app::Value config;                      ///< a table: everything else
};

struct Variable {
  std::string name;
  Span span;
  std::string description;
  bool is_required = false;
  std::optional<std::string> default_value;
  bool is_secret = false;
};

struct Manifest {
  std::string name;
  std::string version;
  std::string description;
  std::vector<std::string> authors;
  app::Value targets;          ///< an array
  app::Value trigger_globals;  ///< trigger type → application-wide settings
  app::Value tools;            ///< tool name → free table
  std::vector<Variable> variables;
  std::vector<Trigger> triggers;      ///< of all types, in the order they were written
  std::vector<Component> components;  ///< in the order they were written
};

/// Reads a manifest of version 2.
/// @param file_name  as messages are to show it
/// @return errors: InvalidInput with the place underlined; Unsupported for version 1
[[nodiscard]] Result<Manifest> parse_manifest(std::string_view text, std::string_view file_name);

/// Gives ids to triggers that have none and turns components written in place into ones of the
/// component table.
void normalise(Manifest& manifest);

}  // namespace whorl::manifest
