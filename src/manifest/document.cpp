#include "manifest/document.hpp"

// The library's assertions guard states that hostile text can reach; behind each of them stands an
// ordinary error path, which is what must be taken. With NDEBUG they would become assumptions.
#ifdef NDEBUG
#undef NDEBUG
#endif
#define TOML_ASSERT(expr) static_assert(true)
#define TOML_EXCEPTIONS 0
#define TOML_MAX_NESTED_VALUES 64
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <sstream>

namespace whorl::manifest {
namespace {

/// More dots than this in one key make a tree too deep to walk; nobody writes such a key.
constexpr unsigned kMaxDotsInKey = 16;
constexpr std::string_view kNotUtf8 = "stream did not contain valid UTF-8";
constexpr std::string_view kWasmMagic("\0asm", 4);

Span span_of(const toml::source_region& region) {
  Span span{
      .line = region.begin.line,
      .column = region.begin.column,
      .end_line = region.end.line,
      .end_column = region.end.column
  };
  span.line = std::max(span.line, 1U);
  span.column = std::max(span.column, 1U);
  if (span.end_line < span.line || (span.end_line == span.line && span.end_column <= span.column)) {
    span.end_line = span.line;
    span.end_column = span.column + 1;
  }
  return span;
}

template <class T>
std::string toml_form(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

bool stands_before(const Span& a, const Span& b) {
  return a.line != b.line ? a.line < b.line : a.column < b.column;
}

Node convert(const toml::node& from);

void convert_entries(const toml::table& from, std::vector<Entry>& entries) {
  entries.reserve(from.size());
  for (const auto& [key, value] : from) {
    entries.push_back({std::string(key.str()), span_of(key.source()), convert(value)});
  }
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    return stands_before(a.name_span, b.name_span);
  });
}

Node convert(const toml::node& from) {
  Node node;
  node.span = span_of(from.source());
  switch (from.type()) {
    case toml::node_type::table:
      node.kind = Node::Kind::Table;
      convert_entries(*from.as_table(), node.entries);
      break;
    case toml::node_type::array:
      node.kind = Node::Kind::Array;
      for (const toml::node& item : *from.as_array()) {
        node.items.push_back(convert(item));
      }
      break;
    case toml::node_type::string:
      node.kind = Node::Kind::String;
      node.text = from.as_string()->get();
      break;
    case toml::node_type::integer:
      node.kind = Node::Kind::Integer;
      node.integer = from.as_integer()->get();
      break;
    case toml::node_type::floating_point:
      node.kind = Node::Kind::Float;
      node.real = from.as_floating_point()->get();
      break;
    case toml::node_type::boolean:
      node.kind = Node::Kind::Boolean;
      node.boolean = from.as_boolean()->get();
      break;
    case toml::node_type::date:
      node.kind = Node::Kind::DateTime;
      node.text = toml_form(from.as_date()->get());
      break;
    case toml::node_type::time:
      node.kind = Node::Kind::DateTime;
      node.text = toml_form(from.as_time()->get());
      break;
    case toml::node_type::date_time:
      node.kind = Node::Kind::DateTime;
      node.text = toml_form(from.as_date_time()->get());
      break;
    case toml::node_type::none:
      break;
  }
  return node;
}

/// What a root-level error points at: the assignments before the first table.
Span root_span(const Node& root) {
  Span span;
  bool is_first = true;
  for (const Entry& entry : root.entries) {
    // Of a `[header]` the region begins at the bracket, before the name.
    if (stands_before(entry.value.span, entry.name_span)) {
      continue;
    }
    if (is_first) {
      span = entry.name_span;
      is_first = false;
    }
    span.end_line = entry.value.span.end_line;
    span.end_column = entry.value.span.end_column;
  }
  return span;
}

/// Text with control characters blanked: a manifest from elsewhere must not steer the terminal.
std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      c = ' ';
    }
  }
  return out;
}

/// The library says "Error while parsing <what>: <why>".
std::string reworded(std::string_view description) {
  constexpr std::string_view kLead = "Error while parsing ";
  if (description.contains("invalid utf-8")) {
    return std::string(kNotUtf8);
  }
  if (!description.starts_with(kLead)) {
    return std::string(description);
  }
  description.remove_prefix(kLead.size());
  const auto colon = description.find(": ");
  if (colon == std::string_view::npos) {
    return fmt::format("invalid {}", printable(description));
  }
  return fmt::format(
      "invalid {}\n{}",
      printable(description.substr(0, colon)),
      printable(description.substr(colon + 2))
  );
}

/// Finds keys with absurdly many dots before the parser builds a tree from them. Follows strings
/// and comments just well enough not to count dots inside them.
class DotCounter {
 public:
  explicit DotCounter(std::string_view text) : text_(text) {}

  [[nodiscard]] std::optional<Span> find_excess() {
    unsigned dots = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        skip_string(c);
        continue;
      }
      if (c == '#') {
        skip_comment();
        continue;
      }
      if (c == '\n' || c == ',' || c == '=' || c == '{' || c == '[') {
        dots = 0;
      } else if (c == '.' && ++dots > kMaxDotsInKey) {
        return Span{.line = line_, .column = 1, .end_line = line_, .end_column = 2};
      }
      advance();
    }
    return std::nullopt;
  }

 private:
  void advance() {
    line_ += text_[at_] == '\n' ? 1 : 0;
    ++at_;
  }
  void skip_comment() {
    while (at_ < text_.size() && text_[at_] != '\n') {
      ++at_;
    }
  }
  void skip_string(char quote) {
    const std::string triple(3, quote);
    const bool is_long = text_.substr(at_).starts_with(triple);
    at_ += is_long ? 3 : 1;
    while (at_ < text_.size()) {
      if (quote == '"' && text_[at_] == '\\' && at_ + 1 < text_.size()) {
        advance();
      } else if (is_long ? text_.substr(at_).starts_with(triple) : text_[at_] == quote) {
        at_ += is_long ? 3 : 1;
        return;
      } else if (!is_long && text_[at_] == '\n') {
        return;  // an unterminated string: the parser will say so
      }
      advance();
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
};

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

std::uint32_t count_characters(std::string_view text) {
  return static_cast<std::uint32_t>(std::ranges::count_if(text, [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

}  // namespace

const Entry* Node::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find(entries, name, &Entry::name);
  return found == entries.end() ? nullptr : &*found;
}

app::Value Node::to_value() const {
  switch (kind) {
    case Kind::String:
    case Kind::DateTime:
      return app::Value(text);
    case Kind::Integer:
      return app::Value(integer);
    case Kind::Float:
      return app::Value(real);
    case Kind::Boolean:
      return app::Value(boolean);
    case Kind::Array: {
      app::Value::Array out;
      out.reserve(items.size());
      for (const Node& item : items) {
        out.push_back(item.to_value());
      }
      return app::Value(std::move(out));
    }
    case Kind::Table: {
      app::Value::Table out;
      out.reserve(entries.size());
      for (const Entry& entry : entries) {
        out.push_back({entry.name, entry.value.to_value()});
      }
      return app::Value(std::move(out));
    }
  }
  return {};
}

Result<Node> parse_document(std::string_view text, std::string_view file_name) {
  if (text.size() > kMaxManifestBytes) {
    return fail(
        ErrorKind::ResourceLimit, "{} is longer than {} bytes", file_name, kMaxManifestBytes
    );
  }
  if (text.starts_with(kWasmMagic)) {
    return Error(ErrorKind::InvalidInput, std::string(kNotUtf8))
        .with_help(fmt::format("{} is a wasm file; it runs if its name ends in .wasm", file_name));
  }
  if (const auto excess = DotCounter(text).find_excess()) {
    return render(
        {.span = *excess, .message = "invalid key\ntoo many dots", .suggestion = {}},
        text,
        file_name
    );
  }
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    Span span = span_of(error.source());
    span.end_line = span.line;
    span.end_column = span.column + 1;
    return render(
        {.span = span, .message = reworded(error.description()), .suggestion = {}}, text, file_name
    );
  }
  Node root = convert(parsed.table());
  root.span = root_span(root);
  return root;
}

Error render(
    const Diagnostic& diagnostic,
    std::string_view text,
    std::string_view file_name,
    std::source_location where
) {
  const Span& span = diagnostic.span;
  const std::string line = printable(line_of(text, span.line));
  const std::string number = fmt::to_string(span.line);
  const std::string gutter(number.size(), ' ');
  const std::uint32_t length = count_characters(line);
  const std::uint32_t end =
      span.end_line == span.line ? span.end_column : std::max(length + 1, span.column + 1);
  // A wrong end must not make a long underline.
  const std::uint32_t last = std::clamp(end, span.column + 1, std::max(length, span.column) + 1);
  std::string message = fmt::format(
      "TOML parse error at line {0}, column {1}\n{2} |\n{0} | {3}\n{2} | {4}{5}\n{6}\n",
      number,
      span.column,
      gutter,
      line,
      std::string(std::min(span.column, length + 1) - 1, ' '),
      std::string(last - span.column, '^'),
      diagnostic.message
  );
  std::string help = fmt::format("see {}:{}:{}", file_name, span.line, span.column);
  if (!diagnostic.suggestion.empty()) {
    help = fmt::format("{}:{}:{}: {}", file_name, span.line, span.column, diagnostic.suggestion);
  }
  return Error(ErrorKind::InvalidInput, std::move(message), where).with_help(std::move(help));
}

}  // namespace whorl::manifest
