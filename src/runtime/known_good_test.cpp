#include "runtime/known_good.hpp"

#include "fs/file.hpp"
#include "fs/test_folder.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::runtime {
namespace {

app::Component component_of(const std::string& path) {
  app::Component component;
  component.id = "c";
  component.source_path = path;
  return component;
}

TEST_CASE("what is known is about one file, one role and one way of linking") {
  // A file that has not changed for long, and is there on every machine.
  const app::Component settled = component_of("/etc/passwd");
  const auto identity = preparation_identity(settled, EntryKind::HttpHandler, {});
  REQUIRE(identity);
  CHECK(preparation_identity(settled, EntryKind::HttpHandler, {}) == identity);
  CHECK(preparation_identity(settled, EntryKind::Command, {}) != identity);
  component::LoadOptions faithful;
  faithful.adapters = component::AdapterMode::AsShipped;
  CHECK(preparation_identity(settled, EntryKind::HttpHandler, faithful) != identity);
  CHECK(
      preparation_identity(component_of("/etc/hostname"), EntryKind::HttpHandler, {}) != identity
  );
}

TEST_CASE("nothing is kept of what is no settled file of its own") {
  const fs::test::TestFolder folder;
  const std::string fresh = folder.write("fresh.wasm", std::string_view("\0asm", 4));
  app::Component inline_bytes = component_of("/etc/passwd");
  inline_bytes.source.inline_bytes = "x";
  app::Component composed = component_of("/etc/passwd");
  composed.dependencies.emplace("a:b/c", app::Dependency{});
  for (const app::Component& component :
       {component_of(fresh),
        component_of("/etc"),
        component_of(folder.path("missing")),
        component_of(""),
        inline_bytes,
        composed}) {
    CHECK_FALSE(preparation_identity(component, EntryKind::HttpHandler, {}));
  }
}

TEST_CASE("a fact is there once it was added") {
  const fs::test::TestFolder folder;
  const auto cache = engine::ModuleCache::open(folder.path());
  REQUIRE(cache);
  const Sha256Digest identity = sha256(as_bytes("one"));
  CHECK_FALSE(is_known_good(*cache, identity));
  remember_good(*cache, identity);
  CHECK(is_known_good(*cache, identity));
  CHECK_FALSE(is_known_good(*cache, sha256(as_bytes("two"))));
}

}  // namespace
}  // namespace whorl::runtime
