#include "fs/file.hpp"
#include "fs/test_folder.hpp"
#include "watch/watch_loop.hpp"
#include "watch/watched_files.hpp"

#include <doctest/doctest.h>
#include <poll.h>

#include <chrono>
#include <filesystem>
#include <span>
#include <string>

namespace whorl::watch {
namespace {

constexpr std::string_view kManifest = R"(spin_manifest_version = 2
[component.a]
source = "out/a.wasm"
files = ["assets/*.txt", { source = "static", destination = "/" }]
[component.a.build]
command = "mkdir -p out && cat src/a.c > out/a.wasm && echo a >> log"
watch = ["src/**/*.c"]
[component.b]
source = "b.wasm"
[component.b.build]
command = "cat b.c > b.wasm && echo b >> log"
watch = ["b.c"]
)";

/// What the changes that are there now mean, in one word each.
std::string take(WatchedFiles& files) {
  pollfd waited{files.descriptor(), POLLIN, 0};
  static_cast<void>(::poll(&waited, 1, 200));
  const ChangedFiles changed = files.take();
  std::string out = changed.manifest ? "manifest " : "";
  for (const std::string& id : changed.components) {
    out += id + " ";
  }
  return out + (changed.artifacts ? "artifacts" : "");
}

TEST_CASE("what a changed file means") {
  const fs::test::TestFolder folder;
  folder.write("spin.toml", kManifest);
  folder.write("src/a.c", "");
  folder.write("b.c", "");
  folder.write("assets/x.txt", "");
  folder.write("static/deep/x", "");
  const auto info = *build::read_build_info(folder.path("spin.toml"), "");
  auto files = WatchedFiles::create();
  REQUIRE(files);
  REQUIRE(files->set_rules(*make_rules(info, {})));
  CHECK(take(*files).empty());

  folder.write("spin.toml", kManifest);
  CHECK(take(*files) == "manifest ");
  folder.write("src/a.c", "1");
  CHECK(take(*files) == "a ");
  folder.write("src/a.h", "1");
  CHECK(take(*files).empty());
  folder.write("b.c", "1");
  CHECK(take(*files) == "b ");
  folder.write("assets/y.txt", "1");
  CHECK(take(*files) == "artifacts");
  folder.write("assets/y.png", "1");
  CHECK(take(*files).empty());
  folder.write("static/deep/x", "1");
  CHECK(take(*files) == "artifacts");
  // Folders that were not there.
  folder.write("src/new/deeper/c.c", "1");
  CHECK(take(*files) == "a ");
  folder.write("src/new/deeper/c.c", "2");
  CHECK(take(*files) == "a ");
  folder.write("out/a.wasm", "1");
  CHECK(take(*files) == "artifacts");
  folder.write("out/a.wasm", "2");
  CHECK(take(*files) == "artifacts");
  std::filesystem::remove(folder.path("b.c"));
  CHECK(take(*files) == "b ");
}

TEST_CASE("without builds and assets only wasm files and the manifest count") {
  const fs::test::TestFolder folder;
  folder.write("spin.toml", kManifest);
  folder.write("src/a.c", "");
  const auto info = *build::read_build_info(folder.path("spin.toml"), "");
  auto files = WatchedFiles::create();
  REQUIRE(files);
  REQUIRE(files->set_rules(*make_rules(info, {.sources = false, .assets = false})));
  folder.write("src/a.c", "1");
  folder.write("assets/x.txt", "1");
  CHECK(take(*files).empty());
  folder.write("b.wasm", "1");
  CHECK(take(*files) == "artifacts");
}

/// Lets the loop work until the application is due, or nothing more happens.
bool until_due(WatchLoop& loop) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (std::chrono::steady_clock::now() < end) {
    pollfd waited{loop.event_fd(), POLLIN, 0};
    if (::poll(&waited, 1, 400) == 0) {
      return false;
    }
    if (loop.is_due()) {
      return true;
    }
  }
  return false;
}

std::unique_ptr<WatchLoop> start(
    const fs::test::TestFolder& folder, bool builds = true, BuildSteps* steps = nullptr
) {
  auto loop = WatchLoop::start(
      {.manifest_path = folder.path("spin.toml"),
       .debounce = std::chrono::milliseconds(10),
       .builds = builds,
       .steps = steps}
  );
  REQUIRE(loop);
  return *std::move(loop);
}

TEST_CASE("builds what changed, then is due") {
  const fs::test::TestFolder folder;
  folder.write("spin.toml", kManifest);
  folder.write("src/a.c", "a1");
  folder.write("b.c", "b1");
  const auto loop = start(folder);
  REQUIRE(until_due(*loop));
  CHECK(folder.text("log") == "a\nb\n");
  CHECK(folder.text("out/a.wasm") == "a1");
  CHECK_FALSE(until_due(*loop));

  folder.write("src/a.c", "a2");
  REQUIRE(until_due(*loop));
  CHECK(folder.text("out/a.wasm") == "a2");
  CHECK(folder.text("log") == "a\nb\na\n");
  CHECK_FALSE(until_due(*loop));
  CHECK(loop->take_problems().empty());
}

TEST_CASE("a failed build is made up for by the next one") {
  const fs::test::TestFolder folder;
  folder.write("spin.toml", kManifest);
  folder.write("b.c", "b1");
  const auto loop = start(folder);  // src/a.c is missing
  CHECK_FALSE(until_due(*loop));
  auto problems = loop->take_problems();
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].to_line() == "Build command for component a failed with status Exited(1)");
  folder.write("src/a.c", "a1");
  REQUIRE(until_due(*loop));
  CHECK(folder.text("log") == "a\nb\n");
}

TEST_CASE("a manifest that changes") {
  const fs::test::TestFolder folder;
  folder.write("spin.toml", kManifest);
  folder.write("src/a.c", "a1");
  folder.write("b.c", "b1");
  const auto loop = start(folder);
  REQUIRE(until_due(*loop));
  // Nothing about building: loaded, not built.
  folder.write("spin.toml", std::string(kManifest) + "[component.b.environment]\nA = 'x'\n");
  REQUIRE(until_due(*loop));
  CHECK(folder.text("log") == "a\nb\n");
  // Not readable: nothing happens.
  folder.write("spin.toml", "[[[");
  CHECK_FALSE(until_due(*loop));
  CHECK(loop->take_problems().size() == 1);
  // A component that is built in another way, and one that is new.
  std::string changed(kManifest);
  changed.replace(changed.find("cat b.c"), 7, "cat  b.c");
  changed += "[component.c]\nsource = \"c.wasm\"\nbuild.command = \"echo c >> log\"\n";
  folder.write("spin.toml", changed);
  REQUIRE(until_due(*loop));
  CHECK(folder.text("log") == "a\nb\nb\nc\n");
  CHECK(loop->unwatched() == std::vector<std::string>{"c"});
}

TEST_CASE("a change during a build starts it again") {
  const fs::test::TestFolder folder;
  folder.write(
      "spin.toml",
      "spin_manifest_version = 2\n[component.a]\nsource = \"a.wasm\"\n[component.a.build]\n"
      "command = \"touch started; while [ -e wait ]; do sleep 0.01; done; cat a.c > a.wasm\"\n"
      "watch = [\"a.c\"]\n"
  );
  folder.write("a.c", "1");
  folder.write("wait", "");
  const auto loop = start(folder);
  CHECK_FALSE(until_due(*loop));  // it waits
  CHECK(folder.text("started").empty());
  std::filesystem::remove(folder.path("wait"));
  folder.write("a.c", "2");
  REQUIRE(until_due(*loop));
  CHECK(folder.text("a.wasm") == "2");
}

class Steps final : public BuildSteps {
 public:
  void prepare(const build::BuildInfo& info, std::span<const build::ComponentBuild> components)
      override {
    CHECK(info.components.size() == 2);
    for (const build::ComponentBuild& component : components) {
      log += component.id;
    }
  }
  [[nodiscard]] Result<void> check() override {
    log += fits ? '+' : '-';
    return fits ? Result<void>() : fail(ErrorKind::InvalidInput, "does not fit");
  }
  std::string log;
  bool fits = true;
};

TEST_CASE("what goes with a build beside the commands") {
  const fs::test::TestFolder folder;
  folder.write("spin.toml", kManifest);
  folder.write("src/a.c", "a1");
  folder.write("b.c", "b1");
  Steps steps;
  const auto loop = start(folder, true, &steps);
  REQUIRE(until_due(*loop));
  CHECK(steps.log == "ab+");
  // Built, but not to be loaded.
  steps.fits = false;
  folder.write("b.c", "b2");
  CHECK_FALSE(until_due(*loop));
  CHECK(steps.log == "ab+b-");
  CHECK(folder.text("b.wasm") == "b2");
  const auto problems = loop->take_problems();
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].to_line() == "does not fit");
  // Mended in the manifest: loaded without being built again.
  steps.fits = true;
  folder.write("spin.toml", std::string(kManifest) + "[component.b.environment]\nA = 'x'\n");
  REQUIRE(until_due(*loop));
  CHECK(steps.log == "ab+b-+");
  // A manifest that does not fit.
  steps.fits = false;
  folder.write("spin.toml", kManifest);
  CHECK_FALSE(until_due(*loop));
  CHECK(steps.log == "ab+b-+-");
  CHECK(folder.text("log") == "a\nb\nb\n");
}

TEST_CASE("without builds nothing is prepared or checked") {
  const fs::test::TestFolder folder;
  folder.write("spin.toml", kManifest);
  Steps steps;
  const auto loop = start(folder, false, &steps);
  REQUIRE(until_due(*loop));
  folder.write("spin.toml", std::string(kManifest) + "[component.b.environment]\nA = 'x'\n");
  REQUIRE(until_due(*loop));
  CHECK(steps.log.empty());
}

TEST_CASE("without builds it is due at once, and when artifacts change") {
  const fs::test::TestFolder folder;
  folder.write("spin.toml", kManifest);
  folder.write("b.wasm", "1");
  const auto loop = start(folder, false);
  REQUIRE(until_due(*loop));
  folder.write("b.c", "x");
  CHECK_FALSE(until_due(*loop));
  folder.write("b.wasm", "2");
  REQUIRE(until_due(*loop));
  CHECK(folder.text("log") == "(none)");
}

}  // namespace
}  // namespace whorl::watch
