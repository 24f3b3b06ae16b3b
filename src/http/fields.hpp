/// Field lines of HTTP messages, and the character rules for them.
///
/// @spec RFC 9110 §5 (fields), §5.6.2 (tokens). @thread any (a value, not shared)
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::http {

/// One field line. Names keep the spelling they came with; comparisons ignore ASCII case.
struct Field {
  std::string name;
  std::string value;  ///< bytes without CR, LF and NUL; not necessarily UTF-8
  bool operator==(const Field&) const = default;
};

/// ASCII case-insensitive comparison of field names.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;
/// RFC 9110 §5.6.2: a non-empty token.
[[nodiscard]] bool is_token(std::string_view text) noexcept;
/// RFC 9110 §5.5: no CR, LF, NUL or other control byte except HTAB; no blank at either end.
[[nodiscard]] bool is_field_value(std::string_view text) noexcept;

/// Field lines in the order they were received or are to be sent; names may repeat.
class Fields {
 public:
  [[nodiscard]] const std::vector<Field>& lines() const noexcept { return lines_; }
  [[nodiscard]] std::vector<Field>& lines() noexcept { return lines_; }
  [[nodiscard]] bool empty() const noexcept { return lines_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return lines_.size(); }
  /// The first value of a name.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept
      [[clang::lifetimebound]];
  [[nodiscard]] bool contains(std::string_view name) const noexcept {
    return find(name).has_value();
  }
  void append(std::string name, std::string value) {
    lines_.push_back({std::move(name), std::move(value)});
  }
  /// Removes every line of a name; says how many there were.
  std::size_t remove(std::string_view name);
  /// Sum of name and value lengths, bytes: what a limit is charged with.
  [[nodiscard]] std::size_t total_bytes() const noexcept;

 private:
  std::vector<Field> lines_;
};

}  // namespace whorl::http
