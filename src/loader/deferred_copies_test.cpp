#include "loader/deferred_copies.hpp"

#include "loader/test_support.hpp"

namespace whorl::loader {
namespace {

TEST_CASE("copies that are deferred are made when they are asked for, once") {
  const TestFolder folder;
  folder.write("app/a.txt", "a");
  folder.write("app/x.wasm", "");
  folder.write(
      "app/spin.toml",
      kHead + kTrigger + "[component.r]\nsource = \"x.wasm\"\nfiles = [\"a.txt\"]\n"
  );
  auto guard = std::make_shared<int>(0);
  auto deferred = std::make_unique<DeferredCopies>(guard);
  CHECK(guard.use_count() == 2);
  const auto app = load_manifest(
      folder.path("app/spin.toml"),
      {.files = FileMounts::Copy, .assets_dir = folder.path("assets"), .deferred = deferred.get()}
  );
  REQUIRE(app);
  REQUIRE((*app)->components.at(0).mounts.size() == 1);
  const std::string host_path = (*app)->components.at(0).mounts[0].host_path;
  CHECK(host_path == folder.path("assets/r"));
  CHECK(folder.tree("assets") == "");

  CHECK(deferred->make("/some/other/mount"));
  CHECK(folder.tree("assets") == "");
  REQUIRE(deferred->make(host_path));
  CHECK(folder.tree("assets") == "r/a.txt");
  folder.write("assets/r/a.txt", "of the guest");
  REQUIRE(deferred->make(host_path));
  CHECK(folder.read("assets/r/a.txt") == "of the guest");
  deferred.reset();
  CHECK(guard.use_count() == 1);
}

TEST_CASE("a file that is gone when it is copied is an error, and the next call tries again") {
  const TestFolder folder;
  folder.write("a.txt", "a");
  DeferredCopies deferred(nullptr);
  deferred.add(folder.path("copies"), {.files = {{"a.txt", folder.path("a.txt")}}});
  std::filesystem::remove(folder.path("a.txt"));
  CHECK_FALSE(deferred.make(folder.path("copies")));
  CHECK_FALSE(deferred.make_all());
  folder.write("a.txt", "again");
  REQUIRE(deferred.make_all());
  CHECK(folder.read("copies/a.txt") == "again");
}

TEST_CASE("what can't be read is an error at once") {
  const TestFolder folder;
  folder.write("a.txt", "a");
  CopyPlan plan{.files = {{"a.txt", folder.path("a.txt")}}};
  CHECK(check_readable(plan, folder.path("copies")));
  plan.files.emplace("b.txt", folder.path("missing"));
  const auto checked = check_readable(plan, folder.path("copies"));
  REQUIRE_FALSE(checked);
  CHECK(checked.error().message() == "No such file or directory (os error 2)");
}

}  // namespace
}  // namespace whorl::loader
