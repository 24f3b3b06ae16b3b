#include "engine/code_views.hpp"

#include "engine/code_shape.hpp"
#include "engine/engine_impl.hpp"
#include "engine/test_support.hpp"
#include "fs/test_folder.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <filesystem>

namespace whorl::engine {
namespace {
using namespace test;  // NOLINT(google-build-using-namespace): a test
namespace fs = std::filesystem;
using Origin = ModuleCache::Origin;

class TempDir : public whorl::fs::test::TestFolder {
 public:
  [[nodiscard]] ModuleCache open() const {
    auto cache = ModuleCache::open(path("code"));
    REQUIRE(cache);
    return *cache;
  }
  /// Files whose name ends so.
  [[nodiscard]] std::size_t count(std::string_view suffix) const {
    std::size_t found = 0;
    for (const auto& file : fs::directory_iterator(path("code"))) {
      found += file.path().string().ends_with(suffix) ? 1 : 0;
    }
    return found;
  }
};

/// More than kBigCodeBytes of code that costs the compiler little: functions of long rows of
/// constants. `answer` returns what it is given here.
Bytes big_module(std::int32_t answer) {
  constexpr std::int32_t kFunctions = 48;
  constexpr std::int32_t kPerFunction = 4000;
  ModuleBuilder b;
  b.memory(1);
  b.export_func("answer", type({}, {kI32}), Code().i32_const(answer));
  for (std::int32_t f = 0; f < kFunctions; ++f) {
    Code code;
    for (std::int32_t i = 0; i < kPerFunction; ++i) {
      code.i32_const((f << 20) + i).op(0x1a);
    }
    b.export_func("f" + std::to_string(f), type({}, {kI32}), code.i32_const(f));
  }
  return b.build();
}

std::int32_t answer_of(const Module& module) {
  auto store = make_store();
  const auto instance = store->instantiate(module, {});
  REQUIRE(instance);
  std::array<RawVal, 1> slots = {};
  REQUIRE(store->call_guest(func_of(*store, *instance, "answer"), slots));
  return slots[0].i32;
}

TEST_CASE("who is in a hurry gets quick code, which is kept nowhere, and the same answers") {
  const TempDir dir;
  const ModuleCache cache = dir.open();
  const Bytes wasm = big_module(7);
  REQUIRE(code_bytes(wasm) >= kBigCodeBytes);

  const auto hurry = in_a_hurry(engine());
  auto quick = cache.load_or_compile(*hurry, wasm);
  REQUIRE(quick);
  CHECK(quick->note.empty());
  CHECK(has_quick_code(*hurry));
  CHECK(dir.count("") == 0);
  CHECK(answer_of(quick->module) == 7);

  const auto behind = in_background(engine());
  auto optimised = cache.load_or_compile(*behind, wasm);
  REQUIRE(optimised);
  CHECK(optimised->note.empty());
  CHECK(optimised->origin == Origin::Compiled);
  CHECK_FALSE(has_quick_code(*behind));
  CHECK(dir.count(".code") == 1);
  CHECK(dir.count(".functions") == 1);
  // Side by side, as while requests of the first are still under way.
  CHECK(answer_of(optimised->module) == 7);
  CHECK(answer_of(quick->module) == 7);

  const auto later = in_a_hurry(engine());
  auto loaded = cache.load_or_compile(*later, wasm);
  REQUIRE(loaded);
  CHECK(loaded->origin == Origin::Cache);
  CHECK_FALSE(has_quick_code(*later));
  CHECK(ModuleCache::entry_name(*later, wasm) == ModuleCache::entry_name(*engine(), wasm));
}

TEST_CASE("who is in a hurry gets optimised code when most functions are known") {
  const TempDir dir;
  const ModuleCache cache = dir.open();
  REQUIRE(cache.load_or_compile(*engine(), big_module(1)));
  const auto hurry = in_a_hurry(engine());
  auto next = cache.load_or_compile(*hurry, big_module(2));
  REQUIRE(next);
  CHECK(next->origin == Origin::Compiled);
  CHECK_FALSE(has_quick_code(*hurry));
  CHECK(answer_of(next->module) == 2);
  CHECK(dir.count(".code") == 2);
  CHECK(dir.count(".functions") == 2);
}

TEST_CASE("small modules are compiled one way only") {
  const auto hurry = in_a_hurry(engine());
  ModuleBuilder b;
  b.memory(1);
  b.export_func("answer", type({}, {kI32}), Code().i32_const(3));
  auto module = Module::compile(*hurry, b.build());
  REQUIRE(module);
  CHECK_FALSE(has_quick_code(*hurry));
  CHECK(answer_of(*module) == 3);
}

TEST_CASE("views work without a code cache, and say what is not valid") {
  const auto hurry = in_a_hurry(engine());
  auto module = Module::compile(*hurry, big_module(5));
  REQUIRE(module);
  CHECK(has_quick_code(*hurry));
  CHECK(answer_of(*module) == 5);
  Bytes broken = big_module(5);
  broken.back() = 0xff;
  const auto refused = Module::compile(*in_a_hurry(engine()), broken);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind() == ErrorKind::InvalidInput);
}

TEST_CASE("with debug information nothing is quicker") {
  EngineOptions options;
  options.allocation = InstanceAllocation::OnDemand;
  options.debug_info = true;
  const auto engine = Engine::create(options);
  REQUIRE(engine);
  CHECK(in_a_hurry(*engine) == *engine);
}

}  // namespace
}  // namespace whorl::engine
