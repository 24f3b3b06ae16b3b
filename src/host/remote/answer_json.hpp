/// JSON of services: read within bounds, and looked into without surprises.
///
/// For the sources of backends only; the library's types stay out of other headers.
/// @spec RFC 8259. @thread any
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace boost::json {
class array;
class value;
}  // namespace boost::json

namespace whorl::host::remote {

/// Values in one answer: what bounds the memory that a tree of a short text may take.
inline constexpr std::size_t kMaxJsonValues = std::size_t{8} << 20;

/// @return errors: InvalidInput "no JSON", ResourceLimit (too many values, or nested deeper than
///         64); nothing of the text is in the message
[[nodiscard]] Result<boost::json::value> parse_answer_json(std::string_view text);

/// The member at the end of a path of names; null when there is none.
[[nodiscard]] const boost::json::value* find_value(
    const boost::json::value& root, std::initializer_list<std::string_view> path
) noexcept;
/// The same, when it is a text.
[[nodiscard]] std::optional<std::string_view> find_text(
    const boost::json::value& root, std::initializer_list<std::string_view> path
) noexcept;
/// The same, when it is a whole number that fits; also one written as a text of digits.
[[nodiscard]] std::optional<std::int64_t> find_integer(
    const boost::json::value& root, std::initializer_list<std::string_view> path
) noexcept;
/// The same for counts; negative and too large ones are none.
[[nodiscard]] std::optional<std::uint32_t> find_count(
    const boost::json::value& root, std::initializer_list<std::string_view> path
) noexcept;
/// The items of an array; null when it is none.
[[nodiscard]] const boost::json::array* find_array(
    const boost::json::value& root, std::initializer_list<std::string_view> path
) noexcept;

}  // namespace whorl::host::remote
