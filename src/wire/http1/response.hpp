/// Writing the head of an HTTP/1.x response.
///
/// @spec RFC 9112 §4 (status line), RFC 9110 §5.6.7 (dates), §15 (status codes). @thread any
#pragma once

#include "wire/http1/request.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace whorl::wire::http1 {

/// The phrase registered for a status; empty for one that is not registered.
[[nodiscard]] std::string_view reason_phrase(std::uint16_t status) noexcept;

/// `HTTP/1.1 200 OK` with its line end. @param status  three digits
void append_status_line(std::string& out, Version version, std::uint16_t status);
/// `name: value` with its line end; the name in lower case. Both must be valid.
void append_field(std::string& out, std::string_view name, std::string_view value);
/// `content-length: n` with its line end.
void append_content_length(std::string& out, std::uint64_t length);

/// A date as HTTP writes it: "Sun, 06 Nov 1994 08:49:37 GMT".
using DateText = std::array<char, 29>;
/// @param seconds  since 1970, of a year up to 9999
[[nodiscard]] DateText format_date(std::int64_t seconds) noexcept;

/// Keeps the text of the present second.
class DateCache {
 public:
  [[nodiscard]] std::string_view at(std::int64_t seconds) noexcept [[clang::lifetimebound]] {
    if (seconds != seconds_) [[unlikely]] {
      seconds_ = seconds;
      text_ = format_date(seconds);
    }
    return {text_.data(), text_.size()};
  }

 private:
  std::int64_t seconds_ = -1;
  DateText text_{};
};

}  // namespace whorl::wire::http1
