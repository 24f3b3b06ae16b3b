#include "wire/http1/response.hpp"

#include <algorithm>
#include <charconv>

namespace whorl::wire::http1 {
namespace {

struct Phrase {
  std::uint16_t status;
  std::string_view text;
};

constexpr std::array<Phrase, 62> kPhrases = {{
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Payload Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {418, "I'm a teapot"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Entity"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {510, "Not Extended"},
    {511, "Network Authentication Required"},
}};

/// Days since 1970 to a date of the Gregorian calendar. Years begin in March here, so that the day
/// which comes and goes is the last one.
struct Date {
  int year;
  unsigned month;  ///< 1 to 12
  unsigned day;
};

Date to_date(std::int64_t days) noexcept {
  constexpr std::int64_t kDaysPerEra = 146'097;  // 400 years
  const std::int64_t since_march_0 = days + 719'468;
  const std::int64_t era = since_march_0 / kDaysPerEra;
  const auto day_of_era = static_cast<unsigned>(since_march_0 - era * kDaysPerEra);
  const unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const unsigned day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned month_from_march = (5 * day_of_year + 2) / 153;
  const unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const int year = static_cast<int>(year_of_era + era * 400) + (month <= 2 ? 1 : 0);
  return {year, month, day_of_year - (153 * month_from_march + 2) / 5 + 1};
}

void put_digits(char* at, unsigned value, int digits) noexcept {
  for (int i = digits - 1; i >= 0; --i) {
    at[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

}  // namespace

std::string_view reason_phrase(std::uint16_t status) noexcept {
  const auto* found = std::ranges::lower_bound(kPhrases, status, {}, &Phrase::status);
  return found != kPhrases.end() && found->status == status ? found->text : std::string_view();
}

void append_status_line(std::string& out, Version version, std::uint16_t status) {
  if (version == Version::Http11 && status == 200) [[likely]] {
    out.append("HTTP/1.1 200 OK\r\n");
    return;
  }
  std::array<char, 13> start{};
  std::copy_n(version == Version::Http11 ? "HTTP/1.1 " : "HTTP/1.0 ", 9, start.data());
  put_digits(start.data() + 9, status, 3);
  start[12] = ' ';
  out.append(start.data(), start.size());
  // Many clients want a phrase, though none is required (RFC 9112 §4).
  out.append(reason_phrase(status)).append("\r\n");
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  const std::size_t before = out.size();
  const std::size_t after = before + name.size() + value.size() + 4;
  if (after > out.capacity()) {
    out.reserve(std::max(after, out.capacity() * 2));
  }
  out.resize_and_overwrite(after, [&](char* text, std::size_t) {
    char* at = std::transform(name.begin(), name.end(), text + before, to_lower);
    at = std::copy_n(": ", 2, at);
    at = std::copy(value.begin(), value.end(), at);
    std::copy_n("\r\n", 2, at);
    return after;
  });
}

void append_content_length(std::string& out, std::uint64_t length) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), length).ptr;
  out.append("content-length: ").append(digits.data(), end).append("\r\n");
}

DateText format_date(std::int64_t seconds) noexcept {
  constexpr std::int64_t kSecondsPerDay = 86'400;
  constexpr std::int64_t kLast = 253'402'300'799;  // the end of 9999
  const std::int64_t clamped = std::clamp<std::int64_t>(seconds, 0, kLast);
  const std::int64_t days = clamped / kSecondsPerDay;
  const auto second = static_cast<unsigned>(clamped % kSecondsPerDay);
  const Date date = to_date(days);
  DateText text;
  std::copy_n("Thu, 00 Jan 0000 00:00:00 GMT", text.size(), text.data());
  std::copy_n(&"ThuFriSatSunMonTueWed"[3 * (days % 7)], 3, text.data());
  std::copy_n(&"JanFebMarAprMayJunJulAugSepOctNovDec"[3 * (date.month - 1)], 3, text.data() + 8);
  put_digits(text.data() + 5, date.day, 2);
  put_digits(text.data() + 12, static_cast<unsigned>(date.year), 4);
  put_digits(text.data() + 17, second / 3600, 2);
  put_digits(text.data() + 20, second / 60 % 60, 2);
  put_digits(text.data() + 23, second % 60, 2);
  return text;
}

}  // namespace whorl::wire::http1
