#include "fs/file_events.hpp"

#include "fs/test_folder.hpp"

#include <doctest/doctest.h>
#include <poll.h>

#include <filesystem>
#include <set>

namespace whorl::fs {
namespace {

std::set<std::string> paths_of(FileEvents& events) {
  pollfd waited{events.descriptor(), POLLIN, 0};
  REQUIRE(::poll(&waited, 1, 10'000) == 1);
  std::set<std::string> out;
  for (const auto& change : events.take().changes) {
    out.insert(change.path);
  }
  return out;
}

TEST_CASE("what happens in a folder") {
  const test::TestFolder folder;
  auto events = FileEvents::create();
  REQUIRE(events);
  REQUIRE(events->watch(folder.path()));
  REQUIRE(events->watch(folder.path()));
  CHECK(events->is_watched(folder.path()));
  CHECK(events->take().changes.empty());

  const std::string file = folder.path("file");
  // Written beside it and renamed over it, as editors do.
  REQUIRE(write_file_atomic(file, as_bytes("x")));
  CHECK(paths_of(*events).contains(file));
  CHECK(events->take().changes.empty());

  REQUIRE(create_directories(folder.path("sub")));
  const auto made = events->take();
  REQUIRE(made.changes.size() == 1);
  CHECK(made.changes[0].path == folder.path("sub"));
  CHECK(made.changes[0].is_folder);

  std::filesystem::remove(file);
  CHECK(paths_of(*events) == std::set<std::string>{file});

  events->clear();
  CHECK_FALSE(events->is_watched(folder.path()));
  REQUIRE(write_file_atomic(file, as_bytes("y")));
  CHECK(events->take().changes.empty());
}

TEST_CASE("a folder that goes away can be watched again") {
  const test::TestFolder folder;
  const std::string sub = folder.path("sub");
  auto events = FileEvents::create();
  REQUIRE(events);
  CHECK(events->watch(sub).error().kind() == ErrorKind::NotFound);
  REQUIRE(create_directories(sub));
  REQUIRE(events->watch(sub));
  std::filesystem::remove_all(sub);
  CHECK(paths_of(*events) == std::set<std::string>{sub});
  CHECK_FALSE(events->is_watched(sub));
  REQUIRE(create_directories(sub));
  REQUIRE(events->watch(sub));
}

}  // namespace
}  // namespace whorl::fs
