// Guard pages of the pool's stacks, which our patch of the engine puts in place when a stack is
// first used (third_party/wasmtime/README.md); what stacks keep of the memory they needed.
#include "engine/capi.hpp"
#include "engine/fiber.hpp"
#include "engine/kept_fiber.hpp"
#include "engine/page_tracker.hpp"
#include "engine/stack_trim.hpp"
#include "engine/test_support.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <algorithm>
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

/// Pages in memory of what lies below an address of a stack.
std::size_t resident_below(std::uintptr_t address, std::size_t bytes) {
  const std::uintptr_t end = address & ~(kPageBytes - 1);
  std::vector<unsigned char> pages(bytes / kPageBytes);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of a stack
  REQUIRE(::mincore(reinterpret_cast<void*>(end - bytes), bytes, pages.data()) == 0);
  return static_cast<std::size_t>(std::ranges::count_if(pages, [](unsigned char page) {
    return (page & 1U) != 0;
  }));
}

/// Touches so much of the stack that it stands on.
[[gnu::noinline]] void go_deep(std::size_t bytes) {
  auto* const frame = static_cast<volatile char*>(__builtin_alloca(bytes));
  for (std::size_t at = 0; at < bytes; at += kPageBytes) {
    frame[at] = 1;
  }
}

TEST_CASE("what many fibers at once needed of their stacks is given back with their ends") {
  constexpr std::size_t kFibers = 50;
  constexpr std::size_t kDeep = std::size_t{2} << 20;
  constexpr std::size_t kLooked = kDeep - 4 * kKeptStackBytes;
  struct Way {
    bool keeps_fiber = false;
    bool traps = false;
    bool is_dropped = false;  ///< while it waits
  };
  const std::vector<Way> ways = {{}, {.keeps_fiber = true}, {.traps = true}, {.is_dropped = true}};
  for (const Way& way : ways) {
    QueueScheduler scheduler;
    std::vector<std::unique_ptr<Store>> stores;
    std::vector<std::unique_ptr<Fiber>> fibers;
    std::vector<std::uintptr_t> stacks;
    auto body = [&](Fiber& fiber) -> std::expected<void, Trap> {
      stacks.push_back(capi::stack_pointer() - 2 * kKeptStackBytes);
      go_deep(kDeep);
      (void)fiber.park(nullptr);
      if (way.traps) {
        return std::unexpected(Trap{.kind = TrapKind::Unreachable, .message = "x", .backtrace = {}}
        );
      }
      return {};
    };
    for (std::size_t i = 0; i < kFibers; ++i) {
      stores.push_back(make_store());
      if (way.keeps_fiber) {
        keep_fiber(*stores.back());
      }
      fibers.push_back(std::make_unique<Fiber>(*stores.back(), scheduler, entry_of(body), &body));
      REQUIRE(scheduler.go(*fibers.back()) == Fiber::State::Parked);
    }
    for (const std::uintptr_t stack : stacks) {
      CHECK(resident_below(stack, kLooked) == kLooked / kPageBytes);
    }
    if (!way.is_dropped) {
      for (const auto& fiber : fibers) {
        fiber->unpark();
      }
      scheduler.run();
    }
    fibers.clear();
    stores.clear();
    for (const std::uintptr_t stack : stacks) {
      CHECK(resident_below(stack, kLooked) == 0);
    }
  }
}

TEST_CASE("a fiber that stays with the pages it finds has them again") {
  QueueScheduler scheduler;
  auto store = make_store();
  std::vector<std::uintptr_t> stacks;
  std::vector<std::uint64_t> faults;
  auto body = [&](Fiber&) -> std::expected<void, Trap> {
    stacks.push_back(capi::stack_pointer());
    const std::uint64_t before = faults_of_this_thread();
    go_deep(kKeptStackBytes / 2);
    faults.push_back(faults_of_this_thread() - before);
    return {};
  };
  for (int i = 0; i < 3; ++i) {
    Fiber fiber(*store, scheduler, entry_of(body), &body);
    REQUIRE(scheduler.go(fiber) == Fiber::State::Done);
  }
  CHECK(stacks[1] == stacks[2]);
  CHECK(faults[2] == 0);
}

}  // namespace
}  // namespace whorl::engine
