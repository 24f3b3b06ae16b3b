/// A TOML document as a tree that keeps where everything stood and in which order.
///
/// The parser library stays behind this header; what reads manifests sees only Nodes.
/// @thread any (values) @spec TOML 1.0
#pragma once

#include "app/value.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::manifest {

/// A place in a text. Lines and columns count from 1, columns in characters; the end is exclusive.
struct Span {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  std::uint32_t end_line = 1;
  std::uint32_t end_column = 2;
  [[nodiscard]] bool operator==(const Span&) const = default;
};

struct Entry;

/// One value of a document, with everything in it.
struct Node {
  enum class Kind : std::uint8_t { String, Integer, Float, Boolean, DateTime, Array, Table };

  Kind kind = Kind::Table;
  Span span;         ///< of a `[table]` its header
  std::string text;  ///< of a string its value, of a date or time its TOML form
  std::int64_t integer = 0;
  double real = 0;
  bool boolean = false;
  std::vector<Node> items;     ///< of an array
  std::vector<Entry> entries;  ///< of a table, in the order they were written; names are unique

  [[nodiscard]] bool is(Kind wanted) const noexcept { return kind == wanted; }
  /// Null when this is no table or has no such entry.
  [[nodiscard]] const Entry* find(std::string_view name) const noexcept;
  /// The same without places.
  [[nodiscard]] app::Value to_value() const;
};

/// One `name = value` of a table, or a table of a table.
struct Entry {
  std::string name;
  Span name_span;
  Node value;
};

/// Why a text is no document, or a document no manifest.
struct Diagnostic {
  Span span;
  std::string message;
  std::string suggestion;  ///< advice; empty if there is none
};

/// The longest text that is read as a manifest, bytes.
inline constexpr std::size_t kMaxManifestBytes = 4 * 1024 * 1024;

/// Parses a text. The root's span is that of the assignments before the first table.
/// @return errors: InvalidInput, rendered (see render())
[[nodiscard]] Result<Node> parse_document(std::string_view text, std::string_view file_name);

/// Text with control characters blanked: a manifest from elsewhere must not steer the terminal.
[[nodiscard]] std::string printable(std::string_view text);

/// The diagnostic as Spin shows it: place, the line, the underlined part, the message, an empty
/// line; file, place and advice follow as the error's help.
[[nodiscard]] Error render(
    const Diagnostic& diagnostic,
    std::string_view text,
    std::string_view file_name,
    std::source_location where = std::source_location::current()
);

}  // namespace whorl::manifest
