// Guard pages of the pool's stacks, which our patch of the engine puts in place when a stack is
// first used (third_party/wasmtime/README.md).
#include "engine/fiber.hpp"
#include "engine/test_support.hpp"

#include <doctest/doctest.h>

#include <charconv>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::engine {
namespace {
using namespace test;  // NOLINT(google-build-using-namespace): a test

/// A line of /proc/self/maps.
struct Mapped {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  std::string access;
};

std::vector<Mapped> mapped() {
  std::vector<Mapped> all;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    Mapped one;
    const char* last = line.data() + line.size();
    const char* dash = std::from_chars(line.data(), last, one.begin, 16).ptr;
    const char* space = std::from_chars(dash + 1, last, one.end, 16).ptr;
    one.access = std::string(space + 1, 4);
    all.push_back(one);
  }
  return all;
}

/// Access to what lies right below the mapping that holds an address; empty: nothing is mapped.
std::string below(std::uintptr_t address) {
  const std::vector<Mapped> all = mapped();
  for (const Mapped& stack : all) {
    if (stack.begin <= address && address < stack.end) {
      for (const Mapped& guard : all) {
        if (guard.end == stack.begin) {
          return guard.access;
        }
      }
    }
  }
  return {};
}

TEST_CASE("each stack has a guard page below it, the first time and when it is used again") {
  for (int round = 0; round < 3; ++round) {
    constexpr std::size_t kFibers = 20;
    QueueScheduler scheduler;
    std::vector<std::unique_ptr<Store>> stores;
    std::vector<std::unique_ptr<Fiber>> fibers;
    std::vector<std::uintptr_t> stacks;
    auto body = [&](Fiber& fiber) -> std::expected<void, Trap> {
      stacks.push_back(reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)));
      (void)fiber.park(nullptr);
      return {};
    };
    for (std::size_t i = 0; i < kFibers; ++i) {
      stores.push_back(make_store());
      fibers.push_back(std::make_unique<Fiber>(*stores.back(), scheduler, entry_of(body), &body));
      REQUIRE(scheduler.go(*fibers.back()) == Fiber::State::Parked);
    }
    REQUIRE(stacks.size() == kFibers);
    for (const std::uintptr_t stack : stacks) {
      CHECK(below(stack) == "---p");
    }
    for (const auto& fiber : fibers) {
      fiber->unpark();
    }
    scheduler.run();
  }
}

}  // namespace
}  // namespace whorl::engine
