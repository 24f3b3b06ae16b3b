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
#include "manifest/semver.hpp"

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
  [[nodiscard]] bool operator==(const LocalSource&) const = default;
};
/// A wasm file to be downloaded.
struct RemoteSource {
  std::string url;
  std::string digest;  ///< "sha256:…"; not checked here
  [[nodiscard]] bool operator==(const RemoteSource&) const = default;
};
/// A wasm package of a registry.
struct PackageSource {
  std::string registry;  ///< empty: the default one
  std::string package;   ///< "namespace:name"; empty in a dependency: the package of its name
  std::string version;   ///< of a component exact, of a dependency a requirement
  [[nodiscard]] bool operator==(const PackageSource&) const = default;
};
using ComponentSource = std::variant<LocalSource, RemoteSource, PackageSource>;

/// Another component of the same application, by id.
struct AppSource {
  std::string component;
  [[nodiscard]] bool operator==(const AppSource&) const = default;
};
/// After normalise() there is no AppSource any more: it is replaced by that component's source.
using DependencySource = std::variant<PackageSource, LocalSource, RemoteSource, AppSource>;

/// What satisfies an import of a component, or stands between trigger and component.
struct Dependency {
  Span span{};
  DependencySource source{};
  std::optional<std::string> export_name{};
  std::optional<app::Inherit> inherit{};  ///< absent: not said, which means nothing
};

/// The name of a dependency: an import by its plain name, or a package, one of its interfaces.
struct DependencyName {
  std::string text{};     ///< as written
  std::string space{};    ///< namespace of the package; empty for a plain name
  std::string package{};  ///< empty for a plain name
  std::string interface{};
  std::optional<Version> version{};

  [[nodiscard]] bool is_plain() const noexcept { return package.empty(); }
};

struct NamedDependency {
  DependencyName name{};
  Span name_span{};
  Dependency dependency{};
};

/// A host that components must be able to run on.
struct Target {
  enum class Kind : std::uint8_t { Catalogue, Url, Path };
  Kind kind = Kind::Catalogue;
  std::string text;
  [[nodiscard]] bool operator==(const Target&) const = default;
};

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
  [[nodiscard]] bool operator==(const BuildConfig&) const = default;
};

/// What is different when a build profile is asked for.
struct Profile {
  std::string name{};
  std::optional<ComponentSource> source{};
  std::map<std::string, std::string> environment{};
  std::vector<NamedDependency> dependencies{};
  std::optional<BuildConfig> build{};  ///< its commands only
};

struct Component {
  std::string id{};
  Span span{};  ///< of its table
  ComponentSource source{};
  std::string description{};
  std::map<std::string, std::string> variables{};  ///< name → template
  std::map<std::string, std::string> environment{};
  std::vector<FileGrant> files{};
  std::vector<std::string> exclude_files{};
  std::vector<std::string> allowed_http_hosts{};  ///< deprecated; empty in one of version 1
  std::vector<std::string> allowed_outbound_hosts{};
  std::vector<std::string> key_value_stores{};
  std::vector<std::string> sqlite_databases{};
  std::vector<std::string> ai_models{};
  std::optional<std::vector<Target>> targets{};  ///< overrides the application's list
  std::optional<BuildConfig> build{};
  app::Value tools{};  ///< tool name → free table
  std::optional<bool> dependencies_inherit_configuration{};
  std::vector<NamedDependency> dependencies{};
  std::vector<Profile> profiles{};
};

/// A component named by id, or written out in place.
using ComponentRef = std::variant<std::string, Component>;

/// `components.<name>` of a trigger.
struct ComponentRefs {
  std::string name{};
  std::vector<ComponentRef> refs{};
  bool is_list = false;  ///< written as a list
};

/// Those that play a role between a trigger and its component, the outermost first.
struct Players {
  std::string role{};
  std::vector<Dependency> dependencies{};
};

struct Trigger {
  std::string id{};  ///< empty until normalise()
  std::string type{};
  Span span{};                              ///< of its table
  std::optional<ComponentRef> component{};  ///< an id after normalise()
  std::vector<ComponentRefs> components{};  ///< ids after normalise()
  std::vector<Players> dependencies{};
  app::Value config{};  ///< a table: everything else
};

struct Variable {
  std::string name{};
  Span span{};
  std::optional<std::string> description{};
  bool is_required = false;
  std::optional<std::string> default_value{};
  bool is_secret = false;
};

struct Manifest {
  int version = 2;  ///< 1 or 2, as written; everything else is in the terms of 2
  std::string name{};
  std::string app_version{};
  std::string description{};
  std::vector<std::string> authors{};
  std::vector<Target> targets{};
  app::Value trigger_globals{};  ///< trigger type → application-wide settings
  app::Value tools{};            ///< tool name → free table
  std::vector<Variable> variables{};
  std::vector<Trigger> triggers{};      ///< of all types, in the order they were written
  std::vector<Component> components{};  ///< in the order they were written
};

/// Reads a manifest of either version; one of version 1 is converted, with the grants of its time.
/// @param file_name  as messages are to show it
/// @return errors: InvalidInput, Spin's message with the place underlined; further mistakes and
///         advice are in the help
[[nodiscard]] Result<Manifest> parse_manifest(std::string_view text, std::string_view file_name);

/// Some component has something to say about a build profile of this name.
[[nodiscard]] bool defines_profile(const Manifest& manifest, std::string_view profile) noexcept;

/// Brings a manifest into the form that later steps take: ids for triggers that have none,
/// components written in place moved to the component table, the profile applied, dependencies on
/// other components replaced by their sources, and checks what has to fit together for that.
/// @param profile  empty: none
/// @return errors: InvalidInput, NotFound (a component that is depended on)
[[nodiscard]] Result<void> normalise(Manifest& manifest, std::string_view profile = {});

/// The JSON Schema of manifests of version 2, for editors. @spec JSON Schema 2020-12
[[nodiscard]] std::string manifest_schema();

}  // namespace whorl::manifest
