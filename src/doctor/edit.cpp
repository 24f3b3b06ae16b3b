#include "doctor/edit.hpp"

#include "fs/file.hpp"
#include "manifest/document.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace whorl::doctor {
namespace {

using manifest::Entry;
using manifest::Node;
using manifest::Span;

constexpr std::string_view kVersionKey = "spin_manifest_version";
constexpr std::string_view kOldKey = "spin_version";

/// Where a place is in the text, in bytes: columns count characters.
std::size_t offset_of(std::string_view text, std::uint32_t line, std::uint32_t column) {
  std::size_t at = 0;
  for (std::uint32_t i = 1; i < line; ++i) {
    const auto end = text.find('\n', at);
    if (end == std::string_view::npos) {
      return text.size();
    }
    at = end + 1;
  }
  constexpr unsigned kContinuationMask = 0xc0;
  constexpr unsigned kContinuation = 0x80;
  for (std::uint32_t i = 1; i < column && at < text.size(); ++i) {
    ++at;
    while (at < text.size() &&
           (static_cast<unsigned char>(text[at]) & kContinuationMask) == kContinuation) {
      ++at;
    }
  }
  return at;
}

std::string replaced(std::string_view text, const Span& span, std::string_view with) {
  const std::size_t begin = offset_of(text, span.line, span.column);
  const std::size_t end = offset_of(text, span.end_line, span.end_column);
  return std::string(text.substr(0, begin)) + std::string(with) +
         std::string(text.substr(std::max(begin, end)));
}

/// A line of its own after the line that a place is in.
std::string with_line_after(std::string_view text, std::uint32_t line, std::string_view added) {
  const std::size_t at = offset_of(text, line + 1, 1);
  const bool needs_end = at == text.size() && at != 0 && text[at - 1] != '\n';
  return fmt::format(
      "{}{}{}\n{}", text.substr(0, at), needs_end ? "\n" : "", added, text.substr(at)
  );
}

std::string set_version(std::string_view text, const Node& root, std::string_view value) {
  const Entry* version = root.find(kVersionKey);
  if (version != nullptr) {
    return replaced(text, version->value.span, value);
  }
  if (const Entry* older = root.find(kOldKey)) {
    return replaced(replaced(text, older->value.span, value), older->name_span, kVersionKey);
  }
  return fmt::format("{} = {}\n{}", kVersionKey, value, text);
}

/// Behind the last assignment before the first table.
std::string add_trigger(std::string_view text, const Node& root) {
  constexpr std::string_view kLine = "trigger = { type = \"http\" }";
  std::uint32_t last = 0;
  for (const Entry& entry : root.entries) {
    const bool is_table = text.substr(offset_of(text, entry.value.span.line, 1)).starts_with("[");
    const bool is_list = entry.value.is(Node::Kind::Array) && !entry.value.items.empty() &&
                         entry.value.items.front().is(Node::Kind::Table) &&
                         entry.name == "component";
    if (!is_table && !is_list) {
      last = std::max(last, entry.value.span.end_line);
    }
  }
  return last == 0 ? fmt::format("{}\n{}", kLine, text) : with_line_after(text, last, kLine);
}

Result<std::string> add_route(std::string_view text, const Node& root) {
  constexpr std::string_view kRoute = "route = \"/...\"";
  const Entry* components = root.find("component");
  if (components == nullptr || components->value.items.size() != 1) {
    return fail(
        ErrorKind::InvalidInput,
        "can only set default trigger route if there is exactly one component"
    );
  }
  const Entry* trigger = components->value.items.front().find("trigger");
  if (trigger == nullptr) {
    return fmt::format(
        "{}{}\n[component.trigger]\n{}\n", text, text.ends_with('\n') ? "" : "\n", kRoute
    );
  }
  const std::size_t at = offset_of(text, trigger->value.span.line, trigger->value.span.column);
  if (at < text.size() && text[at] == '{') {
    const bool is_empty = trigger->value.entries.empty();
    return fmt::format(
        "{} {}{}{}", text.substr(0, at + 1), kRoute, is_empty ? " " : ", ", text.substr(at + 1)
    );
  }
  return with_line_after(text, trigger->value.span.line, kRoute);
}

}  // namespace

Result<std::string> edited(std::string_view text, const Diagnosis& diagnosis) {
  WHORL_TRY(const Node root, manifest::parse_document(text, "spin.toml"));
  std::string out;
  switch (diagnosis.cure) {
    case Diagnosis::Cure::SetVersion:
      out = set_version(text, root, diagnosis.value);
      break;
    case Diagnosis::Cure::AddTrigger:
      out = add_trigger(text, root);
      break;
    case Diagnosis::Cure::AddRoute: {
      WHORL_TRY(out, add_route(text, root));
      break;
    }
    default:
      return fail(ErrorKind::Internal, "this is not cured by editing the manifest");
  }
  // What stands between the places may be written in ways that were not thought of.
  const auto again = manifest::parse_document(out, "spin.toml");
  const bool is_whole = again && again->entries.size() >= root.entries.size();
  if (!is_whole) {
    return fail(ErrorKind::InvalidInput, "the manifest is written in a way that is not edited here")
        .with_help("make the change by hand: " + diagnosis.text);
  }
  return out;
}

Result<void> edit_manifest(const std::string& manifest_path, const Diagnosis& diagnosis) {
  WHORL_TRY(const Bytes bytes, fs::read_file(manifest_path, manifest::kMaxManifestBytes));
  WHORL_TRY(const std::string text, edited(as_text(bytes), diagnosis));
  WHORL_CHECKED(fs::write_file_atomic(manifest_path + ".bak", bytes));
  return fs::write_file_atomic(manifest_path, as_bytes(text));
}

}  // namespace whorl::doctor
