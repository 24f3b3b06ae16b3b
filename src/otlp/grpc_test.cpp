#include "otlp/grpc.hpp"

#include <doctest/doctest.h>

namespace whorl::otlp {
namespace {

using namespace std::string_view_literals;

TEST_CASE("messages") {
  CHECK(
      to_grpc_message("ab") ==
      "\0\0\0\0\x02"
      "ab"sv
  );
  CHECK(to_grpc_message("") == "\0\0\0\0\0"sv);
  CHECK(to_grpc_message(std::string(0x10203, 'x')).substr(0, 5) == "\0\0\x01\x02\x03"sv);
  const auto read = [](std::string_view text) -> std::string {
    const auto message = read_grpc_message(as_bytes(text));
    return message ? std::string(as_text(*message)) : "none";
  };
  CHECK(read("") == "");
  CHECK(read("\0\0\0\0\0"sv) == "");
  CHECK(
      read("\0\0\0\0\x02"
           "ab"sv) == "ab"
  );
  CHECK(
      read("\0\0\0\0\x02"
           "abc"sv) == "none"
  );
  CHECK(
      read("\0\0\0\0\x03"
           "ab"sv) == "none"
  );
  CHECK(
      read("\x01\0\0\0\x02"
           "ab"sv) == "none"
  );
  CHECK(read("\0\0\0\0"sv) == "none");
  CHECK(read("\0\xff\xff\xff\xff"sv) == "none");
}

TEST_CASE("statuses: which are tried again, and when") {
  // google.rpc.Status{code: 8, details: [Any{RetryInfo{retry_delay: 2.5 s}}]}
  const std::string in_two_seconds =
      "CAgaNgoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIKCggIAhCAyrXuAQ==";
  const std::string in_a_day =
      "CAgaNAoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIICgYIoI0GEAA=";
  const std::string before_now =
      "CAgaOwoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIPCg0I+///////////ARAA";
  const std::string of_another_kind = "CAgaCwoBeBIGCgQIARAA";
  struct Case {
    std::string_view status;
    std::string details;
    std::int64_t wait_ms;  ///< -1: not at all
  };
  for (const Case& c : std::initializer_list<Case>{
           {"0", "", -1},
           {"1", "", 0},
           {"3", "", -1},
           {"8", "", -1},
           {"14", "", 0},
           {"15", "", 0},
           {"", "", -1},
           {"140", "", -1},
           {"14", "!!", 0},
           {"14", std::string(100'000, 'A'), 0},
           {"3", in_two_seconds, -1},
           {"8", in_two_seconds, 2500},
           {"8", in_two_seconds.substr(0, in_two_seconds.size() - 2), 2500},
           {"14", in_two_seconds, 2500},
           {"14", in_a_day, 60'000},
           {"14", before_now, 0},
           {"8", of_another_kind, -1},
           {"8", in_two_seconds.substr(0, 40), -1},
       }) {
    CAPTURE(c.status);
    CAPTURE(c.details);
    const auto wait = retry_of_call(c.status, c.details);
    CHECK((wait ? wait->count() : -1) == c.wait_ms);
  }
}

TEST_CASE("words and times") {
  CHECK(shown_grpc_message("a%20b%2") == "a b%2");
  CHECK(shown_grpc_message("%zz%c3%a4") == "%zz\xc3\xa4");
  CHECK(shown_grpc_message("%ff") == "\xef\xbf\xbd");
  CHECK(shown_grpc_message(std::string(100'000, 'x')).size() < 100'000);
  CHECK(to_grpc_timeout(std::chrono::milliseconds(1500)) == "1500m");
  CHECK(to_grpc_timeout(std::chrono::milliseconds(0)) == "1m");
  CHECK(to_grpc_timeout(std::chrono::hours(1000)) == "99999999m");
}

}  // namespace
}  // namespace whorl::otlp
