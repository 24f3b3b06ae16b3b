/// The neutral request and response: what server, client and every guest ABI meet in.
///
/// @spec RFC 9110 §6 (messages), §5 (fields). @thread shard
#pragma once

#include "http/body.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
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

enum class Scheme : std::uint8_t { Http, Https };

struct Request {
  std::string method = "GET";  ///< any token, case kept
  Scheme scheme = Scheme::Http;
  std::string authority;             ///< Host field or the target's authority; may be empty
  std::string path_and_query = "/";  ///< as received, nothing decoded
  Fields fields;
  /// Never null once handed to a handler; an absent body is one that has finished.
  std::shared_ptr<BodyPipe> body;
  std::string client_address;  ///< "ip:port"
};

struct Response {
  std::uint16_t status = 200;
  Fields fields;
  /// Never null once responded with.
  std::shared_ptr<BodyPipe> body;
};

}  // namespace whorl::http
