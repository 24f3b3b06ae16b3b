#include "manifest/manifest.hpp"

#include "manifest/decoder.hpp"
#include "manifest/ids.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace whorl::manifest {
namespace {

constexpr std::array<std::string_view, 5> kRootKeys{
    "spin_manifest_version", "application", "variables", "trigger", "component"
};
constexpr std::array<std::string_view, 7> kApplicationKeys{
    "name", "version", "description", "authors", "targets", "trigger", "tool"
};
constexpr std::array<std::string_view, 4> kVariableKeys{
    "description", "required", "default", "secret"
};

/// The characters of a node as they stand in the text; for a value that ends on its first line.
std::string written(std::string_view text, const Span& span) {
  for (std::uint32_t line = 1; line < span.line; ++line) {
    const auto end = text.find('\n');
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  text = text.substr(0, text.find('\n'));
  const std::size_t begin = std::min<std::size_t>(span.column - 1, text.size());
  const std::size_t size =
      span.end_line == span.line ? span.end_column - span.column : std::string_view::npos;
  return std::string(text.substr(begin, size));
}

/// Says which version a document is of. Version 1 calls the key by another name, too.
Result<void> check_version(const Decoder& decoder, const Node& root) {
  const Entry* entry = root.find("spin_manifest_version");
  if (entry == nullptr) {
    entry = root.find("spin_version");
  }
  if (entry == nullptr) {
    WHORL_CHECKED(decoder.require(root, "spin_manifest_version"));
    return {};
  }
  const Node& version = entry->value;
  if (version.is(Node::Kind::Integer) && version.integer == 2) {
    return {};
  }
  if (version.is(Node::Kind::String) && version.text == "1") {
    return fail(ErrorKind::Unsupported, "manifest version 1 is not supported yet")
        .with_help(
            "write the manifest in version 2: `spin_manifest_version = 2`, an "
            "[application] table, one [[trigger.http]] per route, [component.<id>] tables"
        );
  }
  return fail(
      ErrorKind::InvalidInput, "invalid manifest version: {}", written(decoder.text(), version.span)
  );
}

Result<void> decode_application(const Decoder& decoder, const Node& node, Manifest& out) {
  WHORL_CHECKED(decoder.table(node, "struct AppDetails"));
  for (const Entry& entry : node.entries) {
    if (entry.name == "name") {
      WHORL_TRY(out.name, decoder.string(entry.value));
    } else if (entry.name == "version") {
      WHORL_TRY(out.version, decoder.string(entry.value));
    } else if (entry.name == "description") {
      WHORL_TRY(out.description, decoder.string(entry.value));
    } else if (entry.name == "authors") {
      WHORL_TRY(out.authors, decoder.strings(entry.value));
    } else if (entry.name == "targets") {
      if (!entry.value.is(Node::Kind::Array)) {
        return decoder.wrong_type(entry.value, "a sequence");
      }
      out.targets = entry.value.to_value();
    } else if (entry.name == "trigger") {
      WHORL_TRY(out.trigger_globals, decoder.free_tables(entry.value));
    } else if (entry.name == "tool") {
      WHORL_TRY(out.tools, decoder.free_tables(entry.value));
    } else {
      return decoder.unknown_field(entry, kApplicationKeys);
    }
  }
  return decoder.require(node, "name");
}

Result<Variable> decode_variable(const Decoder& decoder, const Entry& entry) {
  Variable out;
  out.name = entry.name;
  out.span = entry.name_span;
  if (auto why = why_no_variable_name(entry.name)) {
    return decoder.error(entry.name_span, *std::move(why));
  }
  WHORL_CHECKED(decoder.table(entry.value, "struct Variable"));
  for (const Entry& member : entry.value.entries) {
    if (member.name == "description") {
      WHORL_TRY(out.description, decoder.string(member.value));
    } else if (member.name == "required") {
      WHORL_TRY(out.is_required, decoder.boolean(member.value));
    } else if (member.name == "default") {
      WHORL_TRY(out.default_value, decoder.string(member.value));
    } else if (member.name == "secret") {
      WHORL_TRY(out.is_secret, decoder.boolean(member.value));
    } else {
      return decoder.unknown_field(member, kVariableKeys);
    }
  }
  return out;
}

/// Adds an empty line after the message, as nested deserialisers do.
Result<ComponentRef> decode_reference(const Decoder& decoder, const Node& node) {
  if (!node.is(Node::Kind::String)) {
    WHORL_TRY(Component component, decode_component(decoder, {}, node));
    return ComponentRef(std::move(component));
  }
  if (auto why = why_no_component_id(node.text)) {
    return decoder.error(node.span, *std::move(why) + "\n");
  }
  return ComponentRef(node.text);
}

Result<app::Value> decode_trigger_dependencies(const Decoder& decoder, const Node& node) {
  WHORL_CHECKED(decoder.table(node, "a map"));
  for (const Entry& role : node.entries) {
    if (!role.value.is(Node::Kind::Array)) {
      return decoder.wrong_type(role.value, "a sequence");
    }
  }
  return node.to_value();
}

Result<Trigger> decode_trigger(const Decoder& decoder, std::string type, const Node& node) {
  WHORL_CHECKED(decoder.table(node, "struct Trigger"));
  Trigger out;
  out.type = std::move(type);
  out.span = node.span;
  app::Value::Table config;
  for (const Entry& entry : node.entries) {
    if (entry.name == "id") {
      WHORL_TRY(out.id, decoder.string(entry.value));
    } else if (entry.name == "component") {
      WHORL_TRY(out.component, decode_reference(decoder, entry.value));
    } else if (entry.name == "components") {
      WHORL_CHECKED(decoder.table(entry.value, "a map"));
      out.components = entry.value.to_value();
    } else if (entry.name == "dependencies") {
      WHORL_TRY(out.dependencies, decode_trigger_dependencies(decoder, entry.value));
    } else {
      config.push_back({entry.name, entry.value.to_value()});
    }
  }
  out.config = app::Value(std::move(config));
  return out;
}

Result<void> decode_triggers(const Decoder& decoder, const Node& node, Manifest& out) {
  WHORL_CHECKED(decoder.table(node, "a map"));
  for (const Entry& type : node.entries) {
    if (!type.value.is(Node::Kind::Array)) {
      return decoder.wrong_type(type.value, "a sequence");
    }
    for (const Node& item : type.value.items) {
      WHORL_TRY(Trigger trigger, decode_trigger(decoder, type.name, item));
      out.triggers.push_back(std::move(trigger));
    }
  }
  return {};
}

Result<void> decode_components(const Decoder& decoder, const Node& node, Manifest& out) {
  WHORL_CHECKED(decoder.table(node, "a map"));
  for (const Entry& entry : node.entries) {
    if (auto why = why_no_component_id(entry.name)) {
      return decoder.error(entry.name_span, *std::move(why));
    }
    WHORL_TRY(Component component, decode_component(decoder, entry.name, entry.value));
    out.components.push_back(std::move(component));
  }
  return {};
}

Result<void> decode_variables(const Decoder& decoder, const Node& node, Manifest& out) {
  WHORL_CHECKED(decoder.table(node, "a map"));
  for (const Entry& entry : node.entries) {
    WHORL_TRY(Variable variable, decode_variable(decoder, entry));
    out.variables.push_back(std::move(variable));
  }
  return {};
}

Result<void> decode_root_entry(const Decoder& decoder, const Entry& entry, Manifest& out) {
  if (entry.name == "application") {
    return decode_application(decoder, entry.value, out);
  }
  if (entry.name == "variables") {
    return decode_variables(decoder, entry.value, out);
  }
  if (entry.name == "trigger") {
    return decode_triggers(decoder, entry.value, out);
  }
  if (entry.name == "component") {
    return decode_components(decoder, entry.value, out);
  }
  if (entry.name != "spin_manifest_version") {
    return decoder.unknown_field(entry, kRootKeys);
  }
  return {};
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view text, std::string_view file_name) {
  WHORL_TRY(const Node root, parse_document(text, file_name));
  const Decoder decoder(text, file_name);
  WHORL_CHECKED(check_version(decoder, root));
  Manifest out;
  out.targets = app::Value(app::Value::Array{});
  out.trigger_globals = app::Value(app::Value::Table{});
  out.tools = app::Value(app::Value::Table{});
  for (const Entry& entry : root.entries) {
    WHORL_CHECKED(decode_root_entry(decoder, entry, out));
  }
  WHORL_CHECKED(decoder.require(root, "application"));
  WHORL_CHECKED(decoder.require(root, "trigger"));
  return out;
}

}  // namespace whorl::manifest
