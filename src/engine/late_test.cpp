#include "engine/late.hpp"

#include "async/blocking_pool.hpp"
#include "engine/code_views.hpp"
#include "engine/test_support.hpp"
#include "fs/test_folder.hpp"

#include <doctest/doctest.h>

#include <array>

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

}  // namespace
}  // namespace whorl::engine
