/// Values as JSON, written as serde does it, which is what Spin's readers and tests compare with.
///
/// @spec RFC 8259. @thread any (pure functions)
#pragma once

#include "app/value.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace whorl::app {

enum class JsonStyle : std::uint8_t {
  Compact,  ///< no blanks
  Pretty    ///< two blanks a level, a line for every entry
};
/// Members are written in their order; see sorted(). Infinities and NaN become null.
[[nodiscard]] std::string to_json(const Value& value, JsonStyle style);

/// A JSON string, quotes included. @spec RFC 8259 §7
[[nodiscard]] std::string json_string(std::string_view text);

/// Reads one JSON text. Of equal names the last counts; integers beyond 63 bits become doubles.
/// @param max_bytes  of the text
/// @return errors: InvalidInput (with the offset), ResourceLimit (too long, or deeper than 64)
[[nodiscard]] Result<Value> parse_json(std::string_view text, std::size_t max_bytes);

/// The same with the members of all tables in the order of their names, as Spin writes free maps.
[[nodiscard]] Value sorted(Value value);

}  // namespace whorl::app
