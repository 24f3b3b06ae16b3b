#include "engine/cpu_budget.hpp"

#include "engine/test_support.hpp"

#include <doctest/doctest.h>

#include <chrono>

namespace whorl::engine {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST_CASE("what a store may use counts from now on") {
  const auto store = test::make_store({}, nullptr);
  allow_cpu(*store, seconds(5));
  CHECK(store->budget().cpu == store->cpu_used() + seconds(5));
  allow_cpu(*store, nanoseconds::max());
  CHECK(store->budget().cpu == nanoseconds::max());
}

}  // namespace
}  // namespace whorl::engine
