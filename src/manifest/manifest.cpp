#include "manifest/manifest.hpp"

#include "manifest/decoder.hpp"
#include "manifest/ids.hpp"

#include <algorithm>

namespace whorl::manifest {
namespace {

constexpr std::string_view kVersionKey = "spin_manifest_version";
constexpr std::string_view kOldVersionKey = "spin_version";

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

Result<void> decode_application_entry(Decoder& decoder, const Entry& entry, Manifest& out) {
  if (entry.name == "name") {
    WHORL_TRY(out.name, decoder.string(entry.value));
  } else if (entry.name == "version") {
    WHORL_TRY(out.app_version, decoder.string(entry.value));
  } else if (entry.name == "description") {
    WHORL_TRY(out.description, decoder.string(entry.value));
  } else if (entry.name == "authors") {
    WHORL_TRY(out.authors, decoder.strings(entry.value));
  } else if (entry.name == "targets") {
    WHORL_TRY(out.targets, decode_targets(decoder, entry.value));
  } else if (entry.name == "trigger") {
    WHORL_TRY(out.trigger_globals, decoder.free_tables(entry.value));
  } else if (entry.name == "tool") {
    WHORL_TRY(out.tools, decoder.free_tables(entry.value));
  } else {
    return decoder.unknown_field(entry, kApplicationFields);
  }
  return {};
}

Result<void> decode_application(Decoder& decoder, const Node& node, Manifest& out) {
  WHORL_CHECKED(decoder.table(node, "struct AppDetails"));
  for (const Entry& entry : node.entries) {
    decoder.keep(decode_application_entry(decoder, entry, out));
  }
  return decoder.require(node, kApplicationFields);
}

Result<void> decode_components(Decoder& decoder, const Node& node, Manifest& out) {
  WHORL_CHECKED(decoder.table(node, "a map"));
  for (const Entry& entry : node.entries) {
    if (auto why = why_no_component_id(entry.name)) {
      decoder.keep(decoder.error(entry.name_span, *std::move(why)));
      continue;
    }
    if (auto component = decode_component(decoder, entry.name, entry.value)) {
      out.components.push_back(*std::move(component));
    }
  }
  return {};
}

Result<void> decode_variables(Decoder& decoder, const Node& node, Manifest& out) {
  WHORL_CHECKED(decoder.table(node, "a map"));
  for (const Entry& entry : node.entries) {
    if (auto why = why_no_variable_name(entry.name)) {
      decoder.keep(decoder.error(entry.name_span, *std::move(why)));
      continue;
    }
    if (auto variable = decode_variable(decoder, entry)) {
      out.variables.push_back(*std::move(variable));
    }
  }
  return {};
}

Result<void> decode_root_entry(Decoder& decoder, const Entry& entry, Manifest& out) {
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
  if (entry.name != kVersionKey) {
    return decoder.unknown_field(entry, kRootFields);
  }
  return {};
}

Result<Manifest> decode_v2(Decoder& decoder, const Node& root) {
  Manifest out;
  out.trigger_globals = app::Value(app::Value::Table{});
  out.tools = app::Value(app::Value::Table{});
  for (const Entry& entry : root.entries) {
    decoder.keep(decode_root_entry(decoder, entry, out));
  }
  // The version may have stood there under its older name.
  decoder.keep(decoder.require(root, std::span(kRootFields).subspan(1)));
  WHORL_CHECKED(decoder.verdict());
  return out;
}

Result<void> decode_variable_entry(Decoder& decoder, const Entry& entry, Variable& out) {
  if (entry.name == "description") {
    WHORL_TRY(out.description, decoder.string(entry.value));
  } else if (entry.name == "required") {
    WHORL_TRY(out.is_required, decoder.boolean(entry.value));
  } else if (entry.name == "default") {
    WHORL_TRY(out.default_value, decoder.string(entry.value));
  } else if (entry.name == "secret") {
    WHORL_TRY(out.is_secret, decoder.boolean(entry.value));
  } else {
    return decoder.unknown_field(entry, kVariableFields);
  }
  return {};
}

/// Says which version a document is of. Version 1 calls the key by another name, too.
Result<int> version_of(Decoder& decoder, const Node& root) {
  const Entry* entry = root.find(kVersionKey);
  const Entry* old = root.find(kOldVersionKey);
  if (entry != nullptr && old != nullptr && !entry->value.is(Node::Kind::Integer)) {
    return decoder.error(
        root.span,
        "duplicate field `spin_manifest_version`",
        "leave out `spin_version`, which is its older name"
    );
  }
  entry = entry == nullptr ? old : entry;
  if (entry == nullptr) {
    return decoder.error(
        root.span,
        "missing field `spin_manifest_version`",
        "write `spin_manifest_version = 2` as the first line"
    );
  }
  const Node& version = entry->value;
  if (version.is(Node::Kind::Integer) && version.integer == 2) {
    return 2;
  }
  if (version.is(Node::Kind::String) && version.text == "1") {
    return 1;
  }
  return fail(
             ErrorKind::InvalidInput,
             "invalid manifest version: {}",
             written(decoder.text(), version.span)
  )
      .with_help(fmt::format(
          "see {}:{}:{}: the versions are 2 and \"1\", with quotes",
          decoder.file_name(),
          version.span.line,
          version.span.column
      ));
}

}  // namespace

Result<int> read_version(Decoder& decoder, const Node& root) {
  auto version = version_of(decoder, root);
  WHORL_CHECKED(decoder.verdict());
  return version;
}

Result<Variable> decode_variable(Decoder& decoder, const Entry& entry) {
  Variable out{.name = entry.name, .span = entry.name_span};
  WHORL_CHECKED(decoder.table(entry.value, "struct Variable"));
  for (const Entry& member : entry.value.entries) {
    decoder.keep(decode_variable_entry(decoder, member, out));
  }
  return out;
}

bool defines_profile(const Manifest& manifest, std::string_view profile) noexcept {
  return std::ranges::any_of(manifest.components, [&](const Component& component) {
    return std::ranges::find(component.profiles, profile, &Profile::name) !=
           component.profiles.end();
  });
}

Result<Manifest> parse_manifest(std::string_view text, std::string_view file_name) {
  WHORL_TRY(const Node root, parse_document(text, file_name));
  Decoder decoder(text, file_name);
  WHORL_TRY(const int version, read_version(decoder, root));
  return version == 1 ? decode_v1(decoder, root) : decode_v2(decoder, root);
}

}  // namespace whorl::manifest
