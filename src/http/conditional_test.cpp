#include "http/conditional.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <utility>

namespace whorl::http {
namespace {

const Validators kThis{.etag = "\"abc\"", .modified = 784111777};
constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr std::string_view kEarlier = "Sun, 06 Nov 1994 08:49:36 GMT";

Fields fields(std::initializer_list<std::pair<std::string_view, std::string_view>> lines) {
  Fields out;
  for (const auto& [name, value] : lines) {
    out.append(std::string(name), std::string(value));
  }
  return out;
}

TEST_CASE("dates") {
  CHECK(parse_date(kDate) == 784111777);
  CHECK(parse_date("Thu, 01 Jan 1970 00:00:00 GMT") == 0);
  CHECK(parse_date("Thu, 29 Feb 2024 23:59:59 GMT") == 1709251199);
  for (const std::string_view text : {
           "",
           "Sunday, 06-Nov-94 08:49:37 GMT",
           "Sun Nov  6 08:49:37 1994",
           "Sun, 06 Nov 1994 08:49:37 UTC",
           "Sun, 31 Feb 1994 08:49:37 GMT",
           "Sun, 06 nov 1994 08:49:37 GMT",
           "Sun, 06 Nov 1994 24:49:37 GMT",
           "Sun, -6 Nov 1994 08:49:37 GMT",
           "Sun, 06 Nov 1994 08:49:37 GMT ",
       }) {
    CAPTURE(text);
    CHECK_FALSE(parse_date(text));
  }
}

TEST_CASE("conditions, in the order of the standard") {
  using enum Condition;
  CHECK(evaluate({}, kThis) == Proceed);
  CHECK(evaluate(fields({{"if-none-match", "\"abc\""}}), kThis) == NotModified);
  CHECK(evaluate(fields({{"If-None-Match", "\"x\", W/\"abc\""}}), kThis) == NotModified);
  CHECK(
      evaluate(fields({{"if-none-match", "\"x\""}, {"if-none-match", "*"}}), kThis) == NotModified
  );
  CHECK(evaluate(fields({{"if-none-match", "abc"}}), kThis) == Proceed);
  CHECK(evaluate(fields({{"if-modified-since", kDate}}), kThis) == NotModified);
  CHECK(evaluate(fields({{"if-modified-since", kEarlier}}), kThis) == Proceed);
  CHECK(evaluate(fields({{"if-modified-since", "yesterday"}}), kThis) == Proceed);
  CHECK(
      evaluate(fields({{"if-none-match", "\"x\""}, {"if-modified-since", kDate}}), kThis) == Proceed
  );
  CHECK(evaluate(fields({{"if-match", "\"abc\""}}), kThis) == Proceed);
  CHECK(evaluate(fields({{"if-match", "W/\"abc\""}}), kThis) == PreconditionFailed);
  CHECK(
      evaluate(fields({{"if-match", "\"x\""}, {"if-none-match", "\"abc\""}}), kThis) ==
      PreconditionFailed
  );
  CHECK(evaluate(fields({{"if-unmodified-since", kEarlier}}), kThis) == PreconditionFailed);
  CHECK(evaluate(fields({{"if-unmodified-since", kDate}}), kThis) == Proceed);
  std::string many;
  for (int i = 0; i < 1000; ++i) {
    many += "\"x\",";
  }
  CHECK(evaluate(fields({{"if-none-match", many + "\"abc\""}}), kThis) == Proceed);
}

TEST_CASE("ranges") {
  using Kind = RangeChoice::Kind;
  const auto choose = [](std::string_view range, std::uint64_t size = 100) {
    return choose_range(fields({{"range", range}}), kThis, size);
  };
  const auto part = [](std::uint64_t first, std::uint64_t last) {
    return RangeChoice{.kind = Kind::Part, .range = {first, last}};
  };
  const RangeChoice whole;
  const RangeChoice none{.kind = Kind::Unsatisfiable};
  CHECK(choose("bytes=0-0") == part(0, 0));
  CHECK(choose("BYTES=10-") == part(10, 99));
  CHECK(choose("bytes=10-1000") == part(10, 99));
  CHECK(choose("bytes=-10") == part(90, 99));
  CHECK(choose("bytes=-1000") == part(0, 99));
  CHECK(choose("bytes=99-18446744073709551615") == part(99, 99));
  CHECK(choose("bytes=100-") == none);
  CHECK(choose("bytes=-0") == none);
  CHECK(choose("bytes=0-", 0) == none);
  CHECK(choose("bytes=-5", 0) == none);
  for (const std::string_view text : {
           "bytes",
           "bytes=",
           "bytes=-",
           "bytes=5-4",
           "bytes=a-b",
           "bytes=0-1,5-6",
           "bytes=0-1,",
           "lines=0-1",
           "bytes=18446744073709551616-",
           "bytes=+1-2",
           "bytes=1--2",
           "",
       }) {
    CAPTURE(text);
    CHECK(choose(text) == whole);
  }
  const auto if_range = [&](std::string_view value) {
    return choose_range(fields({{"range", "bytes=1-2"}, {"if-range", value}}), kThis, 100);
  };
  CHECK(if_range("\"abc\"") == part(1, 2));
  CHECK(if_range(kDate) == part(1, 2));
  CHECK(if_range("W/\"abc\"") == whole);
  CHECK(if_range("\"x\"") == whole);
  CHECK(if_range(kEarlier) == whole);
}

TEST_CASE("content codings") {
  const auto accepts = [](std::string_view value) {
    return accepts_coding(fields({{"accept-encoding", value}}), "br");
  };
  CHECK_FALSE(accepts_coding({}, "br"));
  for (const std::string_view text :
       {"br", "gzip, BR", "br;q=0.1", "*", "gzip;q=0, *", "gzip , br ; q=1.000"}) {
    CAPTURE(text);
    CHECK(accepts(text));
  }
  for (const std::string_view text :
       {"", "gzip", "br;q=0", "br;q=0.000", "*;q=0", "br;q=0, *", "*, br;q=0", "brotli", "br;q="}) {
    CAPTURE(text);
    CHECK_FALSE(accepts(text));
  }
}

}  // namespace
}  // namespace whorl::http
