#include "host/sqlite/backends/sql_text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace whorl::host::sqlite {
namespace {

constexpr bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

constexpr char upper(char c) noexcept {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

bool is_word(std::string_view text, std::string_view word) noexcept {
  return std::ranges::equal(text, word, {}, upper);
}

/// The text after blanks, semicolons and comments.
std::string_view skip_blanks(std::string_view sql) noexcept {
  while (!sql.empty()) {
    std::size_t count = 0;
    if (sql.starts_with("--")) {
      count = std::min(sql.find('\n'), sql.size());
    } else if (sql.starts_with("/*")) {
      const std::size_t end = sql.find("*/", 2);
      count = end == std::string_view::npos ? sql.size() : end + 2;
    } else if (std::string_view(" \t\r\n\f;\xEF\xBB\xBF").contains(sql.front())) {
      count = 1;
    }
    if (count == 0) {
      break;
    }
    sql.remove_prefix(count);
  }
  return sql;
}

/// Takes the first word, empty if something else comes first.
std::string_view take_word(std::string_view& sql) noexcept {
  sql = skip_blanks(sql);
  std::size_t size = 0;
  while (size < sql.size() && is_letter(sql[size])) {
    ++size;
  }
  const std::string_view word = sql.substr(0, size);
  sql.remove_prefix(size);
  return word;
}

template <std::size_t N>
bool is_any(std::string_view word, const std::array<std::string_view, N>& words) noexcept {
  return std::ranges::any_of(words, [&](std::string_view one) { return is_word(word, one); });
}

constexpr std::array<std::string_view, 10> kSession{
    "BEGIN",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "ATTACH",
    "DETACH",
    "PRAGMA",
    "VACUUM",
};
constexpr std::array<std::string_view, 4> kRows{"INSERT", "REPLACE", "UPDATE", "DELETE"};

/// Whether one of the words that change rows stands anywhere, be it in a string.
bool mentions_rows(std::string_view sql) noexcept {
  for (std::size_t i = 0; i < sql.size();) {
    std::size_t end = i;
    while (end < sql.size() && is_letter(sql[end])) {
      ++end;
    }
    if (is_any(sql.substr(i, end - i), kRows)) {
      return true;
    }
    i = end + 1;
  }
  return false;
}

}  // namespace

Route route_of(std::string_view sql) {
  const std::string_view word = take_word(sql);
  if (is_any(word, kSession)) {
    return Route::Session;
  }
  if (is_word(word, "CREATE")) {
    const std::string_view next = take_word(sql);
    return is_word(next, "TEMP") || is_word(next, "TEMPORARY") ? Route::Session : Route::Write;
  }
  if (is_word(word, "SELECT") || is_word(word, "VALUES") || is_word(word, "EXPLAIN") ||
      word.empty()) {
    return Route::Read;
  }
  if (is_word(word, "WITH")) {
    return mentions_rows(sql) ? Route::Write : Route::Read;
  }
  return Route::Write;
}

bool changes_rows(std::string_view sql) {
  const std::string_view word = take_word(sql);
  return is_any(word, kRows) || (is_word(word, "WITH") && mentions_rows(sql));
}

}  // namespace whorl::host::sqlite
