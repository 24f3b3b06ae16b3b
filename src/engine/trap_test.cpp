#include "engine/trap.hpp"

#include <doctest/doctest.h>

namespace whorl::engine {
namespace {

TEST_CASE("the root cause of the engine's messages") {
  struct Case {
    const char* message;
    const char* cause;
  };
  const std::vector<Case> cases = {
      {"", ""},
      {"plain", "plain"},
      {"first\nsecond", "first"},
      {"outer\n\nCaused by:\n    inner", "inner"},
      {"outer\n\nCaused by:\n    0: middle\n    1: root cause: x\n", "root cause: x"},
      {"error while executing at wasm backtrace:\n    0:  0x2f - <unknown>!f\n\nCaused by:\n    "
       "maximum concurrent limit of 3 for stacks reached",
       "maximum concurrent limit of 3 for stacks reached"},
      {"outer\n\nCaused by:\n", ""},
      {"outer\n\nCaused by:\n    12", "12"},
  };
  for (const Case& c : cases) {
    CHECK(capi::root_cause(c.message) == c.cause);
  }
}

TEST_CASE("names are demangled where that is known") {
  CHECK(
      demangled("_ZN4core6option13expect_failed17h0123456789abcdefE") ==
      "core::option::expect_failed"
  );
  CHECK(
      demangled("_ZNSt6vectorIiSaIiEE4sizeEv") == "std::vector<int, std::allocator<int> >::size()"
  );
  CHECK(demangled("__original_main") == "__original_main");
  CHECK(demangled("_Zbroken") == "_Zbroken");
  CHECK(demangled("_RNvC3app4main") == "_RNvC3app4main");
  CHECK(demangled("") == "");
}

TEST_CASE("durations read well") {
  using namespace std::chrono_literals;
  CHECK(duration_text(30s) == "30 s");
  CHECK(duration_text(1500ms) == "1.5 s");
  CHECK(duration_text(250ms) == "250 ms");
  CHECK(duration_text(40us) == "40 us");
  CHECK(duration_text(0s) == "0 s");
  CHECK(duration_text(600s) == "600 s");
}

TEST_CASE("types read as people write them") {
  CHECK(to_string(FuncType{}) == "() -> ()");
  CHECK(to_string(FuncType{{ValType::I32, ValType::F64}, {ValType::I64}}) == "(i32, f64) -> i64");
  CHECK(to_string(FuncType{{}, {ValType::V128, ValType::Other}}) == "() -> (v128, ref)");
  CHECK(to_string(TrapKind::CpuBudget) == "cpu-budget");
}

}  // namespace
}  // namespace whorl::engine
