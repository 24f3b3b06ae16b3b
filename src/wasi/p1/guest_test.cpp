#include "wasi/p1/guest.hpp"

#include "wasi/p1/test_support.hpp"

#include <doctest/doctest.h>

#include <array>

namespace whorl::wasi::p1 {
namespace {

struct GuestScene : wasi::test::Scene {
  std::array<std::uint8_t, 64> bytes{};
  Guest guest{call.store, MutableByteView(bytes), call.fiber};
};

TEST_CASE("places are checked with more bits than they have") {
  struct Row {
    Ptr ptr;
    std::uint64_t size;
    std::uint32_t alignment;
    bool good;
  };
  for (const Row& row : {
           Row{0, 64, 1, true},
           Row{64, 0, 1, true},
           Row{63, 1, 1, true},
           Row{60, 4, 4, true},
           Row{0, 65, 1, false},
           Row{64, 1, 1, false},
           Row{65, 0, 1, false},
           Row{61, 4, 1, false},
           Row{0xffff'ffff, 1, 1, false},
           Row{0xffff'ffff, 0xffff'ffff, 1, false},
           Row{0xffff'fff8, 8, 8, false},
           Row{1, 0xffff'ffff, 1, false},
           Row{8, ~std::uint64_t{0} - 8, 1, false},
           Row{2, 4, 4, false},
           Row{4, 8, 8, false},
           Row{1, 2, 2, false},
       }) {
    CAPTURE(row.ptr);
    CAPTURE(row.size);
    GuestScene scene;
    CHECK(scene.guest.check(row.ptr, row.size, row.alignment) == row.good);
    CHECK(scene.guest.failed() == !row.good);
  }
}

TEST_CASE("the first failure stays; reads give zero and writes do nothing") {
  GuestScene scene;
  scene.bytes.fill(0xff);
  CHECK(scene.guest.read<std::uint32_t>(62) == 0);
  scene.guest.write(61, std::uint64_t{0});
  CHECK(std::ranges::all_of(scene.bytes, [](std::uint8_t byte) { return byte == 0xff; }));
  REQUIRE(scene.guest.failed());
  const auto trap = scene.guest.take_trap();
  CHECK(trap.kind == engine::TrapKind::HostTrap);
  CHECK(trap.message == "a WASI preview 1 function was given a pointer that is not aligned");
}

TEST_CASE("buffers are bounded in number and bytes, and each is checked") {
  test::P1Scene scene;
  Guest guest(scene.call.store, MutableByteView(scene.bytes), scene.call.fiber);
  SUBCASE("empty ones are left out") {
    const Ptr array = scene.put_buffers({{0, 0}, {8, 3}, {16, 0}, {24, 5}});
    Buffers out;
    guest.read_buffers(array, 4, out);
    REQUIRE(out.items().size() == 2);
    CHECK(out.items()[1].ptr == 24);
    CHECK(out.bytes() == 8);
  }
  SUBCASE("of many only the first are used") {
    const Ptr array = scene.put_buffers(std::vector<Range>(1000, Range{0, 10}));
    Buffers out;
    guest.read_buffers(array, 1000, out);
    CHECK(out.items().size() == Buffers::kMax);
    CHECK(out.bytes() == 2560);
    CHECK_FALSE(guest.failed());
  }
  SUBCASE("an array that is not all there") {
    Buffers out;
    guest.read_buffers(0, 8193, out);
    CHECK(out.items().empty());
    CHECK(guest.failed());
  }
  SUBCASE("an array longer than an address can say") {
    Buffers out;
    guest.read_buffers(0, 0xffff'ffff, out);
    CHECK(guest.failed());
  }
  SUBCASE("a buffer that is not all there empties the rest") {
    const Ptr array = scene.put_buffers({{8, 3}, {65000, 1000}});
    Buffers out;
    guest.read_buffers(array, 2, out);
    CHECK(out.items().empty());
    CHECK(guest.failed());
  }
  SUBCASE("buffers that overlap cannot add up to more than one call moves") {
    std::vector<std::uint8_t> large(std::size_t{1} << 20);
    Guest other(scene.call.store, MutableByteView(large), scene.call.fiber);
    for (Ptr i = 0; i < 256; ++i) {
      other.write<std::uint32_t>(i * 8, 0);
      other.write<std::uint32_t>(i * 8 + 4, 1U << 20);
    }
    Buffers out;
    other.read_buffers(0, 256, out);
    CHECK(out.bytes() == Buffers::kMaxBytes);
    CHECK(out.items().size() == 4);
  }
}

}  // namespace
}  // namespace whorl::wasi::p1
