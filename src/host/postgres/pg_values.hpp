/// Values between guests and PostgreSQL: parameters as text, results from their binary form.
/// @thread any
#pragma once

#include "base/bytes.hpp"
#include "host/postgres/pg_connection.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace whorl::host::postgres {

using Date = std::tuple<std::int32_t, std::uint8_t, std::uint8_t>;
using Time = std::tuple<std::uint8_t, std::uint8_t, std::uint8_t, std::uint32_t>;
using DateTime = std::tuple<
    std::int32_t,
    std::uint8_t,
    std::uint8_t,
    std::uint8_t,
    std::uint8_t,
    std::uint8_t,
    std::uint32_t>;
template <class T>
using Bound = std::optional<std::tuple<T, v4::RangeBoundKind>>;
template <class T>
using Range = std::tuple<Bound<T>, Bound<T>>;

/// A parameter as the server reads it; nothing for NULL; the error says what is wrong with it.
using Text = std::expected<std::optional<std::string>, std::string>;

[[nodiscard]] Text text_of(bool value);
[[nodiscard]] Text text_of(std::int64_t value);
[[nodiscard]] Text text_of(std::uint64_t value);
[[nodiscard]] Text text_of(float value);
[[nodiscard]] Text text_of(double value);
[[nodiscard]] Text text_of(const std::string& value);
[[nodiscard]] Text text_of(const Bytes& value);
[[nodiscard]] Text text_of(const Date& value);
[[nodiscard]] Text text_of(const Time& value);
[[nodiscard]] Text text_of(const DateTime& value);
[[nodiscard]] Text text_of(const Range<std::int32_t>& value);
[[nodiscard]] Text text_of(const Range<std::int64_t>& value);
[[nodiscard]] Text text_of(const Range<std::string>& value);
[[nodiscard]] Text text_of(const std::vector<std::optional<std::int32_t>>& value);
[[nodiscard]] Text text_of(const std::vector<std::optional<std::int64_t>>& value);
[[nodiscard]] Text text_of(const std::vector<std::optional<std::string>>& value);
[[nodiscard]] Text text_of(const v4::Interval& value);
/// Seconds since 1970 as a point in time.
[[nodiscard]] Text timestamp_text(std::int64_t seconds);

/// Any version's parameter.
template <class Theirs>
[[nodiscard]] Text text_of_parameter(const Theirs& parameter) {
  using Tag = typename Theirs::Tag;
  if constexpr (requires { Tag::Timestamp; }) {
    if (parameter.tag == Tag::Timestamp) {
      return timestamp_text(std::get<std::int64_t>(parameter.payload));
    }
  }
  if constexpr (requires { Tag::Jsonb; }) {
    if (parameter.tag == Tag::Jsonb) {
      return text_of(std::string(as_text(std::get<Bytes>(parameter.payload))));
    }
  }
  return std::visit(
      [](const auto& value) -> Text {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return std::nullopt;
        } else if constexpr (std::is_same_v<T, bool> || !std::is_integral_v<T>) {
          return text_of(value);
        } else if constexpr (std::is_signed_v<T>) {
          return text_of(static_cast<std::int64_t>(value));
        } else {
          return text_of(static_cast<std::uint64_t>(value));
        }
      },
      parameter.payload
  );
}

/// The data type of a column. @param oid  PostgreSQL's number of it
[[nodiscard]] v4::DbDataType data_type(std::uint32_t oid);
/// A value in binary form that is not NULL. @return what is wrong with it
[[nodiscard]] std::expected<v4::DbValue, std::string> decode(std::uint32_t oid, ByteView bytes);

}  // namespace whorl::host::postgres
