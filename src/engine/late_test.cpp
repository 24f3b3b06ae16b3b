#include "engine/late.hpp"

#include "async/blocking_pool.hpp"
#include "engine/code_views.hpp"
#include "engine/test_support.hpp"
#include "fs/test_folder.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>

namespace whorl::engine {
namespace {
using namespace test;  // NOLINT(google-build-using-namespace): a test

EngineOptions small_options() {
  EngineOptions options;
  options.pool_slots = 20;
  return options;
}

Bytes answering_module() {
  ModuleBuilder b;
  b.memory(1);
  b.export_func("answer", type({}, {kI32}), Code().i32_const(42));
  return b.build();
}

/// Finishes or abandons on another thread, after those who wait have had a chance to.
template <class F>
void elsewhere(async::BlockingPool& pool, F work) {
  REQUIRE(pool.submit([work = std::move(work)](async::BlockingPool::Fate) { work(); }));
}

TEST_CASE("a planned engine says what it will be, and can be used once it is made") {
  const auto planned = plan_engine(small_options());
  const auto made = Engine::create(small_options());
  REQUIRE(made);
  CHECK(planned->allocation() == (*made)->allocation());
  CHECK(planned->pool_slots() == (*made)->pool_slots());
  CHECK(planned->allocation_note() == (*made)->allocation_note());
  CHECK(planned->compatibility_key() == (*made)->compatibility_key());
  // A view taken before there is anything to look at.
  const auto hurry = in_a_hurry(planned);
  CHECK(hurry->pool_slots() == planned->pool_slots());

  const whorl::fs::test::TestFolder folder;
  const auto cache = ModuleCache::open(folder.path("code"));
  REQUIRE(cache);
  async::BlockingPool pool(1);
  elsewhere(pool, [planned, &cache] { finish_engine(*planned, &*cache); });
  for (const auto& engine : {hurry, planned}) {
    REQUIRE(wait_until_made(*engine));
    REQUIRE(wait_until_made(*engine));  // for who comes late
    const auto module = Module::compile(*engine, answering_module());
    REQUIRE(module);
    auto store = Store::create(engine, {}, nullptr);
    REQUIRE(store);
    const auto instance = (*store)->instantiate(*module, {});
    REQUIRE(instance);
    std::array<RawVal, 1> slots = {};
    REQUIRE((*store)->call_guest(func_of(**store, *instance, "answer"), slots));
    CHECK(slots[0].i32 == 42);
  }
}

TEST_CASE("who waits for an engine that will not be made is told why") {
  const auto planned = plan_engine(small_options());
  const auto view = in_background(planned);
  async::BlockingPool pool(1);
  elsewhere(pool, [planned] {
    abandon_engine(*planned, fail(ErrorKind::Cancelled, "the program is stopping"));
  });
  for (const auto& engine : {planned, view, planned}) {
    const auto made = wait_until_made(*engine);
    REQUIRE_FALSE(made);
    CHECK(made.error().kind() == ErrorKind::Cancelled);
    CHECK(made.error().message() == "the program is stopping");
  }
}

TEST_CASE("an engine that was made at once is waited for by nobody") {
  CHECK(wait_until_made(*engine()));
  CHECK(wait_until_made(*in_background(engine())));
}

#if defined(__x86_64__)
TEST_CASE("the key names the features that the compiler's own functions see") {
  __builtin_cpu_init();
  const std::string key = engine()->compatibility_key() + " ";
  const auto named = [&key](std::string_view name) {
    return key.find(fmt::format(" {} ", name)) != std::string::npos;
  };
  CHECK(named("sse3") == (__builtin_cpu_supports("sse3") != 0));
  CHECK(named("ssse3") == (__builtin_cpu_supports("ssse3") != 0));
  CHECK(named("sse4.1") == (__builtin_cpu_supports("sse4.1") != 0));
  CHECK(named("sse4.2") == (__builtin_cpu_supports("sse4.2") != 0));
  CHECK(named("popcnt") == (__builtin_cpu_supports("popcnt") != 0));
  CHECK(named("avx") == (__builtin_cpu_supports("avx") != 0));
  CHECK(named("avx2") == (__builtin_cpu_supports("avx2") != 0));
  CHECK(named("fma") == (__builtin_cpu_supports("fma") != 0));
  CHECK(named("bmi") == (__builtin_cpu_supports("bmi") != 0));
  CHECK(named("bmi2") == (__builtin_cpu_supports("bmi2") != 0));
  CHECK(named("lzcnt") == (__builtin_cpu_supports("lzcnt") != 0));
  CHECK(named("avx512f") == (__builtin_cpu_supports("avx512f") != 0));
  CHECK(named("avx512dq") == (__builtin_cpu_supports("avx512dq") != 0));
  CHECK(named("avx512vl") == (__builtin_cpu_supports("avx512vl") != 0));
  CHECK(named("avx512vbmi") == (__builtin_cpu_supports("avx512vbmi") != 0));
  CHECK(named("avx512bitalg") == (__builtin_cpu_supports("avx512bitalg") != 0));
}
#endif

}  // namespace
}  // namespace whorl::engine
