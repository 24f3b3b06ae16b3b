/// Helpers to read typed things out of a document's nodes, with errors in serde's words: those are
/// what people know from Spin and what they search the web for.
///
/// Private to this room. @thread any
#pragma once

#include "manifest/document.hpp"
#include "manifest/manifest.hpp"

#include <array>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::manifest {

/// The text being read; makes errors that point into it.
class Decoder {
 public:
  Decoder(std::string_view text, std::string_view file_name) : text_(text), file_name_(file_name) {}

  [[nodiscard]] Error error(
      const Span& span,
      std::string message,
      std::string suggestion = {},
      std::source_location where = std::source_location::current()
  ) const;
  [[nodiscard]] Error wrong_type(const Node& node, std::string_view expected) const;
  /// A value that may have several shapes and has none of them.
  [[nodiscard]] Error no_variant(
      const Node& node, std::string_view type_name, std::string suggestion
  ) const;

  [[nodiscard]] Result<std::string> string(const Node& node) const;
  [[nodiscard]] Result<bool> boolean(const Node& node) const;
  [[nodiscard]] Result<std::vector<std::string>> strings(const Node& node) const;
  [[nodiscard]] Result<std::map<std::string, std::string>> string_map(const Node& node) const;
  /// A table whose values are tables, kept as they are.
  [[nodiscard]] Result<app::Value> free_tables(const Node& node) const;

  /// Fails unless the node is a table; `expected` is what the message says ("a map", "struct X").
  [[nodiscard]] Result<void> table(const Node& node, std::string_view expected) const;
  /// Fails at an entry whose name is not known.
  [[nodiscard]] Error unknown_field(const Entry& entry, std::span<const std::string_view> known)
      const;
  /// Fails when a table lacks an entry.
  [[nodiscard]] Result<void> require(const Node& node, std::string_view name) const;

  [[nodiscard]] std::string_view text() const noexcept { return text_; }

 private:
  std::string_view text_;
  std::string_view file_name_;
};

/// Reads one `[component.<id>]` or a component written in place (then `id` is empty).
[[nodiscard]] Result<Component> decode_component(
    const Decoder& decoder, std::string id, const Node& node
);

}  // namespace whorl::manifest
