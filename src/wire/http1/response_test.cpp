#include "wire/http1/response.hpp"

#include <doctest/doctest.h>

#include <ctime>
#include <random>

namespace whorl::wire::http1 {
namespace {

std::string status_line(Version version, std::uint16_t status) {
  std::string out;
  append_status_line(out, version, status);
  return out;
}

std::string_view view(const DateText& date) {
  return {date.data(), date.size()};
}

TEST_CASE("status lines") {
  CHECK(status_line(Version::Http11, 200) == "HTTP/1.1 200 OK\r\n");
  CHECK(status_line(Version::Http10, 200) == "HTTP/1.0 200 OK\r\n");
  CHECK(status_line(Version::Http11, 404) == "HTTP/1.1 404 Not Found\r\n");
  CHECK(status_line(Version::Http11, 299) == "HTTP/1.1 299 \r\n");
  CHECK(status_line(Version::Http11, 999) == "HTTP/1.1 999 \r\n");
  CHECK(reason_phrase(511) == "Network Authentication Required");
  CHECK(reason_phrase(99).empty());
  CHECK(reason_phrase(1000).empty());
}

TEST_CASE("fields") {
  std::string out;
  append_field(out, "X-Ab9_", "Value: Kept");
  append_content_length(out, 0);
  append_content_length(out, UINT64_MAX);
  CHECK(
      out == "x-ab9_: Value: Kept\r\ncontent-length: 0\r\ncontent-length: 18446744073709551615\r\n"
  );
}

TEST_CASE("dates") {
  CHECK(view(format_date(784'111'777)) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(view(format_date(0)) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(view(format_date(951'782'400)) == "Tue, 29 Feb 2000 00:00:00 GMT");
  CHECK(view(format_date(-5)) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(view(format_date(INT64_MAX)) == "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST_CASE("dates agree with the C library") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 2000; ++i) {
    const auto seconds = static_cast<std::time_t>(random() % 253'402'300'800ULL);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[64];
    const std::size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    CHECK(view(format_date(seconds)) == std::string_view(text, size));
  }
}

TEST_CASE("the date of a second is made once") {
  DateCache cache;
  CHECK(cache.at(784'111'777) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(cache.at(784'111'777).data() == cache.at(784'111'777).data());
  CHECK(cache.at(784'111'778) == "Sun, 06 Nov 1994 08:49:38 GMT");
}

}  // namespace
}  // namespace whorl::wire::http1
