#include "http/pace.hpp"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstdint>

namespace whorl::http {
namespace {

using namespace std::chrono_literals;

constexpr LeastRate kRate{.bytes_per_second = 100, .grace = 5s, .most_saved = 10s};

/// Ticks of a second until a client is too slow that moves so many bytes in each; 0: it never is.
int ticks_of(Pace& pace, const LeastRate& rate, std::uint64_t& moved, std::uint64_t each) {
  constexpr int kMany = 1000;
  for (int tick = 1; tick <= kMany; ++tick) {
    moved += each;
    if (!pace.pass(rate, moved, 1s)) {
      return tick;
    }
  }
  return 0;
}

TEST_CASE("a client that is too slow has its grace and no more") {
  struct Row {
    std::uint64_t each;
    int ticks;
  };
  constexpr std::array<Row, 7> kRows{{
      {0, 6},
      {1, 6},  // 5 s of grace last for 5.05 s
      {50, 11},
      {90, 51},
      {99, 501},
      {100, 0},
      {1'000'000, 0},
  }};
  for (const Row& row : kRows) {
    CAPTURE(row.each);
    Pace pace;
    pace.start();
    std::uint64_t moved = 0;
    CHECK(ticks_of(pace, kRate, moved, row.each) == row.ticks);
  }
}

TEST_CASE("a client that was fast may be slow for a while") {
  Pace pace;
  pace.start();
  std::uint64_t moved = 1'000'000'000;
  // Ten seconds of what it saved, five of grace.
  CHECK(ticks_of(pace, kRate, moved, 0) == 16);
  pace.start();
  moved = 300;
  CHECK(ticks_of(pace, kRate, moved, 0) == 9);
}

TEST_CASE("time in which nobody waits for the client costs it nothing") {
  Pace pace;
  pace.start();
  for (int tick = 0; tick < 1000; ++tick) {
    CHECK(pace.pass(kRate, 0, 0s));
  }
  std::uint64_t moved = 0;
  CHECK(ticks_of(pace, kRate, moved, 0) == 6);
}

TEST_CASE("without a rate nobody is too slow") {
  Pace pace;
  pace.start();
  std::uint64_t moved = 0;
  CHECK(ticks_of(pace, {}, moved, 0) == 0);
}

TEST_CASE("numbers without sense do no harm") {
  Pace pace;
  pace.start();
  constexpr LeastRate kHuge{
      .bytes_per_second = UINT64_MAX,
      .grace = std::chrono::milliseconds::max(),
      .most_saved = std::chrono::milliseconds::max(),
  };
  CHECK(pace.pass(kHuge, UINT64_MAX, std::chrono::milliseconds::max()));
  CHECK_FALSE(pace.pass(kHuge, UINT64_MAX, std::chrono::milliseconds::max()));
}

}  // namespace
}  // namespace whorl::http
