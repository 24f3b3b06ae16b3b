#include "manifest/decoder.hpp"

#include "manifest/nearest.hpp"

#include <fmt/format.h>

namespace whorl::manifest {
namespace {

/// "`a`", "`a` or `b`", "one of `a`, `b`, `c`".
std::string list_of(std::span<const std::string_view> names) {
  std::string out;
  for (const std::string_view name : names) {
    const bool is_first = out.empty();
    out += is_first ? "" : names.size() == 2 ? " or " : ", ";
    out += fmt::format("`{}`", name);
  }
  return names.size() > 2 ? "one of " + out : out;
}

std::string describe(const Node& node) {
  return node.is(Node::Kind::DateTime) ? "map" : node.to_value().describe();
}

}  // namespace

Error Decoder::error(
    const Span& span, std::string message, std::string suggestion, std::source_location where
) const {
  return render(
      {.span = span, .message = std::move(message), .suggestion = std::move(suggestion)},
      text_,
      file_name_,
      where
  );
}

Error Decoder::wrong_type(const Node& node, std::string_view expected) const {
  return error(node.span, fmt::format("invalid type: {}, expected {}", describe(node), expected));
}

Error Decoder::no_variant(const Node& node, std::string_view type_name, std::string suggestion)
    const {
  return error(
      node.span,
      fmt::format("data did not match any variant of untagged enum {}", type_name),
      std::move(suggestion)
  );
}

Result<std::string> Decoder::string(const Node& node) const {
  if (!node.is(Node::Kind::String)) {
    return wrong_type(node, "a string");
  }
  return node.text;
}

Result<bool> Decoder::boolean(const Node& node) const {
  if (!node.is(Node::Kind::Boolean)) {
    return wrong_type(node, "a boolean");
  }
  return node.boolean;
}

Result<std::vector<std::string>> Decoder::strings(const Node& node) const {
  if (!node.is(Node::Kind::Array)) {
    return wrong_type(node, "a sequence");
  }
  std::vector<std::string> out;
  for (const Node& item : node.items) {
    WHORL_TRY(std::string text, string(item));
    out.push_back(std::move(text));
  }
  return out;
}

Result<std::map<std::string, std::string>> Decoder::string_map(const Node& node) const {
  WHORL_CHECKED(table(node, "a map"));
  std::map<std::string, std::string> out;
  for (const Entry& entry : node.entries) {
    WHORL_TRY(out[entry.name], string(entry.value));
  }
  return out;
}

Result<app::Value> Decoder::free_tables(const Node& node) const {
  WHORL_CHECKED(table(node, "a map"));
  for (const Entry& entry : node.entries) {
    WHORL_CHECKED(table(entry.value, "a map"));
  }
  return node.to_value();
}

Result<void> Decoder::table(const Node& node, std::string_view expected) const {
  if (!node.is(Node::Kind::Table)) {
    return wrong_type(node, expected);
  }
  return {};
}

Error Decoder::unknown_field(const Entry& entry, std::span<const std::string_view> known) const {
  const auto meant = nearest(entry.name, known);
  return error(
      entry.name_span,
      fmt::format("unknown field `{}`, expected {}", entry.name, list_of(known)),
      meant ? fmt::format("did you mean `{}`?", *meant) : std::string()
  );
}

Result<void> Decoder::require(const Node& node, std::string_view name) const {
  if (node.find(name) == nullptr) {
    return error(node.span, fmt::format("missing field `{}`", name));
  }
  return {};
}

}  // namespace whorl::manifest
