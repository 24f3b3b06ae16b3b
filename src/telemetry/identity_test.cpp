#include "telemetry/identity.hpp"

#include "telemetry/sampler.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::telemetry {
namespace {

constexpr std::string_view kGood = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST_CASE("a traceparent is read as W3C has it") {
  const auto context = parse_traceparent(kGood);
  REQUIRE(context);
  CHECK(to_text(context->trace) == "0af7651916cd43dd8448eb211c80319c");
  CHECK(to_text(context->span) == "b7ad6b7169203331");
  CHECK(context->is_sampled);
  CHECK(to_traceparent(*context) == kGood);
  CHECK_FALSE(
      parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")->is_sampled
  );
  // Other flags are kept out of what is passed on.
  CHECK(
      to_traceparent(*parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff")
      ) == kGood
  );
  // A later version may have more behind.
  CHECK(parse_traceparent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what"));
  CHECK(parse_traceparent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
}

TEST_CASE("what is no traceparent is none") {
  for (const std::string_view text : {
           "",
           "00",
           "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "00-00000000000000000000000000000000-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
           "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
           "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what",
           "0x-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
       }) {
    CAPTURE(text);
    CHECK_FALSE(parse_traceparent(text));
  }
}

TEST_CASE("tracestate is passed on when its form is right") {
  for (const std::string_view text :
       {"a=1", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", " a=1 , b=2", "a=1,,b=2", "1a@b=x"}) {
    CAPTURE(text);
    CHECK(is_tracestate(text));
  }
  std::string many = "a=1";
  for (int i = 0; i < 32; ++i) {
    many += ",a=1";
  }
  const std::string long_one = "a=" + std::string(520, 'x');
  for (const std::string_view text :
       {std::string_view(""),
        std::string_view("a"),
        std::string_view("=1"),
        std::string_view("A=1"),
        std::string_view("a=1\r\nx: y"),
        std::string_view("a="),
        std::string_view(many),
        std::string_view(long_one)}) {
    CAPTURE(text);
    CHECK_FALSE(is_tracestate(text));
  }
}

TEST_CASE("request ids of clients") {
  CHECK(is_request_id("6f1c3d2e-1a2b"));
  CHECK(is_request_id("Root=1-67891233-abcdef012345678912345678"));
  CHECK(is_request_id(std::string(kMaxRequestId, 'a')));
  for (const std::string_view text : {"", "a b", "a\"b", "a\nb", "\xC3\xA9", "a\\b"}) {
    CAPTURE(text);
    CHECK_FALSE(is_request_id(text));
  }
  CHECK_FALSE(is_request_id(std::string(kMaxRequestId + 1, 'a')));
}

TEST_CASE("identities differ and are never zero") {
  IdSource a;
  IdSource b;
  CHECK(a.next_trace().is_valid());
  CHECK(a.next_span().is_valid());
  CHECK(a.next_trace() != a.next_trace());
  CHECK(a.next_trace() != b.next_trace());
  IdSource known(1);
  IdSource again(1);
  CHECK(known.next_trace() == again.next_trace());
}

TEST_CASE("sampling") {
  const SpanContext sampled{.trace = {1, 2}, .span = {3}, .is_sampled = true};
  const SpanContext unsampled{.trace = {1, 2}, .span = {3}, .is_sampled = false};
  const auto all = Sampler::with_ratio(1, true);
  CHECK(all.is_sampled({1, ~std::uint64_t{0}}, std::nullopt));
  CHECK(all.is_sampled({1, 2}, sampled));
  CHECK_FALSE(all.is_sampled({1, 2}, unsampled));
  const auto none = Sampler::with_ratio(0, false);
  CHECK_FALSE(none.is_sampled({1, 0}, sampled));
  const auto half = Sampler::with_ratio(0.5, true);
  CHECK(half.is_sampled({1, 0x7FFF'FFFF'FFFF'FFFF}, std::nullopt));
  CHECK_FALSE(half.is_sampled({1, 0x8000'0000'0000'0000}, std::nullopt));
}

}  // namespace
}  // namespace whorl::telemetry
