// Reading `[[trigger.<type>]]`.

#include "manifest/decoder.hpp"
#include "manifest/ids.hpp"

namespace whorl::manifest {
namespace {

/// Adds an empty line after the message, as nested deserialisers do.
Result<ComponentRef> decode_reference(Decoder& decoder, const Node& node) {
  if (!node.is(Node::Kind::String)) {
    WHORL_TRY(Component component, decode_component(decoder, {}, node));
    return ComponentRef(std::move(component));
  }
  if (auto why = why_no_component_id(node.text)) {
    return decoder.error(node.span, *std::move(why) + "\n");
  }
  return ComponentRef(node.text);
}

Result<std::vector<ComponentRefs>> decode_references(Decoder& decoder, const Node& node) {
  WHORL_CHECKED(decoder.table(node, "a map"));
  std::vector<ComponentRefs> out;
  for (const Entry& entry : node.entries) {
    ComponentRefs refs{.name = entry.name, .is_list = entry.value.is(Node::Kind::Array)};
    const std::span<const Node> items =
        refs.is_list ? std::span(entry.value.items) : std::span(&entry.value, 1);
    for (const Node& item : items) {
      if (auto ref = decode_reference(decoder, item)) {
        refs.refs.push_back(*std::move(ref));
      }
    }
    out.push_back(std::move(refs));
  }
  return out;
}

Result<std::vector<Players>> decode_players(Decoder& decoder, const Node& node) {
  WHORL_CHECKED(decoder.table(node, "a map"));
  std::vector<Players> out;
  for (const Entry& role : node.entries) {
    if (!role.value.is(Node::Kind::Array)) {
      return decoder.wrong_type(role.value, "a sequence");
    }
    Players players{.role = role.name};
    for (const Node& item : role.value.items) {
      if (auto player = decode_player(decoder, role.value, item)) {
        players.dependencies.push_back(*std::move(player));
      }
    }
    out.push_back(std::move(players));
  }
  return out;
}

Result<void> decode_entry(
    Decoder& decoder, const Entry& entry, Trigger& out, app::Value::Table& config
) {
  if (entry.name == "id") {
    WHORL_TRY(out.id, decoder.string(entry.value));
  } else if (entry.name == "component") {
    WHORL_TRY(out.component, decode_reference(decoder, entry.value));
  } else if (entry.name == "components") {
    WHORL_TRY(out.components, decode_references(decoder, entry.value));
  } else if (entry.name == "dependencies") {
    WHORL_TRY(out.dependencies, decode_players(decoder, entry.value));
  } else {
    config.push_back({entry.name, entry.value.to_value()});
  }
  return {};
}

Result<Trigger> decode_trigger(Decoder& decoder, std::string type, const Node& node) {
  WHORL_CHECKED(decoder.table(node, "struct Trigger"));
  Trigger out;
  out.type = std::move(type);
  out.span = node.span;
  app::Value::Table config;
  for (const Entry& entry : node.entries) {
    decoder.keep(decode_entry(decoder, entry, out, config));
  }
  out.config = app::Value(std::move(config));
  return out;
}

}  // namespace

Result<void> decode_triggers(Decoder& decoder, const Node& node, Manifest& out) {
  WHORL_CHECKED(decoder.table(node, "a map"));
  for (const Entry& type : node.entries) {
    if (!type.value.is(Node::Kind::Array)) {
      decoder.keep(decoder.wrong_type(type.value, "a sequence"));
      continue;
    }
    for (const Node& item : type.value.items) {
      if (auto trigger = decode_trigger(decoder, type.name, item)) {
        out.triggers.push_back(*std::move(trigger));
      }
    }
  }
  return {};
}

}  // namespace whorl::manifest
