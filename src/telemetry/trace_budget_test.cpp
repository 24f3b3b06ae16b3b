#include "telemetry/trace_budget.hpp"

#include <doctest/doctest.h>

#include <cstdint>

namespace whorl::telemetry {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

/// How many of so many attempts at a moment are let through.
std::uint32_t let_through(RateBucket& bucket, std::uint64_t now, std::uint32_t attempts) {
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < attempts; ++i) {
    count += bucket.take(now) ? 1 : 0;
  }
  return count;
}

TEST_CASE("a bucket holds a second's worth and fills at its rate") {
  struct Case {
    std::uint32_t per_second;
    std::uint64_t later_ns;  ///< after it was emptied
    std::uint32_t count;     ///< that are let through then
  };
  for (const Case& c : {
           Case{1000, 0, 0},
           Case{1000, 999'999, 0},
           Case{1000, 1'000'000, 1},
           Case{1000, 10'500'000, 10},
           Case{1000, kSecond, 1000},
           Case{1000, 3600 * kSecond, 1000},
           Case{1, kSecond - 1, 0},
           Case{1, kSecond, 1},
           Case{RateBucket::kMostPerSecond, 5'000, 5},
       }) {
    CAPTURE(c.per_second);
    CAPTURE(c.later_ns);
    RateBucket bucket(c.per_second);
    const std::uint64_t start = 5 * kSecond + 123;
    CHECK(let_through(bucket, start, 2 * c.per_second) == c.per_second);
    CHECK(let_through(bucket, start + c.later_ns, 2 * c.per_second) == c.count);
  }
}

TEST_CASE("a bucket of nothing lets nothing through, and one of too much is the largest") {
  RateBucket none(0);
  CHECK_FALSE(none.take(kSecond));
  RateBucket much(UINT32_MAX);
  CHECK(let_through(much, kSecond, 2 * RateBucket::kMostPerSecond) == RateBucket::kMostPerSecond);
}

TEST_CASE("a steady stream at the rate goes through whole, twice as much by half") {
  RateBucket even(1000);
  RateBucket much(1000);
  std::uint32_t of_even = 0;
  std::uint32_t of_much = 0;
  constexpr std::uint64_t kStep = kSecond / 2000;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    const std::uint64_t now = kSecond + i * kStep;
    of_even += i % 2 == 0 && even.take(now) ? 1 : 0;
    of_much += much.take(now) ? 1 : 0;
  }
  CHECK(of_even == 10'000);
  // Ten seconds, and what was in it at first.
  CHECK(of_much >= 10'999);
  CHECK(of_much <= 11'000);
}

TEST_CASE("a caller whose clock is behind is no way around the bound") {
  RateBucket bucket(10);
  CHECK(let_through(bucket, 5 * kSecond, 20) == 10);
  CHECK(let_through(bucket, 4 * kSecond, 20) == 0);
  CHECK(let_through(bucket, 0, 20) == 0);
}

TEST_CASE("each kind has a bucket of its own, and what is left out is counted") {
  TraceBudget budget(2);
  using Kind = TraceBudget::Kind;
  const auto taken = [&](Kind kind) {
    std::uint32_t count = 0;
    for (int i = 0; i < 100; ++i) {
      count += budget.take(kind, kSecond) ? 1 : 0;
    }
    return count;
  };
  CHECK(taken(Kind::New) == 2);
  CHECK(taken(Kind::Caller) == 10);
  CHECK(taken(Kind::Failed) == 2);
  budget.note_left_out(Kind::New, 3);
  budget.note_left_out(Kind::New, 4);
  budget.note_left_out(Kind::Caller, 5);
  CHECK(budget.left_out(Kind::New) == 7);
  CHECK(budget.left_out(Kind::Caller) == 5);
  CHECK(budget.left_out(Kind::Failed) == 0);
}

}  // namespace
}  // namespace whorl::telemetry
