#include "runtime/share.hpp"

#include <doctest/doctest.h>

namespace whorl::runtime {
namespace {

using namespace std::chrono_literals;

constexpr Share::Clock::time_point kStart{1h};

TEST_CASE("who uses a quarter of the time is not over its share, who uses more is, after a while") {
  Share quarter;
  Share more;
  auto now = kStart;
  for (int i = 0; i < 1000; ++i, now += 400us) {
    quarter.charge(now, 100us);
    more.charge(now, 120us);
    CHECK_FALSE(quarter.is_over(now));
    // 80 us ahead each time: 4 ms, and what the last event is charged, after 45 of them.
    CHECK(more.is_over(now) == (i >= 45));
  }
}

TEST_CASE("one long event is over the share until four times its length has passed") {
  Share share;
  CHECK_FALSE(share.is_over(kStart));
  share.charge(kStart, 2ms);
  CHECK(share.is_over(kStart));
  CHECK(share.is_over(kStart + 3999us));
  CHECK_FALSE(share.is_over(kStart + 4ms));
}

TEST_CASE("what was used while nobody else wanted it is forgotten soon") {
  Share share;
  share.charge(kStart, 10s);
  CHECK(share.is_over(kStart + 95ms));
  CHECK_FALSE(share.is_over(kStart + 96ms));
}

}  // namespace
}  // namespace whorl::runtime
