#include "component/wit_lexer.hpp"

#include "component/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace whorl::component::wit {
namespace {

/// A word that means something where it is not escaped.
bool is_keyword(std::string_view word) noexcept {
  static constexpr std::array<std::string_view, 41> kWords = {
      "as",  "async",  "bool",   "borrow",  "char",   "constructor", "enum",    "export",    "f32",
      "f64", "flags",  "from",   "func",    "future", "import",      "include", "interface", "list",
      "map", "option", "own",    "package", "record", "resource",    "result",  "s16",       "s32",
      "s64", "s8",     "static", "stream",  "string", "tuple",       "type",    "u16",       "u32",
      "u64", "u8",     "use",    "variant", "world",
  };
  return std::ranges::find(kWords, word) != kWords.end() || word == "with" ||
         word == "error-context";
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_word(char c) noexcept {
  return is_letter(c) || is_digit(c) || c == '-';
}

}  // namespace

Error wit_error(
    std::string_view file, Place place, std::string_view line, std::string_view message
) {
  const std::string number = fmt::format("{}", place.line);
  const std::string margin(number.size(), ' ');
  const std::size_t column = place.column == 0 ? 0 : place.column - 1;
  return fail(
      ErrorKind::InvalidInput,
      "{}\n{} --> {}:{}:{}\n{}  |\n {} | {}\n{}  | {}^",
      message,
      margin,
      file,
      place.line,
      place.column,
      margin,
      number,
      line,
      margin,
      std::string(std::min(column, line.size()), ' ')
  );
}

void Lexer::step() noexcept {
  if (at_ >= text_.size()) {
    return;
  }
  if (text_[at_] == '\n') {
    ++place_.line;
    place_.column = 1;
  } else {
    ++place_.column;
  }
  ++at_;
}

Result<void> Lexer::skip_comment() {
  const Place begin = place_;
  std::uint32_t depth = 0;
  do {
    if (at_ >= text_.size()) {
      return error(begin, "unterminated block comment");
    }
    const bool opens = at(0) == '/' && at(1) == '*';
    const bool closes = at(0) == '*' && at(1) == '/';
    depth += opens ? 1 : 0;
    depth -= closes ? 1 : 0;
    step();
    if (opens || closes) {
      step();
    }
  } while (depth != 0);
  return {};
}

Result<void> Lexer::skip_blanks() {
  for (;;) {
    const char c = at(0);
    if (at_ < text_.size() && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
      step();
    } else if (c == '/' && at(1) == '/') {
      while (at_ < text_.size() && at(0) != '\n') {
        step();
      }
    } else if (c == '/' && at(1) == '*') {
      WHORL_CHECKED(skip_comment());
    } else {
      return {};
    }
  }
}

Result<void> Lexer::advance() {
  WHORL_CHECKED(skip_blanks());
  next_ = {.kind = Token::Kind::End, .text = {}, .is_escaped = false, .place = place_};
  next_begin_ = at_;
  if (at_ >= text_.size()) {
    return {};
  }
  const std::size_t begin = at_;
  const char c = at(0);
  if (is_letter(c) || (c == '%' && is_letter(at(1)))) {
    next_.kind = Token::Kind::Word;
    next_.is_escaped = c == '%';
    step();
    while (is_word(at(0))) {
      step();
    }
    next_.text = text_.substr(begin, at_ - begin);
    next_.text.remove_prefix(next_.is_escaped ? 1 : 0);
    return {};
  }
  if (is_digit(c)) {
    next_.kind = Token::Kind::Integer;
    while (is_digit(at(0))) {
      step();
    }
    next_.text = text_.substr(begin, at_ - begin);
    return {};
  }
  constexpr std::string_view kMarks = "=,:;(){}<>*@/._";
  if (c == '-' && at(1) == '>') {
    step();
  } else if (!kMarks.contains(c)) {
    return error(place_, fmt::format("unexpected character {:?}", c));
  }
  step();
  next_.kind = Token::Kind::Mark;
  next_.text = text_.substr(begin, at_ - begin);
  return {};
}

Result<Token> Lexer::take() {
  const Token token = next_;
  WHORL_CHECKED(advance());
  return token;
}

Result<bool> Lexer::eat(std::string_view mark) {
  if (!next_.is(mark)) {
    return false;
  }
  WHORL_CHECKED(advance());
  return true;
}

Result<bool> Lexer::eat_keyword(std::string_view word) {
  if (!next_.is_keyword(word)) {
    return false;
  }
  WHORL_CHECKED(advance());
  return true;
}

Result<void> Lexer::expect(std::string_view mark) {
  WHORL_TRY(const bool found, eat(mark));
  return found ? Result<void>() : unexpected(fmt::format("'{}'", mark));
}

Result<void> Lexer::expect_keyword(std::string_view word) {
  WHORL_TRY(const bool found, eat_keyword(word));
  return found ? Result<void>() : unexpected(fmt::format("keyword `{}`", word));
}

Result<std::string> Lexer::name() {
  if (next_.kind != Token::Kind::Word || (!next_.is_escaped && is_keyword(next_.text))) {
    return unexpected("an identifier or string");
  }
  if (!is_label(next_.text)) {
    return error(next_.place, fmt::format("`{}` is not in kebab case", next_.text));
  }
  std::string out(next_.text);
  WHORL_CHECKED(advance());
  return out;
}

Result<std::string> Lexer::version() {
  // Words of WIT are not those of versions: it is read from the text.
  at_ = next_begin_;
  const Place begin = next_.place;
  place_ = begin;
  const std::size_t from = at_;
  while (is_word(at(0)) || at(0) == '+' || (at(0) == '.' && is_word(at(1)))) {
    step();
  }
  std::string out(text_.substr(from, at_ - from));
  if (!parse_semver(out)) {
    return error(begin, fmt::format("`{}` is no version", out));
  }
  WHORL_CHECKED(advance());
  return out;
}

Error Lexer::unexpected(std::string_view expected) const {
  std::string found;
  switch (next_.kind) {
    case Token::Kind::End:
      found = "eof";
      break;
    case Token::Kind::Word:
      found = is_keyword(next_.text) && !next_.is_escaped ? fmt::format("keyword `{}`", next_.text)
                                                          : std::string("an identifier");
      break;
    case Token::Kind::Integer:
      found = "an integer";
      break;
    case Token::Kind::Mark:
      found = fmt::format("'{}'", next_.text);
      break;
  }
  return error(next_.place, fmt::format("expected {}, found {}", expected, found));
}

Error Lexer::error(Place place, std::string_view message) const {
  std::size_t begin = 0;
  for (std::uint32_t line = 1; line < place.line; ++line) {
    begin = text_.find('\n', begin) + 1;
  }
  constexpr std::size_t kShown = 200;
  const std::size_t end = std::min(text_.find('\n', begin), text_.size());
  return wit_error(file_, place, text_.substr(begin, std::min(end - begin, kShown)), message);
}

}  // namespace whorl::component::wit
