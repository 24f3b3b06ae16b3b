#include "telemetry/encoded_span.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::telemetry {
namespace {

// The whole of a span is compared with the general encoder's in otlp/encode_test.cpp.
TEST_CASE("attributes and events, byte by byte") {
  std::string out;
  append_attribute(out, "k", "text");
  CHECK(out == "\x4A\x0B\x0A\x01k\x12\x06\x0A\x04text");
  out.clear();
  append_attribute(out, "n", 300);
  CHECK(out == "\x4A\x08\x0A\x01n\x12\x03\x18\xAC\x02");
  out.clear();
  append_attribute(out, "n", -1);
  CHECK(out == "\x4A\x10\x0A\x01n\x12\x0B\x18\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01");
  out.clear();
  append_attribute(out, "k", "a\xFFz");
  CHECK(
      out ==
      "\x4A\x0C\x0A\x01k\x12\x07\x0A\x05"
      "a\xEF\xBF\xBDz"
  );
  out.clear();
  append_attribute(out, "k", std::string(200, 'x'));
  CHECK(out == "\x4A\xD1\x01\x0A\x01k\x12\xCB\x01\x0A\xC8\x01" + std::string(200, 'x'));
  out.clear();
  append_event(
      out, {.time_ns = 0x0102030405060708, .name = "e", .attributes = {{"n", std::int64_t{1}}}}
  );
  CHECK(
      out ==
      "\x5A\x15\x09\x08\x07\x06\x05\x04\x03\x02\x01\x12\x01"
      "e\x1A\x07\x0A\x01n\x12\x02\x18\x01"
  );
}

}  // namespace
}  // namespace whorl::telemetry
