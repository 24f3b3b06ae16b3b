#include "runtime/fiber_stacks.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace whorl::runtime {
namespace {

std::uint32_t take_all(ComponentFibers& fibers) {
  std::uint32_t taken = 0;
  while (fibers.try_take()) {
    ++taken;
  }
  return taken;
}

TEST_CASE("a component that takes all it can get leaves half of the stacks, and so on") {
  FiberStacks stacks(100);
  ComponentFibers hog(stacks);
  ComponentFibers other(stacks);
  ComponentFibers third(stacks);
  CHECK(take_all(hog) == 50);
  CHECK(hog.held() == 50);
  CHECK(hog.is_scarce());
  CHECK(hog.refusal().find("50 of the host's 100") != std::string::npos);
  CHECK(take_all(other) == 25);
  CHECK(take_all(third) == 13);
  CHECK(stacks.used() == 88);
  // Who is over its share by what others have taken since gets no more, and keeps what it has.
  hog.give_back();
  CHECK_FALSE(hog.try_take());
  for (int i = 0; i < 49; ++i) {
    hog.give_back();
  }
  CHECK(take_all(other) == 19);
  CHECK(hog.held() == 0);
}

TEST_CASE("however many hogs there are, whoever comes next gets a stack") {
  FiberStacks stacks(1000);
  std::vector<std::unique_ptr<ComponentFibers>> hogs;
  for (std::size_t i = 0; i < 9; ++i) {
    hogs.push_back(std::make_unique<ComponentFibers>(stacks));
    CHECK(take_all(*hogs.back()) > 0);
  }
  ComponentFibers neighbour(stacks);
  CHECK_FALSE(neighbour.is_scarce());
  CHECK(neighbour.try_take());
}

TEST_CASE("nothing is handed out of nothing") {
  FiberStacks stacks(0);
  ComponentFibers fibers(stacks);
  CHECK_FALSE(fibers.try_take());
  CHECK(stacks.used() == 0);
}

}  // namespace
}  // namespace whorl::runtime
