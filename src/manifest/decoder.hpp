/// Helpers to read typed things out of a document's nodes, with errors in serde's words: those are
/// what people know from Spin and what they search the web for.
///
/// Reading goes on after an error, so that a person learns of several mistakes at once; Spin's one
/// error is the first. Private to this room. @thread any
#pragma once

#include "manifest/document.hpp"
#include "manifest/fields.hpp"
#include "manifest/manifest.hpp"

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::manifest {

/// The text being read; makes errors that point into it, and remembers them.
class Decoder {
 public:
  Decoder(std::string_view text, std::string_view file_name) : text_(text), file_name_(file_name) {}

  /// Every error that is made counts; there is no trying.
  [[nodiscard]] Error error(
      const Span& span,
      std::string message,
      std::string suggestion = {},
      std::source_location where = std::source_location::current()
  );
  [[nodiscard]] Error wrong_type(const Node& node, std::string_view expected);
  /// A value that may have several shapes and has none of them.
  [[nodiscard]] Error no_variant(
      const Node& node, std::string_view type_name, std::string suggestion
  );

  [[nodiscard]] Result<std::string> string(const Node& node);
  [[nodiscard]] Result<bool> boolean(const Node& node);
  [[nodiscard]] Result<std::vector<std::string>> strings(const Node& node);
  [[nodiscard]] Result<std::map<std::string, std::string>> string_map(const Node& node);
  /// A table whose values are tables, kept as they are.
  [[nodiscard]] Result<app::Value> free_tables(const Node& node);

  /// Fails unless the node is a table; `expected` is what the message says ("a map", "struct X").
  [[nodiscard]] Result<void> table(const Node& node, std::string_view expected);
  /// Fails at an entry whose name is not known.
  [[nodiscard]] Error unknown_field(const Entry& entry, Fields known);
  /// Fails when a table lacks an entry that its fields require.
  [[nodiscard]] Result<void> require(const Node& node, Fields fields);

  /// Reading goes on with the next thing: the error has been remembered when it was made.
  void keep(Result<void> result) { static_cast<void>(result); }
  /// The first error as Spin shows it, the others in its help; nothing if there was none.
  [[nodiscard]] Result<void> verdict(std::source_location where = std::source_location::current())
      const;

  [[nodiscard]] std::string_view text() const noexcept { return text_; }
  [[nodiscard]] std::string_view file_name() const noexcept { return file_name_; }

 private:
  std::string_view text_;
  std::string_view file_name_;
  std::vector<Diagnostic> found_;
};

/// The node is a table with exactly these fields, of the right types, and those that are required.
[[nodiscard]] bool fits(const Node& node, Fields fields);
/// The text of an entry; null when there is none or it is no string.
[[nodiscard]] const std::string* string_in(const Node& node, std::string_view name);

// Parts that several tables share.
[[nodiscard]] Result<ComponentSource> decode_source(Decoder& decoder, const Node& node);
[[nodiscard]] Result<std::vector<FileGrant>> decode_files(Decoder& decoder, const Node& node);
[[nodiscard]] Result<BuildConfig> decode_build(Decoder& decoder, const Node& node);
/// A command, or a list of them.
[[nodiscard]] Result<void> decode_command(Decoder& decoder, const Node& node, BuildConfig& build);
[[nodiscard]] Result<std::vector<Target>> decode_targets(Decoder& decoder, const Node& node);
[[nodiscard]] Result<Variable> decode_variable(Decoder& decoder, const Entry& entry);
[[nodiscard]] Result<std::vector<NamedDependency>> decode_dependencies(
    Decoder& decoder, const Node& node
);
/// One of those that stand before a component. @param list  what an error points at
[[nodiscard]] Result<Dependency> decode_player(
    Decoder& decoder, const Node& list, const Node& node
);
/// Reads one `[component.<id>]` or a component written in place (then `id` is empty).
[[nodiscard]] Result<Component> decode_component(
    Decoder& decoder, std::string id, const Node& node
);
/// `[trigger]` of version 2, into `out.triggers`.
[[nodiscard]] Result<void> decode_triggers(Decoder& decoder, const Node& node, Manifest& out);

/// Says which version a document is of, 1 or 2. Version 1 calls the key by another name, too.
[[nodiscard]] Result<int> read_version(Decoder& decoder, const Node& root);

/// A whole manifest of version 1, as one of version 2.
[[nodiscard]] Result<Manifest> decode_v1(Decoder& decoder, const Node& root);

}  // namespace whorl::manifest
