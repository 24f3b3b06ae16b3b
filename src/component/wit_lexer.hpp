/// Words of WIT text. Private to the room. @thread any (a value for one run)
/// @spec component model, WIT.md "Lexical structure"
#pragma once

#include "base/result.hpp"
#include "component/wit_syntax.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace whorl::component::wit {

struct Token {
  enum class Kind : std::uint8_t { End, Word, Integer, Mark };
  Kind kind = Kind::End;
  std::string_view text;    ///< of a word without its `%`
  bool is_escaped = false;  ///< a word that is no keyword whatever it looks like
  Place place;

  [[nodiscard]] bool is(std::string_view mark) const noexcept {
    return kind == Kind::Mark && text == mark;
  }
  [[nodiscard]] bool is_keyword(std::string_view word) const noexcept {
    return kind == Kind::Word && !is_escaped && text == word;
  }
};

/// Gives one word after the other, one ahead.
class Lexer {
 public:
  Lexer(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  /// Must be called once before peek().
  [[nodiscard]] Result<void> start() { return advance(); }
  [[nodiscard]] const Token& peek() const noexcept { return next_; }
  [[nodiscard]] Result<Token> take();
  /// Takes the token if it is this mark.
  [[nodiscard]] Result<bool> eat(std::string_view mark);
  [[nodiscard]] Result<bool> eat_keyword(std::string_view word);
  [[nodiscard]] Result<void> expect(std::string_view mark);
  [[nodiscard]] Result<void> expect_keyword(std::string_view word);
  /// A name; keywords count where they are escaped.
  [[nodiscard]] Result<std::string> name();
  /// A version, which stands right behind the `@` just taken.
  [[nodiscard]] Result<std::string> version();

  /// "expected `x`, found `y`", at the next token.
  [[nodiscard]] Error unexpected(std::string_view expected) const;
  [[nodiscard]] Error error(Place place, std::string_view message) const;
  [[nodiscard]] std::string_view file() const noexcept { return file_; }

 private:
  [[nodiscard]] Result<void> advance();
  [[nodiscard]] Result<void> skip_blanks();
  [[nodiscard]] Result<void> skip_comment();
  void step() noexcept;
  [[nodiscard]] char at(std::size_t ahead) const noexcept {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  std::string_view text_;
  std::string_view file_;
  std::size_t at_ = 0;
  std::size_t next_begin_ = 0;  ///< of the token that peek() shows
  Place place_;
  Token next_;
};

}  // namespace whorl::component::wit
