// Reading the component table.

#include "manifest/decoder.hpp"
#include "manifest/ids.hpp"
#include "manifest/package_names.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace whorl::manifest {
namespace {

Result<std::vector<std::string>> decode_labels(Decoder& decoder, const Node& node) {
  WHORL_TRY(std::vector<std::string> labels, decoder.strings(node));
  const auto wrong = std::ranges::find_if_not(labels, is_label);
  if (wrong != labels.end()) {
    return decoder.error(
        node.span,
        "expected kebab-case or snake_case",
        fmt::format("\"{}\" is no label: words of letters and digits, joined by - or _", *wrong)
    );
  }
  return labels;
}

Result<std::map<std::string, std::string>> decode_variables(Decoder& decoder, const Node& node) {
  WHORL_CHECKED(decoder.table(node, "a map"));
  for (const Entry& entry : node.entries) {
    if (auto why = why_no_variable_name(entry.name)) {
      return decoder.error(entry.name_span, *std::move(why));
    }
  }
  return decoder.string_map(node);
}

Result<void> decode_build_key(
    Decoder& decoder, std::string_view key, const Node& node, BuildConfig& build
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

/// A list stands for the keys in their order; templates in use are written so. What is too much is
/// ignored.
Result<BuildConfig> decode_build_list(Decoder& decoder, const Node& node) {
  BuildConfig build;
  if (node.items.empty()) {
    return decoder.error(
        node.span,
        "invalid length 0, expected struct ComponentBuildConfig with 3 elements",
        "write { command = \"…\" }"
    );
  }
  const std::size_t count = std::min(node.items.size(), kBuildFields.size());
  for (std::size_t i = 0; i < count; ++i) {
    WHORL_CHECKED(decode_build_key(decoder, kBuildFields[i].name, node.items[i], build));
  }
  return build;
}

Result<BuildConfig> decode_profile_build(Decoder& decoder, const Node& node) {
  BuildConfig build;
  WHORL_CHECKED(decoder.table(node, "struct ComponentProfileBuildOverride"));
  for (const Entry& entry : node.entries) {
    if (entry.name != "command") {
      return decoder.unknown_field(entry, kProfileBuildFields);
    }
    WHORL_CHECKED(decode_command(decoder, entry.value, build));
  }
  WHORL_CHECKED(decoder.require(node, kProfileBuildFields));
  return build;
}

Result<void> decode_profile_key(Decoder& decoder, const Entry& entry, Profile& out) {
  if (entry.name == "source") {
    WHORL_TRY(out.source, decode_source(decoder, entry.value));
  } else if (entry.name == "environment") {
    WHORL_TRY(out.environment, decoder.string_map(entry.value));
  } else if (entry.name == "dependencies") {
    WHORL_TRY(out.dependencies, decode_dependencies(decoder, entry.value));
  } else if (entry.name == "build") {
    WHORL_TRY(out.build, decode_profile_build(decoder, entry.value));
  } else {
    return decoder.unknown_field(entry, kProfileFields);
  }
  return {};
}

Result<std::vector<Profile>> decode_profiles(Decoder& decoder, const Node& node) {
  WHORL_CHECKED(decoder.table(node, "a map"));
  std::vector<Profile> out;
  for (const Entry& profile : node.entries) {
    WHORL_CHECKED(decoder.table(profile.value, "struct ComponentProfileOverride"));
    out.push_back({.name = profile.name});
    for (const Entry& entry : profile.value.entries) {
      decoder.keep(decode_profile_key(decoder, entry, out.back()));
    }
  }
  return out;
}

Result<void> decode_grant(
    Decoder& decoder, std::string_view key, const Node& node, Component& out
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

Result<void> decode_entry(Decoder& decoder, const Entry& entry, Component& out) {
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
  } else if (std::ranges::find(kComponentFields, key, &Field::name) == kComponentFields.end()) {
    return decoder.unknown_field(entry, kComponentFields);
  } else {
    return decode_grant(decoder, key, node, out);
  }
  return {};
}

Result<Target> decode_target(Decoder& decoder, const Node& list, const Node& item) {
  if (item.is(Node::Kind::String)) {
    return Target{.kind = Target::Kind::Catalogue, .text = item.text};
  }
  if (fits(item, kTargetUrlFields)) {
    return Target{.kind = Target::Kind::Url, .text = *string_in(item, "url")};
  }
  if (fits(item, kTargetPathFields)) {
    return Target{.kind = Target::Kind::Path, .text = *string_in(item, "path")};
  }
  return decoder.no_variant(
      list,
      "TargetEnvironmentRef",
      "a target is a name as \"spin-up:3.2\", { url = \"…\" } or { path = \"…\" }"
  );
}

/// As with `build`: the keys in their order.
Result<void> decode_component_list(Decoder& decoder, const Node& node, Component& out) {
  if (node.items.empty()) {
    return decoder.error(
        node.span,
        "invalid length 0, expected struct Component with 17 elements",
        "write { source = \"…\" }"
    );
  }
  const std::size_t count = std::min(node.items.size(), kComponentFields.size());
  for (std::size_t i = 0; i < count; ++i) {
    const Node& item = node.items[i];
    const Entry entry{std::string(kComponentFields[i].name), item.span, item};
    decoder.keep(decode_entry(decoder, entry, out));
  }
  return {};
}

}  // namespace

Result<ComponentSource> decode_source(Decoder& decoder, const Node& node) {
  if (node.is(Node::Kind::String)) {
    return ComponentSource(LocalSource{node.text});
  }
  if (fits(node, kRemoteSourceFields)) {
    return ComponentSource(RemoteSource{*string_in(node, "url"), *string_in(node, "digest")});
  }
  std::optional<std::string> why;
  if (fits(node, kPackageSourceFields)) {
    const std::string* registry = string_in(node, "registry");
    const std::string& package = *string_in(node, "package");
    why = registry == nullptr ? std::nullopt : why_no_registry(*registry);
    if (auto other = why_no_package(package)) {
      why = std::move(other);
    }
    if (!why) {
      return ComponentSource(PackageSource{
          .registry = registry == nullptr ? std::string() : *registry,
          .package = package,
          .version = *string_in(node, "version")
      });
    }
  }
  return decoder.no_variant(
      node,
      "ComponentSource",
      why ? *why + "; a package is named \"namespace:name\", a registry by its host"
          : "a source is a path, { url = \"…\", digest = \"sha256:…\" } or { package = \"…\", "
            "version = \"…\" }"
  );
}

Result<std::vector<FileGrant>> decode_files(Decoder& decoder, const Node& node) {
  if (!node.is(Node::Kind::Array)) {
    return decoder.wrong_type(node, "a sequence");
  }
  std::vector<FileGrant> out;
  for (const Node& item : node.items) {
    if (item.is(Node::Kind::String)) {
      out.push_back({.source = item.text, .destination = {}});
    } else if (fits(item, kMountFields)) {
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

Result<void> decode_command(Decoder& decoder, const Node& node, BuildConfig& build) {
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

Result<BuildConfig> decode_build(Decoder& decoder, const Node& node) {
  if (node.is(Node::Kind::Array)) {
    return decode_build_list(decoder, node);
  }
  BuildConfig build;
  WHORL_CHECKED(decoder.table(node, "struct ComponentBuildConfig"));
  for (const Entry& entry : node.entries) {
    if (std::ranges::find(kBuildFields, entry.name, &Field::name) == kBuildFields.end()) {
      return decoder.unknown_field(entry, kBuildFields);
    }
    WHORL_CHECKED(decode_build_key(decoder, entry.name, entry.value, build));
  }
  WHORL_CHECKED(decoder.require(node, kBuildFields));
  return build;
}

Result<std::vector<Target>> decode_targets(Decoder& decoder, const Node& node) {
  if (!node.is(Node::Kind::Array)) {
    return decoder.wrong_type(node, "a sequence");
  }
  std::vector<Target> out;
  for (const Node& item : node.items) {
    WHORL_TRY(Target target, decode_target(decoder, node, item));
    out.push_back(std::move(target));
  }
  return out;
}

Result<Component> decode_component(Decoder& decoder, std::string id, const Node& node) {
  Component out;
  out.id = std::move(id);
  out.span = node.span;
  out.tools = app::Value(app::Value::Table{});
  if (node.is(Node::Kind::Array)) {
    WHORL_CHECKED(decode_component_list(decoder, node, out));
    return out;
  }
  WHORL_CHECKED(decoder.table(node, "struct Component"));
  for (const Entry& entry : node.entries) {
    decoder.keep(decode_entry(decoder, entry, out));
  }
  WHORL_CHECKED(decoder.require(node, kComponentFields));
  return out;
}

}  // namespace whorl::manifest
