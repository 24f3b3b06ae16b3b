// Results in PostgreSQL's binary form (its send functions), as sizes and bounds are checked here.
#include "component/utf8.hpp"
#include "host/postgres/pg_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <limits>

namespace whorl::host::postgres {
namespace {

/// Numbers that PostgreSQL gives its types (pg_type.dat).
enum Oid : std::uint32_t {
  kBool = 16,
  kBytea = 17,
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kText = 25,
  kFloat4 = 700,
  kFloat8 = 701,
  kInt4Array = 1007,
  kTextArray = 1009,
  kBpcharArray = 1014,
  kVarcharArray = 1015,
  kInt8Array = 1016,
  kBpchar = 1042,
  kVarchar = 1043,
  kDate = 1082,
  kTime = 1083,
  kTimestamp = 1114,
  kTimestamptz = 1184,
  kInterval = 1186,
  kNumericArray = 1231,
  kNumeric = 1700,
  kUuid = 2950,
  kJsonb = 3802,
  kInt4Range = 3904,
  kNumericRange = 3906,
  kInt8Range = 3926,
};

using Failed = std::unexpected<std::string>;
template <class T>
using Decoded = std::expected<T, std::string>;

constexpr std::string_view kTooShort = "a value is shorter than its type";

/// Takes big-endian numbers from the front.
class Reader {
 public:
  explicit Reader(ByteView bytes) noexcept : left_(bytes) {}

  [[nodiscard]] bool has(std::size_t count) const noexcept { return left_.size() >= count; }
  [[nodiscard]] std::size_t size() const noexcept { return left_.size(); }
  [[nodiscard]] ByteView take(std::size_t count) noexcept {
    const ByteView taken = left_.first(count);
    left_ = left_.subspan(count);
    return taken;
  }
  /// Only when it has() that many bytes.
  template <class T>
  [[nodiscard]] T number() noexcept {
    std::make_unsigned_t<T> value = 0;
    for (const std::uint8_t byte : take(sizeof(T))) {
      value = static_cast<std::make_unsigned_t<T>>((value << 7U << 1U) | byte);
    }
    return static_cast<T>(value);
  }

 private:
  ByteView left_;
};

template <class T>
Decoded<T> whole_number(ByteView bytes) {
  if (bytes.size() != sizeof(T)) {
    return Failed(kTooShort);
  }
  return Reader(bytes).number<T>();
}

Decoded<std::string> text(ByteView bytes) {
  std::string out(as_text(bytes));
  if (!component::is_valid_utf8(out)) {
    return Failed("a text is not UTF-8");
  }
  return out;
}

/// Groups of four decimal digits, how many stand before the point, and how many digits behind it.
Decoded<std::string> numeric(ByteView bytes) {
  constexpr std::uint16_t kNegative = 0x4000;
  constexpr int kGroup = 4;
  Reader reader(bytes);
  if (!reader.has(8)) {
    return Failed(kTooShort);
  }
  const auto groups = reader.number<std::uint16_t>();
  const int weight = reader.number<std::int16_t>();
  const auto sign = reader.number<std::uint16_t>();
  const auto scale = reader.number<std::uint16_t>();
  if (sign == 0xc000) {
    return "NaN";
  }
  if (sign == 0xd000 || sign == 0xf000) {
    return sign == 0xd000 ? "Infinity" : "-Infinity";
  }
  std::vector<std::uint16_t> digits;
  for (std::uint16_t i = 0; i < groups; ++i) {
    if (!reader.has(2)) {
      return Failed(kTooShort);
    }
    digits.push_back(reader.number<std::uint16_t>());
  }
  const auto group = [&](int index) {
    return index >= 0 && index < static_cast<int>(digits.size())
               ? digits[static_cast<std::size_t>(index)]
               : std::uint16_t{0};
  };
  std::string out = sign == kNegative ? "-" : "";
  out += weight < 0 ? "0" : fmt::format("{}", group(0));
  for (int i = 1; i <= weight; ++i) {
    out += fmt::format("{:04}", group(i));
  }
  if (scale > 0) {
    std::string fraction;
    for (int i = weight + 1; static_cast<int>(fraction.size()) < scale; ++i) {
      fraction += i < 0 ? "0000" : fmt::format("{:04}", group(i));
    }
    static_assert(kGroup == 4);
    out += '.' + fraction.substr(0, scale);
  }
  return out;
}

Decoded<std::string> uuid(ByteView bytes) {
  constexpr std::size_t kUuidBytes = 16;
  if (bytes.size() != kUuidBytes) {
    return Failed(kTooShort);
  }
  std::string out;
  for (std::size_t i = 0; i < kUuidBytes; ++i) {
    out += i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
    out += fmt::format("{:02x}", bytes[i]);
  }
  return out;
}

constexpr std::int64_t kMicrosPerDay = 86'400'000'000;

/// @param days  since 2000-01-01
Decoded<Date> to_date(std::int64_t days) {
  constexpr std::int64_t kUnixDays = 10'957;
  constexpr std::int64_t kMostDays = 4'000'000;
  if (days > kMostDays || days < -kMostDays) {
    return Failed("a date is out of range");
  }
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days + kUnixDays}}
  };
  return Date{
      static_cast<int>(date.year()),
      static_cast<std::uint8_t>(static_cast<unsigned>(date.month())),
      static_cast<std::uint8_t>(static_cast<unsigned>(date.day())),
  };
}

/// @param micros  since midnight, less than a day
Time to_time(std::int64_t micros) {
  const std::int64_t seconds = micros / 1'000'000;
  return Time{
      static_cast<std::uint8_t>(seconds / 3600),
      static_cast<std::uint8_t>(seconds / 60 % 60),
      static_cast<std::uint8_t>(seconds % 60),
      static_cast<std::uint32_t>(micros % 1'000'000 * 1000),
  };
}

Decoded<DateTime> to_datetime(std::int64_t micros) {
  std::int64_t days = micros / kMicrosPerDay;
  std::int64_t rest = micros % kMicrosPerDay;
  if (rest < 0) {
    --days;
    rest += kMicrosPerDay;
  }
  const auto date = to_date(days);
  if (!date) {
    return Failed("a timestamp is out of range");
  }
  return std::tuple_cat(*date, to_time(rest));
}

template <class T, class Element>
Decoded<Range<T>> range(ByteView bytes, Element element) {
  constexpr std::uint8_t kEmpty = 0x01;
  constexpr std::uint8_t kLowerClosed = 0x02;
  constexpr std::uint8_t kUpperClosed = 0x04;
  constexpr std::uint8_t kNoLower = 0x08;
  constexpr std::uint8_t kNoUpper = 0x10;
  Reader reader(bytes);
  if (!reader.has(1)) {
    return Failed(kTooShort);
  }
  const auto flags = reader.number<std::uint8_t>();
  if ((flags & kEmpty) != 0) {
    return Failed("an empty range has no form here");
  }
  const auto bound = [&](std::uint8_t none, std::uint8_t closed) -> Decoded<Bound<T>> {
    if ((flags & none) != 0) {
      return Bound<T>();
    }
    if (!reader.has(4)) {
      return Failed(kTooShort);
    }
    const auto size = reader.number<std::uint32_t>();
    if (!reader.has(size)) {
      return Failed(kTooShort);
    }
    Decoded<T> value = element(reader.take(size));
    if (!value) {
      return Failed(std::move(value.error()));
    }
    return Bound<T>(std::tuple(
        *std::move(value),
        (flags & closed) != 0 ? v4::RangeBoundKind::Inclusive : v4::RangeBoundKind::Exclusive
    ));
  };
  auto lower = bound(kNoLower, kLowerClosed);
  if (!lower) {
    return Failed(std::move(lower.error()));
  }
  auto upper = bound(kNoUpper, kUpperClosed);
  if (!upper) {
    return Failed(std::move(upper.error()));
  }
  return Range<T>(*std::move(lower), *std::move(upper));
}

template <class T, class Element>
Decoded<std::vector<std::optional<T>>> array(ByteView bytes, Element element) {
  constexpr std::uint32_t kNull = 0xffff'ffff;
  Reader reader(bytes);
  if (!reader.has(12)) {
    return Failed(kTooShort);
  }
  const auto dimensions = reader.number<std::uint32_t>();
  static_cast<void>(reader.take(8));  // whether there are NULLs; the elements' type
  std::vector<std::optional<T>> out;
  if (dimensions == 0) {
    return out;
  }
  if (dimensions != 1 || !reader.has(8)) {
    return Failed("an array of several dimensions has no form here");
  }
  const auto count = reader.number<std::uint32_t>();
  static_cast<void>(reader.take(4));  // the first index
  // Every element takes four bytes at least.
  out.reserve(std::min<std::size_t>(count, reader.size() / 4));
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!reader.has(4)) {
      return Failed(kTooShort);
    }
    const auto size = reader.number<std::uint32_t>();
    if (size == kNull) {
      out.emplace_back();
      continue;
    }
    if (!reader.has(size)) {
      return Failed(kTooShort);
    }
    Decoded<T> value = element(reader.take(size));
    if (!value) {
      return Failed(std::move(value.error()));
    }
    out.emplace_back(*std::move(value));
  }
  return out;
}

/// A case of the variant with what was decoded.
template <class T, class Make>
Decoded<v4::DbValue> made(Decoded<T> value, Make make) {
  if (!value) {
    return Failed(std::move(value.error()));
  }
  return make(*std::move(value));
}

Decoded<v4::DbValue> decode_time_or_date(std::uint32_t oid, ByteView bytes) {
  using V = v4::DbValue;
  if (oid == kDate) {
    const auto days = whole_number<std::int32_t>(bytes);
    return days ? made(to_date(*days), V::date) : Failed(days.error());
  }
  if (oid == kInterval) {
    Reader reader(bytes);
    if (bytes.size() != 16) {
      return Failed(kTooShort);
    }
    v4::Interval value;
    value.micros = reader.number<std::int64_t>();
    value.days = reader.number<std::int32_t>();
    value.months = reader.number<std::int32_t>();
    return V::interval(value);
  }
  const auto micros = whole_number<std::int64_t>(bytes);
  if (!micros) {
    return Failed(micros.error());
  }
  if (oid != kTime) {
    return made(to_datetime(*micros), V::datetime);
  }
  if (*micros < 0 || *micros >= kMicrosPerDay) {
    return Failed("a time is out of range");
  }
  return V::time(to_time(*micros));
}

Decoded<v4::DbValue> decode_compound(std::uint32_t oid, ByteView bytes) {
  using V = v4::DbValue;
  switch (oid) {
    case kInt4Range:
      return made(range<std::int32_t>(bytes, whole_number<std::int32_t>), V::range_int32);
    case kInt8Range:
      return made(range<std::int64_t>(bytes, whole_number<std::int64_t>), V::range_int64);
    case kNumericRange:
      return made(range<std::string>(bytes, numeric), V::range_decimal);
    case kInt4Array:
      return made(array<std::int32_t>(bytes, whole_number<std::int32_t>), V::array_int32);
    case kInt8Array:
      return made(array<std::int64_t>(bytes, whole_number<std::int64_t>), V::array_int64);
    case kNumericArray:
      return made(array<std::string>(bytes, numeric), V::array_decimal);
    case kTextArray:
    case kVarcharArray:
    case kBpcharArray:
      return made(array<std::string>(bytes, text), V::array_str);
    default:
      return V::unsupported(Bytes(bytes.begin(), bytes.end()));
  }
}

}  // namespace

v4::DbDataType data_type(std::uint32_t oid) {
  using T = v4::DbDataType;
  switch (oid) {
    case kBool:
      return T::boolean();
    case kBytea:
      return T::binary();
    case kInt2:
      return T::int16();
    case kInt4:
      return T::int32();
    case kInt8:
      return T::int64();
    case kFloat4:
      return T::floating32();
    case kFloat8:
      return T::floating64();
    case kText:
    case kVarchar:
    case kBpchar:
      return T::str();
    case kTimestamp:
    case kTimestamptz:
      return T::datetime();
    case kDate:
      return T::date();
    case kTime:
      return T::time();
    case kUuid:
      return T::uuid();
    case kJsonb:
      return T::jsonb();
    case kInterval:
      return T::interval();
    case kNumeric:
      return T::decimal();
    case kInt4Range:
      return T::range_int32();
    case kInt8Range:
      return T::range_int64();
    case kNumericRange:
      return T::range_decimal();
    case kInt4Array:
      return T::array_int32();
    case kInt8Array:
      return T::array_int64();
    case kNumericArray:
      return T::array_decimal();
    case kTextArray:
    case kVarcharArray:
    case kBpcharArray:
      return T::array_str();
    default:
      return T::other(fmt::format("oid {}", oid));
  }
}

std::expected<v4::DbValue, std::string> decode(std::uint32_t oid, ByteView bytes) {
  using V = v4::DbValue;
  switch (oid) {
    case kBool:
      return made(whole_number<std::uint8_t>(bytes), [](std::uint8_t value) {
        return V::boolean(value != 0);
      });
    case kBytea:
      return V::binary(Bytes(bytes.begin(), bytes.end()));
    case kInt2:
      return made(whole_number<std::int16_t>(bytes), V::int16);
    case kInt4:
      return made(whole_number<std::int32_t>(bytes), V::int32);
    case kInt8:
      return made(whole_number<std::int64_t>(bytes), V::int64);
    case kFloat4:
      return made(whole_number<std::uint32_t>(bytes), [](std::uint32_t bits) {
        return V::floating32(std::bit_cast<float>(bits));
      });
    case kFloat8:
      return made(whole_number<std::uint64_t>(bytes), [](std::uint64_t bits) {
        return V::floating64(std::bit_cast<double>(bits));
      });
    case kText:
    case kVarchar:
    case kBpchar:
      return made(text(bytes), V::str);
    case kUuid:
      return made(uuid(bytes), V::uuid);
    case kNumeric:
      return made(numeric(bytes), V::decimal);
    case kJsonb:
      // A version number, then the text.
      if (bytes.empty() || bytes[0] != 1) {
        return Failed("a JSON value has an unknown form");
      }
      return V::jsonb(Bytes(bytes.begin() + 1, bytes.end()));
    case kDate:
    case kTime:
    case kTimestamp:
    case kTimestamptz:
    case kInterval:
      return decode_time_or_date(oid, bytes);
    default:
      return decode_compound(oid, bytes);
  }
}

}  // namespace whorl::host::postgres
