#include "component/code_scan.hpp"

#include "component/test_wasm.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <random>

namespace whorl::component {
namespace {

using testing::vec;
using testing::Wasm;

/// A code section of one function without locals.
Bytes code_of(std::initializer_list<int> instructions) {
  return vec({testing::body(instructions)}).bytes();
}

constexpr CodeFacts kHarmless;
constexpr CodeFacts kTables{.changes_tables = true};
constexpr CodeFacts kSegments{.drops_segments = true};
constexpr CodeFacts kGrows{.grows_memory = true};
constexpr CodeFacts kAnything{.is_understood = false};

TEST_CASE("what code may change is read off its instructions") {
  struct Row {
    const char* what;
    std::initializer_list<int> instructions;
    CodeFacts facts;
  };
  const Row rows[] = {
      {"nothing", {}, kHarmless},
      {"constants whose bytes look like opcodes",
       {0x41, 0x26, 0x1a, 0x42, 0xa6, 0x00, 0x1a},
       kHarmless},
      {"f32 and f64",
       {0x43, 0x26, 0x26, 0x26, 0x26, 0x44, 0x26, 0x26, 0x26, 0x26, 0x26, 0x26, 0x26, 0x26},
       kHarmless},
      {"br_table", {0x41, 0, 0x0e, 2, 0x26, 0x26, 0x00}, kHarmless},
      {"a block of a type", {0x02, 0x7f, 0x41, 0, 0x0b, 0x1a}, kHarmless},
      {"a block of a reference to a type", {0x02, 0x63, 0x26, 0x0b}, kHarmless},
      {"select with types", {0x1c, 1, 0x7f}, kHarmless},
      {"try_table", {0x1f, 0x40, 2, 0x00, 0x26, 0x26, 0x02, 0x26, 0x0b}, kHarmless},
      {"a load with a memory index", {0x28, 0x42, 0x26, 0x26}, kHarmless},
      {"v128.const",
       {0xfd, 12, 0x26, 0x26, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
       kHarmless},
      {"a lane", {0xfd, 21, 0x26}, kHarmless},
      {"a lane load", {0xfd, 84, 0, 0x26, 0x26}, kHarmless},
      {"i8x16.relaxed_swizzle", {0xfd, 0x80, 0x02}, kHarmless},
      {"memory.copy and fill", {0xfc, 10, 0, 0, 0xfc, 11, 0}, kHarmless},
      {"atomics", {0xfe, 0x03, 0x00, 0xfe, 0x10, 2, 0x26}, kHarmless},
      {"table.get and table.size", {0x25, 0, 0xfc, 16, 0}, kHarmless},
      {"table.set", {0x26, 0}, kTables},
      {"table.init", {0xfc, 12, 0, 0}, kTables},
      {"table.copy", {0xfc, 14, 0, 0}, kTables},
      {"table.grow", {0xfc, 15, 0}, kTables},
      {"table.fill", {0xfc, 17, 0}, kTables},
      {"data.drop", {0xfc, 9, 0}, kSegments},
      {"elem.drop", {0xfc, 13, 0}, kSegments},
      {"memory.grow", {0x41, 1, 0x40, 0, 0x1a}, kGrows},
      {"a struct of GC", {0xfb, 0, 0}, kAnything},
      {"an unknown bulk operation", {0xfc, 18, 0}, kAnything},
      {"an unknown vector operation", {0xfd, 0x94, 0x02}, kAnything},
      {"an unknown opcode", {0x27}, kAnything},
      {"an immediate that is cut off", {0x41}, kHarmless},  // takes the body's end for it
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(scan_code(code_of(row.instructions)) == row.facts);
  }
}

TEST_CASE("code that is cut short may do anything") {
  CHECK(scan_code({}) == kHarmless);
  const Bytes whole = code_of({0x41, 0x80, 0x01, 0x1a});
  for (std::size_t size = 1; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(scan_code(ByteView(whole).first(size)).is_understood);
  }
}

TEST_CASE("random code ends the scan and nothing else") {
  const std::uint32_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes(random() % 64);
    for (auto& byte : bytes) {
      byte = static_cast<std::uint8_t>(random());
    }
    (void)scan_code(bytes);
  }
}

}  // namespace
}  // namespace whorl::component
