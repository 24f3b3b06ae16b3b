// Reading the component table.

#include "manifest/decoder.hpp"
#include "manifest/ids.hpp"

#include <algorithm>
#include <array>

namespace whorl::manifest {
namespace {

constexpr std::array<std::string_view, 17> kComponentKeys{
    "source",
    "description",
    "variables",
    "environment",
    "files",
    "exclude_files",
    "allowed_http_hosts",
    "allowed_outbound_hosts",
    "key_value_stores",
    "sqlite_databases",
    "ai_models",
    "targets",
    "build",
    "tool",
    "dependencies_inherit_configuration",
    "dependencies",
    "profile"
};
constexpr std::array<std::string_view, 3> kBuildKeys{"command", "workdir", "watch"};
constexpr std::array<std::string_view, 4> kProfileKeys{
    "source", "environment", "dependencies", "build"
};

/// The value of an entry that is a string; null otherwise.
const std::string* string_in(const Node& node, std::string_view name) {
  const Entry* entry = node.find(name);
  return entry != nullptr && entry->value.is(Node::Kind::String) ? &entry->value.text : nullptr;
}

/// A table with exactly these entries, all of them strings; those that are optional are not
/// counted in `required`.
bool has_strings(
    const Node& node,
    std::span<const std::string_view> required,
    std::span<const std::string_view> optional
) {
  const auto is_known = [&](const Entry& entry) {
    return entry.value.is(Node::Kind::String) &&
           (std::ranges::find(required, entry.name) != required.end() ||
            std::ranges::find(optional, entry.name) != optional.end());
  };
  return node.is(Node::Kind::Table) && std::ranges::all_of(node.entries, is_known) &&
         std::ranges::all_of(required, [&](std::string_view name) {
           return node.find(name) != nullptr;
         });
}

Result<ComponentSource> decode_source(const Decoder& decoder, const Node& node) {
  static constexpr std::array<std::string_view, 2> kRemote{"url", "digest"};
  static constexpr std::array<std::string_view, 2> kPackage{"package", "version"};
  static constexpr std::array<std::string_view, 1> kPackageOptional{"registry"};
  if (node.is(Node::Kind::String)) {
    return ComponentSource(LocalSource{node.text});
  }
  if (has_strings(node, kRemote, {})) {
    return ComponentSource(RemoteSource{*string_in(node, "url"), *string_in(node, "digest")});
  }
  if (has_strings(node, kPackage, kPackageOptional)) {
    const std::string* registry = string_in(node, "registry");
    return ComponentSource(PackageSource{
        .registry = registry == nullptr ? std::string() : *registry,
        .package = *string_in(node, "package"),
        .version = *string_in(node, "version")
    });
  }
  return decoder.no_variant(
      node,
      "ComponentSource",
      "a source is a path, { url = \"…\", digest = \"sha256:…\" } or { package = \"…\", version = "
      "\"…\" }"
  );
}

Result<std::vector<FileGrant>> decode_files(const Decoder& decoder, const Node& node) {
  static constexpr std::array<std::string_view, 2> kMount{"source", "destination"};
  if (!node.is(Node::Kind::Array)) {
    return decoder.wrong_type(node, "a sequence");
  }
  std::vector<FileGrant> out;
  for (const Node& item : node.items) {
    if (item.is(Node::Kind::String)) {
      out.push_back({.source = item.text, .destination = {}});
    } else if (has_strings(item, kMount, {})) {
      out.push_back(
          {.source = *string_in(item, "source"), .destination = *string_in(item, "destination")}
      );
    } else {
      return decoder.no_variant(
          node,
          "WasiFilesMount",
          "an entry of `files` is a glob pattern or { source = \"…\", destination = \"…\" }"
      );
    }
  }
  return out;
}

Result<std::vector<std::string>> decode_labels(const Decoder& decoder, const Node& node) {
  WHORL_TRY(std::vector<std::string> labels, decoder.strings(node));
  if (!std::ranges::all_of(labels, is_label)) {
    return decoder.error(node.span, "expected kebab-case or snake_case");
  }
  return labels;
}

Result<std::map<std::string, std::string>> decode_variables(
    const Decoder& decoder, const Node& node
) {
  WHORL_CHECKED(decoder.table(node, "a map"));
  for (const Entry& entry : node.entries) {
    if (auto why = why_no_variable_name(entry.name)) {
      return decoder.error(entry.name_span, *std::move(why));
    }
  }
  return decoder.string_map(node);
}

Result<void> decode_command(const Decoder& decoder, const Node& node, BuildConfig& build) {
  const bool is_list =
      node.is(Node::Kind::Array) &&
      std::ranges::all_of(node.items, [](const Node& item) { return item.is(Node::Kind::String); });
  if (!is_list && !node.is(Node::Kind::String)) {
    return decoder.no_variant(node, "Commands", "a command is a string or a list of strings");
  }
  build.is_list = is_list;
  if (!is_list) {
    build.commands = {node.text};
    return {};
  }
  WHORL_TRY(build.commands, decoder.strings(node));
  return {};
}

Result<void> decode_build_key(
    const Decoder& decoder, std::string_view key, const Node& node, BuildConfig& build
) {
  if (key == "command") {
    return decode_command(decoder, node, build);
  }
  if (key == "workdir") {
    WHORL_TRY(build.workdir, decoder.string(node));
    return {};
  }
  WHORL_TRY(build.watch, decoder.strings(node));
  return {};
}

Result<BuildConfig> decode_build(const Decoder& decoder, const Node& node) {
  BuildConfig build;
  if (node.is(Node::Kind::Array)) {
    // A list stands for the keys in their order; templates in use are written so.
    if (node.items.empty() || node.items.size() > kBuildKeys.size()) {
      return decoder.error(
          node.span,
          fmt::format(
              "invalid length {}, expected struct ComponentBuildConfig with 3 elements",
              node.items.size()
          )
      );
    }
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      WHORL_CHECKED(decode_build_key(decoder, kBuildKeys[i], node.items[i], build));
    }
    return build;
  }
  WHORL_CHECKED(decoder.table(node, "struct ComponentBuildConfig"));
  for (const Entry& entry : node.entries) {
    if (std::ranges::find(kBuildKeys, entry.name) == kBuildKeys.end()) {
      return decoder.unknown_field(entry, kBuildKeys);
    }
    WHORL_CHECKED(decode_build_key(decoder, entry.name, entry.value, build));
  }
  WHORL_CHECKED(decoder.require(node, "command"));
  return build;
}

Result<app::Value> decode_targets(const Decoder& decoder, const Node& node) {
  if (!node.is(Node::Kind::Array)) {
    return decoder.wrong_type(node, "a sequence");
  }
  for (const Node& item : node.items) {
    if (!item.is(Node::Kind::String) && !item.is(Node::Kind::Table)) {
      return decoder.no_variant(node, "TargetEnvironmentRef", {});
    }
  }
  return node.to_value();
}

Result<app::Value> decode_dependencies(const Decoder& decoder, const Node& node) {
  WHORL_CHECKED(decoder.table(node, "a map"));
  static constexpr std::array<std::string_view, 5> kMarks{
      "version", "path", "url", "component", "package"
  };
  for (const Entry& entry : node.entries) {
    const bool is_plain = !entry.name.contains(':') && !entry.name.contains('/');
    if (auto why = is_plain ? why_no_component_id(entry.name) : std::nullopt) {
      return decoder.error(entry.name_span, *std::move(why));
    }
    const bool has_mark = std::ranges::any_of(kMarks, [&](std::string_view mark) {
      return entry.value.find(mark) != nullptr;
    });
    if (!entry.value.is(Node::Kind::String) && !has_mark) {
      return decoder.no_variant(entry.value, "ComponentDependency", {});
    }
  }
  return node.to_value();
}

Result<app::Value> decode_profiles(const Decoder& decoder, const Node& node) {
  WHORL_CHECKED(decoder.table(node, "a map"));
  for (const Entry& profile : node.entries) {
    WHORL_CHECKED(decoder.table(profile.value, "struct ComponentProfileOverride"));
    for (const Entry& entry : profile.value.entries) {
      if (std::ranges::find(kProfileKeys, entry.name) == kProfileKeys.end()) {
        return decoder.unknown_field(entry, kProfileKeys);
      }
    }
  }
  return node.to_value();
}

Result<void> decode_grant(
    const Decoder& decoder, std::string_view key, const Node& node, Component& out
) {
  if (key == "allowed_http_hosts") {
    WHORL_TRY(out.allowed_http_hosts, decoder.strings(node));
  } else if (key == "allowed_outbound_hosts") {
    WHORL_TRY(out.allowed_outbound_hosts, decoder.strings(node));
  } else if (key == "key_value_stores") {
    WHORL_TRY(out.key_value_stores, decode_labels(decoder, node));
  } else if (key == "sqlite_databases") {
    WHORL_TRY(out.sqlite_databases, decode_labels(decoder, node));
  } else if (key == "ai_models") {
    WHORL_TRY(out.ai_models, decoder.strings(node));
  } else if (key == "files") {
    WHORL_TRY(out.files, decode_files(decoder, node));
  } else if (key == "exclude_files") {
    WHORL_TRY(out.exclude_files, decoder.strings(node));
  } else if (key == "variables") {
    WHORL_TRY(out.variables, decode_variables(decoder, node));
  } else {
    WHORL_TRY(out.environment, decoder.string_map(node));
  }
  return {};
}

Result<void> decode_entry(const Decoder& decoder, const Entry& entry, Component& out) {
  const std::string_view key = entry.name;
  const Node& node = entry.value;
  if (key == "source") {
    WHORL_TRY(out.source, decode_source(decoder, node));
  } else if (key == "description") {
    WHORL_TRY(out.description, decoder.string(node));
  } else if (key == "targets") {
    WHORL_TRY(out.targets, decode_targets(decoder, node));
  } else if (key == "build") {
    WHORL_TRY(out.build, decode_build(decoder, node));
  } else if (key == "tool") {
    WHORL_TRY(out.tools, decoder.free_tables(node));
  } else if (key == "dependencies_inherit_configuration") {
    WHORL_TRY(out.dependencies_inherit_configuration, decoder.boolean(node));
  } else if (key == "dependencies") {
    WHORL_TRY(out.dependencies, decode_dependencies(decoder, node));
  } else if (key == "profile") {
    WHORL_TRY(out.profiles, decode_profiles(decoder, node));
  } else if (std::ranges::find(kComponentKeys, key) == kComponentKeys.end()) {
    return decoder.unknown_field(entry, kComponentKeys);
  } else {
    return decode_grant(decoder, key, node, out);
  }
  return {};
}

}  // namespace

Result<Component> decode_component(const Decoder& decoder, std::string id, const Node& node) {
  Component out;
  out.id = std::move(id);
  out.span = node.span;
  out.tools = app::Value(app::Value::Table{});
  // The tables that may be written as lists of their values are few; a component is one of them.
  if (node.is(Node::Kind::Array) && node.items.size() == 1) {
    WHORL_TRY(out.source, decode_source(decoder, node.items.front()));
    return out;
  }
  WHORL_CHECKED(decoder.table(node, "struct Component"));
  for (const Entry& entry : node.entries) {
    WHORL_CHECKED(decode_entry(decoder, entry, out));
  }
  WHORL_CHECKED(decoder.require(node, "source"));
  return out;
}

}  // namespace whorl::manifest
