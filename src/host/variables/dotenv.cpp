#include "host/variables/dotenv.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>

namespace whorl::host::variables {
namespace {

constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r';
}
constexpr bool is_name_start(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<DotenvEntries> run() {
    while (at_ < text_.size()) {
      line_begin_ = at_;
      WHORL_CHECKED(line());
      at_ = std::min(at_ + 1, text_.size());
    }
    return std::move(entries_);
  }

 private:
  [[nodiscard]] bool at_line_end() const noexcept {
    return at_ >= text_.size() || text_[at_] == '\n';
  }
  [[nodiscard]] char here() const noexcept { return text_[at_]; }

  void skip_blanks() noexcept {
    while (!at_line_end() && is_blank(here())) {
      ++at_;
    }
  }
  void skip_line() noexcept {
    while (!at_line_end()) {
      ++at_;
    }
  }

  /// Says where, not what: the line may hold a secret, and guests see this message.
  [[nodiscard]] Error wrong() const {
    const auto before = text_.substr(0, line_begin_);
    return fail(
        ErrorKind::InvalidInput,
        "Error parsing line {}, error at line index: {}",
        std::ranges::count(before, '\n') + 1,
        at_ - line_begin_
    );
  }

  Result<void> line() {
    skip_blanks();
    if (at_line_end() || here() == '#') {
      skip_line();
      return {};
    }
    std::string name = take_name();
    if (name == "export" && !at_line_end() && is_blank(here())) {
      skip_blanks();
      if (!at_line_end() && here() != '=') {
        name = take_name();
      }
    }
    skip_blanks();
    if (name.empty() || at_line_end() || here() != '=') {
      return wrong();
    }
    ++at_;
    skip_blanks();
    std::string value;
    WHORL_CHECKED(take_value(value));
    entries_[std::move(name)] = std::move(value);
    return {};
  }

  std::string take_name() {
    const std::size_t begin = at_;
    while (!at_line_end() &&
           (is_name_start(here()) || ((is_digit(here()) || here() == '.') && at_ > begin))) {
      ++at_;
    }
    return std::string(text_.substr(begin, at_ - begin));
  }

  Result<void> take_value(std::string& out) {
    while (!at_line_end() && !is_blank(here())) {
      const char c = here();
      if (c == '\'') {
        WHORL_CHECKED(take_single_quoted(out));
      } else if (c == '"') {
        WHORL_CHECKED(take_double_quoted(out));
      } else {
        WHORL_CHECKED(take_plain(out));
      }
    }
    skip_blanks();
    if (!at_line_end() && here() != '#') {
      return wrong();
    }
    skip_line();
    return {};
  }

  Result<void> take_single_quoted(std::string& out) {
    const auto end = text_.find('\'', at_ + 1);
    if (end == std::string_view::npos) {
      return wrong();
    }
    out += text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return {};
  }

  Result<void> take_double_quoted(std::string& out) {
    ++at_;
    while (at_ < text_.size() && here() != '"') {
      WHORL_CHECKED(take_plain(out));
    }
    if (at_ >= text_.size()) {
      return wrong();
    }
    ++at_;
    return {};
  }

  /// One character, escape or reference.
  Result<void> take_plain(std::string& out) {
    if (here() == '\\') {
      return take_escape(out);
    }
    if (here() == '$') {
      return take_reference(out);
    }
    out += text_[at_++];
    return {};
  }

  Result<void> take_escape(std::string& out) {
    ++at_;
    if (at_ >= text_.size()) {
      return wrong();
    }
    switch (const char c = here()) {
      case 'n':
        out += '\n';
        break;
      case '\\':
      case '\'':
      case '"':
      case '$':
      case ' ':
        out += c;
        break;
      default:
        return wrong();
    }
    ++at_;
    return {};
  }

  Result<void> take_reference(std::string& out) {
    ++at_;
    const bool is_braced = at_ < text_.size() && here() == '{';
    at_ += is_braced ? 1 : 0;
    const std::string name = take_name();
    if (is_braced) {
      if (at_line_end() || here() != '}') {
        return wrong();
      }
      ++at_;
    } else if (name.empty()) {
      out += '$';
      return {};
    }
    if (const char* value = std::getenv(name.c_str()); value != nullptr) {
      out += value;
    } else if (const auto found = entries_.find(name); found != entries_.end()) {
      out += found->second;
    }
    // A chain of references to references would double with every line.
    return out.size() <= kMaxDotenvBytes ? Result<void>() : wrong();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_begin_ = 0;
  DotenvEntries entries_;
};

}  // namespace

Result<DotenvEntries> parse_dotenv(std::string_view text) {
  return Parser(text).run();
}

}  // namespace whorl::host::variables
