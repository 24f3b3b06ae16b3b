// Manifests of version 1: read with their own tables, then said in the terms of version 2.
//
// What they grant is what they granted in their time: databases are allowed where nothing is said
// about outbound hosts.

#include "app/allowed_hosts.hpp"
#include "manifest/decoder.hpp"
#include "manifest/ids.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace whorl::manifest {
namespace {

constexpr std::array<std::string_view, 3> kDatabaseHosts{
    "redis://*:*", "mysql://*:*", "postgres://*:*"
};

/// What a component says beyond what one of version 2 has a place for.
struct ComponentV1 {
  Component component;
  Span id_span;
  app::Value trigger;
  bool says_outbound_hosts = false;
  std::vector<Entry> variables;  ///< with their places
};

struct ManifestV1 {
  Manifest out;
  std::string trigger_type;
  app::Value trigger_settings;
  std::vector<ComponentV1> components;
};

Result<void> decode_grant(Decoder& decoder, const Entry& entry, Component& out) {
  const Node& node = entry.value;
  if (entry.name == "files") {
    WHORL_TRY(out.files, decode_files(decoder, node));
  } else if (entry.name == "exclude_files") {
    WHORL_TRY(out.exclude_files, decoder.strings(node));
  } else if (entry.name == "allowed_http_hosts") {
    WHORL_TRY(out.allowed_http_hosts, decoder.strings(node));
  } else if (entry.name == "key_value_stores") {
    WHORL_TRY(out.key_value_stores, decoder.strings(node));
  } else if (entry.name == "sqlite_databases") {
    WHORL_TRY(out.sqlite_databases, decoder.strings(node));
  } else if (entry.name == "ai_models") {
    WHORL_TRY(out.ai_models, decoder.strings(node));
  } else {
    return decoder.unknown_field(entry, kComponentFieldsV1);
  }
  return {};
}

Result<void> decode_component_entry(Decoder& decoder, const Entry& entry, ComponentV1& read) {
  Component& out = read.component;
  const Node& node = entry.value;
  if (entry.name == "id") {
    read.id_span = node.span;
    WHORL_TRY(out.id, decoder.string(node));
  } else if (entry.name == "source") {
    WHORL_TRY(out.source, decode_source(decoder, node));
  } else if (entry.name == "trigger") {
    WHORL_CHECKED(decoder.table(node, "a map"));
    read.trigger = node.to_value();
  } else if (entry.name == "description") {
    WHORL_TRY(out.description, decoder.string(node));
  } else if (entry.name == "config") {
    WHORL_TRY(out.variables, decoder.string_map(node));
    read.variables = node.entries;
  } else if (entry.name == "environment") {
    WHORL_TRY(out.environment, decoder.string_map(node));
  } else if (entry.name == "build") {
    WHORL_TRY(out.build, decode_build(decoder, node));
  } else if (entry.name == "allowed_outbound_hosts") {
    read.says_outbound_hosts = true;
    WHORL_TRY(out.allowed_outbound_hosts, decoder.strings(node));
  } else {
    return decode_grant(decoder, entry, out);
  }
  return {};
}

Result<ComponentV1> decode_component_v1(Decoder& decoder, const Node& node) {
  WHORL_CHECKED(decoder.table(node, "struct ComponentV1"));
  ComponentV1 read;
  read.component.span = node.span;
  read.component.tools = app::Value(app::Value::Table{});
  for (const Entry& entry : node.entries) {
    decoder.keep(decode_component_entry(decoder, entry, read));
  }
  WHORL_CHECKED(decoder.require(node, kComponentFieldsV1));
  return read;
}

Result<void> decode_components_v1(Decoder& decoder, const Node& node, ManifestV1& read) {
  if (!node.is(Node::Kind::Array)) {
    return decoder.wrong_type(node, "a sequence");
  }
  for (const Node& item : node.items) {
    if (auto component = decode_component_v1(decoder, item)) {
      read.components.push_back(*std::move(component));
    }
  }
  return {};
}

Result<void> decode_trigger_v1(Decoder& decoder, const Node& node, ManifestV1& read) {
  WHORL_CHECKED(decoder.table(node, "struct AppTriggerV1"));
  app::Value::Table settings;
  for (const Entry& entry : node.entries) {
    if (entry.name == "type") {
      WHORL_TRY(read.trigger_type, decoder.string(entry.value));
    } else {
      settings.push_back({entry.name, entry.value.to_value()});
    }
  }
  read.trigger_settings = app::Value(std::move(settings));
  if (node.find("type") == nullptr) {
    return decoder.error(
        node.span, "missing field `type`", "`type`: what makes the components run, as \"http\""
    );
  }
  return {};
}

Result<void> decode_variables_v1(Decoder& decoder, const Node& node, ManifestV1& read) {
  WHORL_CHECKED(decoder.table(node, "a map"));
  for (const Entry& entry : node.entries) {
    if (auto variable = decode_variable(decoder, entry)) {
      read.out.variables.push_back(*std::move(variable));
    }
  }
  return {};
}

Result<void> decode_root_entry_v1(Decoder& decoder, const Entry& entry, ManifestV1& read) {
  if (entry.name == "name") {
    WHORL_TRY(read.out.name, decoder.string(entry.value));
  } else if (entry.name == "version") {
    WHORL_TRY(read.out.app_version, decoder.string(entry.value));
  } else if (entry.name == "description") {
    WHORL_TRY(read.out.description, decoder.string(entry.value));
  } else if (entry.name == "authors") {
    WHORL_TRY(read.out.authors, decoder.strings(entry.value));
  } else if (entry.name == "trigger") {
    return decode_trigger_v1(decoder, entry.value, read);
  } else if (entry.name == "variables") {
    return decode_variables_v1(decoder, entry.value, read);
  } else if (entry.name == "component") {
    return decode_components_v1(decoder, entry.value, read);
  } else if (entry.name != kRootFieldsV1[0].name && entry.name != kRootFieldsV1[1].name) {
    return decoder.unknown_field(entry, kRootFieldsV1);
  }
  return {};
}

/// Ids and names were free text; the place of one that is wrong is the help.
Error invalid_id(
    const Decoder& decoder,
    const std::string& id,
    const std::string& why,
    const Span& span,
    std::source_location where = std::source_location::current()
) {
  return Error(ErrorKind::InvalidInput, fmt::format("invalid ID `{}`: {}", id, why), where)
      .with_help(fmt::format("see {}:{}:{}", decoder.file_name(), span.line, span.column));
}

Result<std::string> convert_id(const Decoder& decoder, const ComponentV1& read) {
  const std::string& id = read.component.id;
  if (!why_no_component_id(id)) {
    return id;
  }
  std::string kebab = id;
  for (char& c : kebab) {
    c = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (const auto why = why_no_component_id(kebab)) {
    return invalid_id(decoder, id, *why, read.id_span);
  }
  return kebab;
}

Result<Component> convert_component(const Decoder& decoder, ComponentV1& read) {
  Component out = std::move(read.component);
  for (const Entry& variable : read.variables) {
    if (const auto why = why_no_variable_name(variable.name)) {
      return invalid_id(decoder, variable.name, *why, variable.name_span);
    }
  }
  if (!read.says_outbound_hosts) {
    out.allowed_outbound_hosts.assign(kDatabaseHosts.begin(), kDatabaseHosts.end());
  }
  WHORL_TRY(
      const std::vector<std::string> hosts, app::from_allowed_http_hosts(out.allowed_http_hosts)
  );
  out.allowed_outbound_hosts.insert(out.allowed_outbound_hosts.end(), hosts.begin(), hosts.end());
  out.allowed_http_hosts.clear();
  return out;
}

Trigger convert_trigger(const std::string& type, const std::string& id, ComponentV1& read) {
  app::Value::Table config = *read.trigger.as_table();
  std::erase_if(config, [](const app::Member& member) { return member.name == "component"; });
  return {
      .id = "trigger-" + id,
      .type = type,
      .span = read.component.span,
      .component = ComponentRef(id),
      .config = app::Value(std::move(config))
  };
}

Result<Manifest> convert(const Decoder& decoder, ManifestV1 read) {
  Manifest out = std::move(read.out);
  out.version = 1;
  out.tools = app::Value(app::Value::Table{});
  out.trigger_globals = app::Value(app::Value::Table{});
  out.trigger_globals.set(read.trigger_type, std::move(read.trigger_settings));
  for (const Variable& variable : out.variables) {
    if (const auto why = why_no_variable_name(variable.name)) {
      return invalid_id(decoder, variable.name, *why, variable.span);
    }
  }
  std::map<std::string, std::size_t> places;
  for (ComponentV1& component : read.components) {
    WHORL_TRY(const std::string id, convert_id(decoder, component));
    out.triggers.push_back(convert_trigger(read.trigger_type, id, component));
    WHORL_TRY(Component converted, convert_component(decoder, component));
    converted.id = id;
    // Of equal ids the last counts, at the place of the first.
    const auto [place, is_new] = places.emplace(id, out.components.size());
    if (is_new) {
      out.components.push_back(std::move(converted));
    } else {
      out.components[place->second] = std::move(converted);
    }
  }
  return out;
}

}  // namespace

Result<Manifest> decode_v1(Decoder& decoder, const Node& root) {
  ManifestV1 read;
  for (const Entry& entry : root.entries) {
    decoder.keep(decode_root_entry_v1(decoder, entry, read));
  }
  // The version was found, under either of its names.
  decoder.keep(decoder.require(root, std::span(kRootFieldsV1).subspan(2)));
  WHORL_CHECKED(decoder.verdict());
  return convert(decoder, std::move(read));
}

}  // namespace whorl::manifest
