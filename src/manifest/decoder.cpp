#include "manifest/decoder.hpp"

#include "manifest/ids.hpp"
#include "manifest/nearest.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace whorl::manifest {
namespace {

/// More than these nobody reads.
constexpr std::size_t kMaxShown = 10;

/// "`a`", "`a` or `b`", "one of `a`, `b`, `c`".
std::string list_of(Fields fields) {
  std::string out;
  for (const Field& field : fields) {
    const bool is_first = out.empty();
    out += is_first ? "" : fields.size() == 2 ? " or " : ", ";
    out += fmt::format("`{}`", field.name);
  }
  return fields.size() > 2 ? "one of " + out : out;
}

std::string describe(const Node& node) {
  return node.is(Node::Kind::DateTime) ? "map" : node.to_value().describe();
}

/// How the value would be written right, where that can be guessed.
std::string as_wanted(const Node& node, std::string_view expected) {
  using Kind = Node::Kind;
  if (expected == "a string") {
    if (node.is(Kind::Integer)) {
      return fmt::format("write \"{}\"", node.integer);
    }
    if (node.is(Kind::Boolean)) {
      return fmt::format("write \"{}\"", node.boolean);
    }
  }
  if (expected == "a boolean" && node.is(Kind::String)) {
    return node.text == "true" || node.text == "false"
               ? fmt::format("write {} without quotes", node.text)
               : "write true or false";
  }
  if (expected == "a sequence" && node.is(Kind::String)) {
    return fmt::format("write [\"{}\"]", node.text);
  }
  return {};
}

/// The message of a further error, which must fit into a line: without the list of what is known.
std::string brief(const Diagnostic& diagnostic) {
  const std::string_view message = diagnostic.message;
  std::string out(message.substr(0, message.find('\n')));
  if (out.starts_with("unknown field ")) {
    out.resize(std::min(out.size(), out.find(", expected ")));
  }
  return diagnostic.suggestion.empty() ? out : fmt::format("{} ({})", out, diagnostic.suggestion);
}

bool fits_type(const Node& node, std::string_view type) {
  if (type == "string") {
    return node.is(Node::Kind::String);
  }
  if (type == "id") {
    return node.is(Node::Kind::String) && !why_no_component_id(node.text);
  }
  if (type == "#Inherit") {
    return node.is(Node::Kind::Boolean) ||
           (node.is(Node::Kind::Array) && std::ranges::all_of(node.items, [](const Node& item) {
              return item.is(Node::Kind::String);
            }));
  }
  return false;
}

}  // namespace

Error Decoder::error(
    const Span& span, std::string message, std::string suggestion, std::source_location where
) {
  found_.push_back({.span = span, .message = message, .suggestion = std::move(suggestion)});
  return Error(ErrorKind::InvalidInput, std::move(message), where);
}

Error Decoder::wrong_type(const Node& node, std::string_view expected) {
  return error(
      node.span,
      fmt::format("invalid type: {}, expected {}", describe(node), expected),
      as_wanted(node, expected)
  );
}

Error Decoder::no_variant(const Node& node, std::string_view type_name, std::string suggestion) {
  return error(
      node.span,
      fmt::format("data did not match any variant of untagged enum {}", type_name),
      std::move(suggestion)
  );
}

Result<std::string> Decoder::string(const Node& node) {
  if (!node.is(Node::Kind::String)) {
    return wrong_type(node, "a string");
  }
  return node.text;
}

Result<bool> Decoder::boolean(const Node& node) {
  if (!node.is(Node::Kind::Boolean)) {
    return wrong_type(node, "a boolean");
  }
  return node.boolean;
}

Result<std::vector<std::string>> Decoder::strings(const Node& node) {
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

Result<std::map<std::string, std::string>> Decoder::string_map(const Node& node) {
  WHORL_CHECKED(table(node, "a map"));
  std::map<std::string, std::string> out;
  for (const Entry& entry : node.entries) {
    WHORL_TRY(out[entry.name], string(entry.value));
  }
  return out;
}

Result<app::Value> Decoder::free_tables(const Node& node) {
  WHORL_CHECKED(table(node, "a map"));
  for (const Entry& entry : node.entries) {
    WHORL_CHECKED(table(entry.value, "a map"));
  }
  return node.to_value();
}

Result<void> Decoder::table(const Node& node, std::string_view expected) {
  if (!node.is(Node::Kind::Table)) {
    return wrong_type(node, expected);
  }
  return {};
}

Error Decoder::unknown_field(const Entry& entry, Fields known) {
  std::vector<std::string_view> names;
  std::ranges::transform(known, std::back_inserter(names), &Field::name);
  const auto meant = nearest(entry.name, names);
  return error(
      entry.name_span,
      fmt::format("unknown field `{}`, expected {}", entry.name, list_of(known)),
      meant ? fmt::format("did you mean `{}`?", *meant) : std::string()
  );
}

Result<void> Decoder::require(const Node& node, Fields fields) {
  for (const Field& field : fields) {
    if (field.need == Field::Need::Required && node.find(field.name) == nullptr) {
      return error(
          node.span,
          fmt::format("missing field `{}`", field.name),
          fmt::format("`{}`: {}", field.name, field.doc)
      );
    }
  }
  return {};
}

Result<void> Decoder::verdict(std::source_location where) const {
  if (found_.empty()) {
    return {};
  }
  Error error = render(found_.front(), text_, file_name_, where);
  if (found_.size() == 1) {
    return error;
  }
  std::string help = fmt::format(
      "{}\n{} further {}:", error.help(), found_.size() - 1, found_.size() == 2 ? "error" : "errors"
  );
  const std::size_t shown = std::min(found_.size(), kMaxShown + 1);
  for (std::size_t i = 1; i < shown; ++i) {
    const Span& span = found_[i].span;
    help += fmt::format(
        "\n  {}:{}:{}: {}", file_name_, span.line, span.column, printable(brief(found_[i]))
    );
  }
  if (shown < found_.size()) {
    help += "\n  …";
  }
  return std::move(error).with_help(std::move(help));
}

bool fits(const Node& node, Fields fields) {
  if (!node.is(Node::Kind::Table)) {
    return false;
  }
  const bool are_known = std::ranges::all_of(node.entries, [&](const Entry& entry) {
    const auto field = std::ranges::find(fields, entry.name, &Field::name);
    return field != fields.end() && fits_type(entry.value, field->type);
  });
  return are_known && std::ranges::all_of(fields, [&](const Field& field) {
           return field.need == Field::Need::Optional || node.find(field.name) != nullptr;
         });
}

const std::string* string_in(const Node& node, std::string_view name) {
  const Entry* entry = node.find(name);
  return entry != nullptr && entry->value.is(Node::Kind::String) ? &entry->value.text : nullptr;
}

}  // namespace whorl::manifest
