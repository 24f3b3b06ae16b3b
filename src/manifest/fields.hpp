/// What the tables of a manifest are made of: one description for reading, for messages and for the
/// JSON Schema.
///
/// Private to this room. @thread any (constants)
#pragma once

#include <array>
#include <span>
#include <string_view>

namespace whorl::manifest {

/// One entry that a table may have.
struct Field {
  enum class Need : bool { Optional, Required };

  std::string_view name;
  /// "string", "boolean", "object" (free), "id" (a component's), "#Name" (of kShapes);
  /// "[x]": a list of x; "{x}": a table of x under any name.
  std::string_view type;
  Need need;
  std::string_view doc;  ///< a sentence for people, in messages and in the schema
};
using Fields = std::span<const Field>;

inline constexpr auto kOptional = Field::Need::Optional;
inline constexpr auto kRequired = Field::Need::Required;

inline constexpr std::array kRootFields{
    Field{"spin_manifest_version", "#Version", kRequired, "The version of the format, 2"},
    Field{"application", "#Application", kRequired, "What the application is"},
    Field{"variables", "{#Variable}", kOptional, "Values that are given when the application runs"},
    Field{"trigger", "#Triggers", kRequired, "What makes components run, by type"},
    Field{"component", "{#Component}", kOptional, "The components, by id"},
};

inline constexpr std::array kApplicationFields{
    Field{"name", "string", kRequired, "The name of the application"},
    Field{"version", "string", kOptional, "Its version, by semantic versioning"},
    Field{"description", "string", kOptional, "What it is for"},
    Field{"authors", "[string]", kOptional, "Who wrote it"},
    Field{"targets", "[#Target]", kOptional, "Hosts that every component must be able to run on"},
    Field{"trigger", "{object}", kOptional, "Settings for all triggers of a type"},
    Field{"tool", "{object}", kOptional, "Settings of other tools, which are not looked at"},
};

inline constexpr std::array kVariableFields{
    Field{"description", "string", kOptional, "What it is for"},
    Field{
        "required", "boolean", kOptional, "Some provider must have a value; instead of a default"
    },
    Field{"default", "string", kOptional, "The value where no provider has one"},
    Field{"secret", "boolean", kOptional, "The value is not to be shown"},
};

inline constexpr std::array kTriggerFields{
    Field{"id", "string", kOptional, "The trigger's own name"},
    Field{"component", "#ComponentRef", kOptional, "What is run: an id, or a component in place"},
    Field{"components", "{#ComponentRefs}", kOptional, "Several components, by what they are for"},
    Field{
        "dependencies",
        "{[#TriggerDependency]}",
        kOptional,
        "What stands between trigger and component, by role (`middleware`)"
    },
};
inline constexpr std::array kHttpTriggerFields{
    Field{"route", "#Route", kRequired, "The paths it answers, as \"/a/:b/...\""},
    Field{"executor", "#Executor", kOptional, "How the component is called"},
    Field{"static_response", "#StaticResponse", kOptional, "An answer without a component"},
};
inline constexpr Field kRedisAddress{
    "address", "string", kOptional, "The server, where it is not the application's"
};
inline constexpr Field kRedisOrdered{
    "ordered", "boolean", kOptional, "One message after the other, in their order; ours"
};
inline constexpr std::array kRedisTriggerFields{
    Field{"channel", "string", kRequired, "The channel whose messages are handled"},
    kRedisAddress,
    kRedisOrdered,
};
// Ours: a stream in place of a channel, whose messages are acknowledged.
inline constexpr std::array kRedisStreamTriggerFields{
    Field{"stream", "string", kRequired, "The stream whose entries are handled at least once"},
    kRedisAddress,
    kRedisOrdered,
    Field{"group", "string", kOptional, "The consumer group; \"<application>-<component>\""},
    Field{"field", "string", kOptional, "The field with the message; \"payload\", or the only one"},
    Field{"max_attempts", "integer", kOptional, "How often an entry is tried, 10"},
    Field{"lease_seconds", "integer", kOptional, "After which a dead consumer's are taken, 30"},
    Field{
        "dead_letter",
        "string",
        kOptional,
        "The stream of entries that were given up; \"<stream>:dead\", \"\" for none"
    },
};
inline constexpr std::array kPrivateRouteFields{
    Field{"private", "boolean", kRequired, "True: reached by other components only"},
};
inline constexpr std::array kExecutorFields{
    Field{"type", "string", kRequired, "\"http\" or \"wagi\""},
    Field{"argv", "string", kOptional, "Of wagi: the arguments, \"${SCRIPT_NAME} ${ARGS}\""},
    Field{"entrypoint", "string", kOptional, "Of wagi: \"_start\"; deprecated"},
};
inline constexpr std::array kStaticResponseFields{
    Field{"status_code", "integer", kOptional, "The status, 200 where it is left out"},
    Field{"headers", "{string}", kOptional, "Headers"},
    Field{"body", "string", kOptional, "The body"},
};

inline constexpr std::array kComponentFields{
    Field{
        "source", "#Source", kRequired, "The wasm file: a path, a URL with its digest, a package"
    },
    Field{"description", "string", kOptional, "What it is for"},
    Field{
        "variables",
        "{string}",
        kOptional,
        "The variables it sees; values may contain {{ application_variable }}"
    },
    Field{"environment", "{string}", kOptional, "Its environment variables"},
    Field{
        "files", "[#Files]", kOptional, "Files it may read: patterns, or folders with their place"
    },
    Field{"exclude_files", "[string]", kOptional, "Patterns of files that it is not given"},
    Field{
        "allowed_http_hosts", "[string]", kOptional, "Deprecated; write `allowed_outbound_hosts`"
    },
    Field{
        "allowed_outbound_hosts",
        "[string]",
        kOptional,
        "Where it may connect to, as \"scheme://host:port\" with * for any"
    },
    Field{"key_value_stores", "[string]", kOptional, "Labels of the stores it may use"},
    Field{"sqlite_databases", "[string]", kOptional, "Labels of the databases it may use"},
    Field{"ai_models", "[string]", kOptional, "The models it may use"},
    Field{"targets", "[#Target]", kOptional, "Hosts it must run on, in place of the application's"},
    Field{"build", "#Build", kOptional, "How it is built"},
    Field{"tool", "{object}", kOptional, "Settings of other tools, which are not looked at"},
    Field{
        "dependencies_inherit_configuration",
        "boolean",
        kOptional,
        "Whether dependencies have the component's grants"
    },
    Field{"dependencies", "{#Dependency}", kOptional, "What satisfies its imports"},
    Field{"profile", "{#Profile}", kOptional, "What is different in a build profile"},
};

inline constexpr std::array kBuildFields{
    Field{"command", "#Commands", kRequired, "What is run to build, in a shell"},
    Field{"workdir", "string", kOptional, "Where it is run; the manifest's folder if left out"},
    Field{"watch", "[string]", kOptional, "Patterns of source files, for `watch`"},
};
inline constexpr std::array kProfileFields{
    Field{"source", "#Source", kOptional, "Replaces the component's source"},
    Field{"environment", "{string}", kOptional, "Added to the component's environment"},
    Field{"dependencies", "{#Dependency}", kOptional, "Added to the component's dependencies"},
    Field{"build", "#ProfileBuild", kOptional, "How it is built"},
};
inline constexpr std::array kProfileBuildFields{
    Field{"command", "#Commands", kRequired, "Replaces the component's command"},
};

inline constexpr std::array kRemoteSourceFields{
    Field{"url", "string", kRequired, "Where it is downloaded from"},
    Field{"digest", "string", kRequired, "\"sha256:\" and the digest of the file in hex"},
};
inline constexpr std::array kPackageSourceFields{
    Field{"registry", "string", kOptional, "The registry, where it is not the default one"},
    Field{"package", "string", kRequired, "The package, as \"namespace:name\""},
    Field{"version", "string", kRequired, "Its exact version"},
};
inline constexpr std::array kMountFields{
    Field{"source", "string", kRequired, "A folder or file, relative to the manifest"},
    Field{"destination", "string", kRequired, "Where the component finds it, as \"/assets\""},
};
inline constexpr std::array kTargetUrlFields{
    Field{"url", "string", kRequired, "Where the description of the host is downloaded from"},
};
inline constexpr std::array kTargetPathFields{
    Field{"path", "string", kRequired, "The file with the description of the host"},
};

inline constexpr Field kInherit{
    "inherit_configuration", "#Inherit", kOptional, "Which grants of the component it has, too"
};
inline constexpr Field kExport{
    "export", "string", kOptional, "The export that is used, where it is named unlike the import"
};
inline constexpr std::array kRegistryDependencyFields{
    Field{"version", "string", kRequired, "Which versions will do, as \"^1.2\""},
    Field{"registry", "string", kOptional, "The registry, where it is not the default one"},
    Field{"package", "string", kOptional, "The package, where it is not the import's"},
    kExport,
    kInherit,
};
inline constexpr std::array kLocalDependencyFields{
    Field{"path", "string", kRequired, "The wasm file, relative to the manifest"}, kExport, kInherit
};
inline constexpr std::array kRemoteDependencyFields{
    kRemoteSourceFields[0], kRemoteSourceFields[1], kExport, kInherit
};
inline constexpr std::array kAppDependencyFields{
    Field{"component", "id", kRequired, "Another component of the application"}, kExport, kInherit
};
// Before a component nothing is imported by name, so there is no export to choose.
inline constexpr std::array kRegistryPlayerFields{
    kRegistryDependencyFields[0],
    kRegistryDependencyFields[1],
    Field{"package", "string", kRequired, "The package, as \"namespace:name\""},
    kInherit,
};
inline constexpr std::array kLocalPlayerFields{kLocalDependencyFields[0], kInherit};
inline constexpr std::array kRemotePlayerFields{
    kRemoteSourceFields[0], kRemoteSourceFields[1], kInherit
};
inline constexpr std::array kAppPlayerFields{kAppDependencyFields[0], kInherit};

// Version 1. Its inner tables are those of version 2 where they have the same shape.
inline constexpr std::array kRootFieldsV1{
    Field{"spin_manifest_version", "string", kRequired, "The version of the format, \"1\""},
    Field{"spin_version", "string", kOptional, "The older name of the version"},
    Field{"name", "string", kRequired, "The name of the application"},
    Field{"version", "string", kOptional, "Its version"},
    Field{"description", "string", kOptional, "What it is for"},
    Field{"authors", "[string]", kOptional, "Who wrote it"},
    Field{"trigger", "object", kRequired, "The type of all triggers, and settings of that type"},
    Field{"variables", "{#Variable}", kOptional, "Values that are given when it runs"},
    Field{"component", "[object]", kOptional, "The components"},
};
inline constexpr std::array kComponentFieldsV1{
    Field{"id", "string", kRequired, "The component's name"},
    kComponentFields[0],
    Field{"trigger", "object", kRequired, "What makes it run"},
    kComponentFields[1],
    Field{"config", "{string}", kOptional, "The variables it sees"},
    kComponentFields[3],
    kComponentFields[4],
    kComponentFields[5],
    kComponentFields[6],
    kComponentFields[7],
    kComponentFields[8],
    kComponentFields[9],
    kComponentFields[10],
    kComponentFields[12],
};

/// The names of fields, in order: what messages list.
template <std::size_t N>
constexpr std::array<std::string_view, N> names_of(const std::array<Field, N>& fields) {
  std::array<std::string_view, N> out;
  for (std::size_t i = 0; i < N; ++i) {
    out[i] = fields[i].name;
  }
  return out;
}

}  // namespace whorl::manifest
