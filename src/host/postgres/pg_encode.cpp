#include "host/postgres/pg_values.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <ctime>

namespace whorl::host::postgres {
namespace {

constexpr std::uint32_t kNanosPerMicro = 1000;
constexpr std::uint32_t kNanosPerSecond = 1'000'000'000;

template <class T>
std::string shortest(T value) {
  if (std::isnan(value)) {
    return "NaN";
  }
  if (std::isinf(value)) {
    return value < 0 ? "-Infinity" : "Infinity";
  }
  std::array<char, 64> buffer{};
  const auto [end, code] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), end};
}

/// The year before 1 is 1 BC.
std::expected<std::string, std::string> date_text(
    std::int32_t year, unsigned month, unsigned day, std::string_view time
) {
  if (month < 1 || month > 12 || day < 1 || day > 31) {
    return std::unexpected(fmt::format("invalid date {}-{}-{}", year, month, day));
  }
  const std::int64_t shown = year > 0 ? year : 1 - static_cast<std::int64_t>(year);
  return fmt::format("{:04}-{:02}-{:02}{}{}", shown, month, day, time, year > 0 ? "" : " BC");
}

std::expected<std::string, std::string> time_text(
    unsigned hour, unsigned minute, unsigned second, std::uint32_t nanosecond
) {
  if (hour > 23 || minute > 59 || second > 59 || nanosecond >= kNanosPerSecond) {
    return std::unexpected(fmt::format("invalid time {}:{}:{}.{}", hour, minute, second, nanosecond)
    );
  }
  return fmt::format("{:02}:{:02}:{:02}.{:06}", hour, minute, second, nanosecond / kNanosPerMicro);
}

/// An element of an array or a bound of a range, between quotes.
std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + '"';
}

template <class T>
std::string element(const T& value) {
  if constexpr (std::is_integral_v<T>) {
    return fmt::format("{}", value);
  } else {
    return in_quotes(value);
  }
}

Text checked(std::string text) {
  if (text.find('\0') != std::string::npos) {
    return std::unexpected("a text holds a zero byte, which PostgreSQL has no place for");
  }
  return std::optional(std::move(text));
}

template <class T>
Text range_text(const Range<T>& range) {
  const auto& [lower, upper] = range;
  const auto is_closed = [](const Bound<T>& bound) {
    return bound && std::get<1>(*bound) == v4::RangeBoundKind::Inclusive;
  };
  std::string out = is_closed(lower) ? "[" : "(";
  out += lower ? element(std::get<0>(*lower)) : "";
  out += ',';
  out += upper ? element(std::get<0>(*upper)) : "";
  out += is_closed(upper) ? ']' : ')';
  return checked(std::move(out));
}

template <class T>
Text array_text(const std::vector<std::optional<T>>& values) {
  std::string out = "{";
  for (const auto& value : values) {
    out += out.size() > 1 ? "," : "";
    out += value ? element(*value) : "NULL";
  }
  return checked(out + '}');
}

}  // namespace

Text text_of(bool value) {
  return std::optional<std::string>(value ? "t" : "f");
}
Text text_of(std::int64_t value) {
  return std::optional(fmt::format("{}", value));
}
Text text_of(std::uint64_t value) {
  return std::optional(fmt::format("{}", value));
}
Text text_of(float value) {
  return std::optional(shortest(value));
}
Text text_of(double value) {
  return std::optional(shortest(value));
}
Text text_of(const std::string& value) {
  return checked(value);
}

Text text_of(const Bytes& value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "\\x";
  out.reserve(2 + 2 * value.size());
  for (const std::uint8_t byte : value) {
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 0xfU];
  }
  return std::optional(std::move(out));
}

Text text_of(const Date& value) {
  const auto& [year, month, day] = value;
  return date_text(year, month, day, "");
}

Text text_of(const Time& value) {
  const auto& [hour, minute, second, nanosecond] = value;
  return time_text(hour, minute, second, nanosecond);
}

Text text_of(const DateTime& value) {
  const auto& [year, month, day, hour, minute, second, nanosecond] = value;
  auto time = time_text(hour, minute, second, nanosecond);
  if (!time) {
    return std::unexpected(std::move(time.error()));
  }
  // A column without a time zone ignores it; one with a zone would take the server's.
  return date_text(year, month, day, ' ' + *time + "+00");
}

Text timestamp_text(std::int64_t seconds) {
  const std::time_t point = seconds;
  std::tm parts{};
  if (::gmtime_r(&point, &parts) == nullptr) {
    return std::unexpected("a timestamp is out of range");
  }
  const DateTime value{
      parts.tm_year + 1900,
      parts.tm_mon + 1,
      parts.tm_mday,
      parts.tm_hour,
      parts.tm_min,
      parts.tm_sec,
      0,
  };
  return text_of(value);
}

Text text_of(const Range<std::int32_t>& value) {
  return range_text(value);
}
Text text_of(const Range<std::int64_t>& value) {
  return range_text(value);
}
Text text_of(const Range<std::string>& value) {
  return range_text(value);
}
Text text_of(const std::vector<std::optional<std::int32_t>>& value) {
  return array_text(value);
}
Text text_of(const std::vector<std::optional<std::int64_t>>& value) {
  return array_text(value);
}
Text text_of(const std::vector<std::optional<std::string>>& value) {
  return array_text(value);
}
Text text_of(const v4::Interval& value) {
  return std::optional(
      fmt::format("{} months {} days {} microseconds", value.months, value.days, value.micros)
  );
}

}  // namespace whorl::host::postgres
