#include "component/legacy_abi.hpp"

#include "component/flatten.hpp"
#include "component/interpret.hpp"
#include "engine/types.hpp"

#include <doctest/doctest.h>

namespace whorl::component {
namespace {

TEST_CASE("core types and places of errors are those of the modules of 2022") {
  struct Row {
    const char* module;
    const char* name;
    const char* core_type;
    std::uint32_t error_offset;
  };
  const char* const kSeven = "(i32, i32, i32, i32, i32, i32, i32) -> ()";
  const char* const kFive = "(i32, i32, i32, i32, i32) -> ()";
  const Row rows[] = {
      {"outbound-redis", "publish", kSeven, 1},
      {"outbound-redis", "get", kFive, 4},
      {"outbound-redis", "incr", kFive, 8},
      {"outbound-redis", "execute", kSeven, 4},
      {"outbound-pg", "query", kSeven, 4},
      {"outbound-pg", "execute", kSeven, 8},
      {"outbound-mysql", "execute", kSeven, 4},
      {"llm", "infer", "(i32, i32, i32, i32, i32, i32, f32, i32, f32, i32, f32, i32) -> ()", 4},
      {"llm", "generate-embeddings", kFive, 4},
  };
  Flattener flattener;
  for (const Row& row : rows) {
    CAPTURE(row.module);
    CAPTURE(row.name);
    const LegacyName* import = find_legacy_import(row.module, row.name);
    REQUIRE(import != nullptr);
    const auto shape = legacy_shape(*import);
    REQUIRE(shape);
    CHECK(engine::to_string(flattener.func(*shape, Direction::Lower)) == row.core_type);
    const auto layout = make_layout(*shape);
    REQUIRE(layout);
    CHECK((*layout)->result->parts[1].offset == row.error_offset);
  }
}

TEST_CASE("names that are none of 2022") {
  CHECK(find_legacy_import("key-value", "increment") == nullptr);
  CHECK(find_legacy_import("fermyon:spin/key-value", "get") == nullptr);
  CHECK(find_legacy_export("_start") == nullptr);
  REQUIRE(find_legacy_export("handle-http-request") != nullptr);
  CHECK(find_legacy_export("handle-http-request")->interface == "fermyon:spin/inbound-http");
  CHECK(legacy_shape(*find_legacy_import("key-value", "get")) == nullptr);
}

}  // namespace
}  // namespace whorl::component
