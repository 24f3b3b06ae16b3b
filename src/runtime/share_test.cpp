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
  CHECK(share.is_over(kStart + 7999us));
  CHECK_FALSE(share.is_over(kStart + 8ms));
  // From then on a millisecond is its own again.
  share.charge(kStart + 8ms, 1ms);
  CHECK_FALSE(share.is_over(kStart + 8ms));
  share.charge(kStart + 8ms, 1us);
  CHECK(share.is_over(kStart + 8ms));
}

TEST_CASE("a component's events are likely to be long until sixteen others were not") {
  Share share;
  share.charge(kStart, 249us);
  CHECK_FALSE(share.is_long());
  share.charge(kStart, 250us);
  for (int i = 0; i < 16; ++i) {
    CHECK(share.is_long());
    share.charge(kStart, 249us);
  }
  CHECK_FALSE(share.is_long());
}

TEST_CASE("what was used while nobody else wanted it is forgotten soon") {
  Share share;
  share.charge(kStart, 10s);
  CHECK(share.is_over(kStart));
  CHECK(share.is_over(kStart + 99ms));
  CHECK_FALSE(share.is_over(kStart + 100ms));
}

}  // namespace
}  // namespace whorl::runtime
