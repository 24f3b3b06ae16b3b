#include "manifest/syntax_error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace whorl::manifest {
namespace {

constexpr std::string_view kNotUtf8 = "stream did not contain valid UTF-8";
constexpr std::string_view kNoString = "invalid string\nexpected `\"`, `'`";
constexpr std::string_view kNoMore = "expected newline, `#`";

/// One mistake, as the library told it.
struct Mistake {
  std::string_view what;  ///< "key-value pair", "array", …
  std::string_view why;
  Span span;
  std::string_view text;

  [[nodiscard]] std::string_view line() const { return line_of(text, span.line); }
  [[nodiscard]] Diagnostic at(std::uint32_t column, std::string message) const {
    Span place = span;
    place.column = std::max(column, 1U);
    place.end_line = place.line;
    place.end_column = place.column + 1;
    return {
        .span = place,
        .message = std::move(message),
        .suggestion = printable(fmt::format("{}", why))
    };
  }
  [[nodiscard]] Diagnostic here(std::string_view message) const {
    return at(span.column, std::string(message));
  }
  /// Where the word begins that ends before the place. Columns are characters, and a value of
  /// letters and digits has one byte for each.
  [[nodiscard]] std::uint32_t word_begin() const {
    const std::string_view all = line();
    std::uint32_t column =
        std::min<std::uint32_t>(span.column, static_cast<std::uint32_t>(all.size()) + 1);
    while (column > 1 && (std::isalnum(static_cast<unsigned char>(all[column - 2])) != 0 ||
                          all[column - 2] == '_' || all[column - 2] == '-')) {
      --column;
    }
    return column;
  }
};

/// The name in quotes at the end of "cannot redefine existing string 'a.b' as table".
std::string_view quoted_name(std::string_view why) {
  const auto begin = why.find('\'');
  const auto end = why.rfind('\'');
  return begin == end ? std::string_view() : why.substr(begin + 1, end - begin - 1);
}

/// The name of the last `[header]` before a line; empty in front of all of them.
std::string_view header_before(std::string_view text, std::uint32_t line) {
  std::string_view last;
  for (std::uint32_t i = 1; i < line && !text.empty(); ++i) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view found = text.substr(0, end);
    const auto open = std::min(found.find_first_not_of(" \t"), found.size());
    if (found.substr(open).starts_with('[')) {
      found.remove_prefix(std::min(found.find_first_not_of(" \t["), found.size()));
      last = found.substr(0, found.find(']'));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return last;
}

Diagnostic duplicate(const Mistake& mistake) {
  std::string_view name = quoted_name(mistake.why);
  const bool is_header = mistake.what == "table header";
  std::string_view table = is_header ? "" : header_before(mistake.text, mistake.span.line);
  if (const auto dot = name.rfind('.'); dot != std::string_view::npos) {
    table = name.substr(0, dot);
    name = name.substr(dot + 1);
  }
  // Of an assignment the library points behind the name.
  const std::string_view line = mistake.line();
  const auto begin = line.find_first_not_of(" \t");
  return mistake.at(
      begin == std::string_view::npos ? 1 : static_cast<std::uint32_t>(begin) + 1,
      fmt::format(
          "{}duplicate key `{}` in {}",
          is_header ? "invalid table header\n" : "",
          printable(name),
          table.empty() ? "document root" : fmt::format("table `{}`", printable(table))
      )
  );
}

Diagnostic in_assignment(const Mistake& mistake) {
  if (mistake.why.starts_with("expected '='")) {
    return mistake.here("expected `.`, `=`");
  }
  if (mistake.why.starts_with("expected a comment or whitespace")) {
    return mistake.here(kNoMore);
  }
  return mistake.here(kNoString);
}

Diagnostic in_header(const Mistake& mistake) {
  if (mistake.why.starts_with("expected a comment or whitespace")) {
    return mistake.here(fmt::format("invalid table header\n{}", kNoMore));
  }
  if (mistake.why.starts_with("tables with blank bare keys")) {
    return mistake.here("invalid key");
  }
  const std::string_view line = mistake.line();
  const auto open = line.find_first_not_of(" \t");
  const bool is_array = open != std::string_view::npos && line.substr(open).starts_with("[[");
  const bool has_half = is_array && mistake.span.column > 1 &&
                        mistake.span.column - 2 < line.size() &&
                        line[mistake.span.column - 2] == ']';
  return mistake.at(
      mistake.span.column - (has_half ? 1 : 0),
      fmt::format("invalid table header\nexpected `.`, `{}`", is_array ? "]]" : "]")
  );
}

Diagnostic in_string(const Mistake& mistake) {
  if (mistake.why.starts_with("unknown escape sequence")) {
    return mistake.at(
        mistake.span.column + 1,
        "invalid escape sequence\nexpected `b`, `f`, `n`, `r`, `t`, `u`, `U`, `\\`, `\"`"
    );
  }
  const bool is_long = mistake.text.contains("\"\"\"") && mistake.why.contains("end-of-file");
  return mistake.here(is_long ? "invalid multiline basic string" : "invalid basic string");
}

Diagnostic in_number(const Mistake& mistake) {
  if (mistake.why.contains("leading zeroes")) {
    return mistake.at(mistake.span.column - 1, std::string(kNoMore));
  }
  if (mistake.why.contains("not representable")) {
    return mistake.at(mistake.word_begin(), "number too large to fit in target type");
  }
  return mistake.here(fmt::format("invalid {}\n{}", mistake.what, printable(mistake.why)));
}

Diagnostic in_inline_table(const Mistake& mistake) {
  const bool is_comma = mistake.why.contains("dangling comma");
  return mistake.at(mistake.span.column - (is_comma ? 1 : 0), "invalid inline table\nexpected `}`");
}

Diagnostic say(const Mistake& mistake) {
  const std::string_view what = mistake.what;
  if (mistake.why.starts_with("cannot redefine")) {
    return duplicate(mistake);
  }
  if (what == "key-value pair") {
    return in_assignment(mistake);
  }
  if (what == "table header") {
    return in_header(mistake);
  }
  if (what == "string") {
    return in_string(mistake);
  }
  if (what == "literal string") {
    return mistake.here("invalid literal string");
  }
  if (what == "array") {
    return mistake.here("invalid array\nexpected `]`");
  }
  if (what == "inline table") {
    return in_inline_table(mistake);
  }
  if (what == "value") {
    return mistake.here(kNoString);
  }
  if (what == "boolean") {
    return mistake.at(mistake.word_begin(), std::string(kNoString));
  }
  if (what == "root table" || what == "key") {
    return mistake.here("invalid key");
  }
  if (what == "floating-point" && mistake.why.starts_with("expected decimal digit")) {
    return mistake.here("invalid floating-point number\nexpected digit");
  }
  if (what == "date" || what == "time" || what == "date-time") {
    return mistake.here("invalid date-time\nvalue is out of range");
  }
  return in_number(mistake);
}

}  // namespace

std::string_view line_of(std::string_view text, std::uint32_t number) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  for (std::uint32_t line = 1; line < number; ++line) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) {
      return {};
    }
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  return text.ends_with('\r') ? text.substr(0, text.size() - 1) : text;
}

Diagnostic syntax_error(std::string_view description, const Span& span, std::string_view text) {
  constexpr std::string_view kLead = "Error while parsing ";
  if (description.contains("invalid utf-8")) {
    return {.span = span, .message = std::string(kNotUtf8), .suggestion = {}};
  }
  const auto colon = description.find(": ");
  if (!description.starts_with(kLead) || colon == std::string_view::npos) {
    return {.span = span, .message = printable(description), .suggestion = {}};
  }
  return say(
      {.what = description.substr(kLead.size(), colon - kLead.size()),
       .why = description.substr(colon + 2),
       .span = span,
       .text = text}
  );
}

}  // namespace whorl::manifest
