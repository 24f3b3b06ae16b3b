#include "build/build_info.hpp"
#include "build/build_run.hpp"
#include "build/stale.hpp"
#include "fs/file.hpp"
#include "fs/test_folder.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>

namespace whorl::build {
namespace {

constexpr std::string_view kManifest = R"(
spin_manifest_version = 2
bogus = "is not our concern here"
[application]
name = "x"
[[trigger.http]]
route = "/"
component = { source = "inline.wasm", files = ["inline/*"] }
[component.b]
source = "b.wasm"
files = ["*.txt", { source = "assets", destination = "/" }]
[component.b.build]
command = ["one", "two"]
workdir = "sub"
watch = ["src/**/*.c"]
[component.a]
source = "a.wasm"
dependencies = { "x:y/z" = { path = "./c.wasm" }, "p:q" = "1.0" }
[component.a.build]
command = "make a"
[component.a.profile.debug]
source = "a-debug.wasm"
build.command = ["make debug"]
[component.c]
source = "c.wasm"
build = ["make c"]
[component.d]
source = { url = "https://example.com/d.wasm", digest = "sha256:0" }
)";

std::string ids_of(const std::vector<ComponentBuild>& components) {
  std::string out;
  for (const ComponentBuild& component : components) {
    out += (out.empty() ? "" : " ") + component.id;
  }
  return out;
}

TEST_CASE("what a manifest says about building") {
  const auto info = parse_build_info(kManifest, "app/spin.toml", "");
  REQUIRE(info);
  CHECK(ids_of(info->components) == "a b c d http-trigger1-component");
  CHECK(
      info->components[0] ==
      ComponentBuild{
          .id = "a", .commands = {"make a"}, .source = "a.wasm", .files = {}, .needs = {"c"}
      }
  );
  CHECK(
      info->components[1] ==
      ComponentBuild{
          .id = "b",
          .commands = {"one", "two"},
          .is_list = true,
          .workdir = "sub",
          .watch = {"src/**/*.c"},
          .source = "b.wasm",
          .files = {"*.txt", "assets"},
          .needs = {}
      }
  );
  CHECK(info->components[2].commands == std::vector<std::string>{"make c"});
  CHECK(info->components[3].source.empty());
  CHECK(info->components[4].files == std::vector<std::string>{"inline/*"});
  CHECK(info->profiles == std::set<std::string>{"debug"});
  CHECK(info->folder() == "app");
  CHECK(info->directory_of(info->components[1]) == "app/sub");
}

TEST_CASE("profiles") {
  const auto info = parse_build_info(kManifest, "spin.toml", "debug");
  REQUIRE(info);
  CHECK(info->components[0].commands == std::vector<std::string>{"make debug"});
  CHECK(info->components[0].source == "a-debug.wasm");
  CHECK(info->folder() == ".");
  CHECK(
      parse_build_info(kManifest, "spin.toml", "nosuch").error().message() ==
      "Profile nosuch is not defined in this application"
  );
}

TEST_CASE("manifest version 1") {
  const auto info = parse_build_info(
      "spin_version = \"1\"\nname = \"x\"\n[[component]]\nid = \"one\"\nsource = \"one.wasm\"\n"
      "[component.build]\ncommand = \"make\"\n",
      "spin.toml",
      ""
  );
  REQUIRE(info);
  CHECK(ids_of(info->components) == "one");
  CHECK(info->components[0].commands == std::vector<std::string>{"make"});
}

TEST_CASE("a list in place of a build has the values of its keys in their order") {
  const auto info = *parse_build_info(
      "[component.a]\nbuild = [['x', 'y'], 'sub', ['*.c']]\n[component.b]\nbuild = ['x', 'sub']\n"
      "[component.c]\nbuild = []\n",
      "spin.toml",
      ""
  );
  CHECK(
      info.components[0] ==
      ComponentBuild{
          .id = "a", .commands = {"x", "y"}, .is_list = true, .workdir = "sub", .watch = {"*.c"}
      }
  );
  CHECK(info.components[1] == ComponentBuild{.id = "b", .commands = {"x"}, .workdir = "sub"});
  CHECK(info.components[2].commands.empty());
}

TEST_CASE("order") {
  const auto info = *parse_build_info(kManifest, "spin.toml", "");
  CHECK(ids_of(*order_builds(info, {})) == "c a b");
  const std::vector<std::string> some{"b", "a"};
  CHECK(ids_of(*order_builds(info, some)) == "b a");
  const std::vector<std::string> wrong{"x", "a", "y"};
  CHECK(order_builds(info, wrong).error().message() == "Unknown component(s) x, y");
  BuildInfo circle;
  circle.components = {
      {.id = "a", .commands = {"x"}, .needs = {"b"}}, {.id = "b", .commands = {"x"}, .needs = {"a"}}
  };
  CHECK(ids_of(*order_builds(circle, {})) == "a b");
}

/// A folder for commands to write in.
class Folder : public fs::test::TestFolder {
 public:
  [[nodiscard]] BuildInfo info() const { return {.manifest_path = path("spin.toml")}; }
};

constexpr BuildOptions kTwoAtOnce{.jobs = 2, .output = BuildOutput::Labelled};

TEST_CASE("commands run in their folder, one component after the other") {
  const Folder folder;
  REQUIRE(fs::create_directories(folder.path("sub")));
  BuildRun run(
      folder.info(),
      {{.id = "a", .commands = {"echo a >> log"}},
       {.id = "b", .commands = {"echo b1 >> ../log", "echo b2 >> ../log"}, .workdir = "sub"},
       {.id = "c", .commands = {"echo c >> log"}}},
      {}
  );
  CHECK(run.run());
  CHECK(folder.text("log") == "a\nb1\nb2\nc\n");
}

TEST_CASE("the first failure ends the build") {
  const Folder folder;
  for (const BuildOptions& options : {BuildOptions{}, kTwoAtOnce}) {
    BuildRun run(
        folder.info(),
        {{.id = "a", .commands = {"exit 3", "echo a > log"}},
         {.id = "b", .commands = {"echo b > log"}, .needs = {"a"}}},
        options
    );
    const auto ended = run.run();
    REQUIRE_FALSE(ended);
    CHECK(ended.error().to_line() == "Build command for component a failed with status Exited(3)");
    CHECK(folder.text("log") == "(none)");
  }
}

TEST_CASE("commands that cannot be started") {
  const Folder folder;
  struct Case {
    std::string workdir;
    bool is_list;
    std::string message;
  };
  for (const Case& at : std::initializer_list<Case>{
           {"nosuch",
            false,
            "Cannot spawn build process 'Single(\"true\")' for component a: No such file or "
            "directory (os error 2)"},
           {"nosuch",
            true,
            "Cannot spawn build process 'Multiple([\"true\"])' for component a: No such file or "
            "directory (os error 2)"},
           {"/tmp", false, "The workdir specified in the application file must be relative."}
       }) {
    CAPTURE(at.message);
    BuildRun run(
        folder.info(),
        {{.id = "a", .commands = {"true"}, .is_list = at.is_list, .workdir = at.workdir}},
        {}
    );
    CHECK(run.run().error().to_line() == at.message);
  }
}

TEST_CASE("independent components are built at once, dependent ones in order") {
  const Folder folder;
  // Each of the first two waits for what the other writes: one at a time would not end.
  BuildRun run(
      folder.info(),
      {{.id = "a", .commands = {"touch a; until [ -e b ]; do sleep 0.01; done"}},
       {.id = "b", .commands = {"touch b; until [ -e a ]; do sleep 0.01; done"}},
       {.id = "c", .commands = {"[ -e a ] && [ -e b ] && touch c"}, .needs = {"a", "b"}}},
      kTwoAtOnce
  );
  CHECK(run.run());
  CHECK(folder.text("c").empty());
}

TEST_CASE("a cancelled build leaves nothing running") {
  const Folder folder;
  {
    BuildRun run(
        folder.info(),
        {{.id = "a", .commands = {"sleep 1000; touch late"}}, {.id = "b", .commands = {"touch b"}}},
        {.jobs = 1, .output = BuildOutput::Labelled, .group = fs::ProcessGroup::Own}
    );
    REQUIRE(run.start());
    CHECK_FALSE(run.is_done());
    run.cancel();
    CHECK(run.is_done());
  }
  CHECK(folder.text("b") == "(none)");
}

TEST_CASE("components whose sources have changed since") {
  const Folder folder;
  const auto touch = [&](std::string_view name, int seconds) {
    const std::string path = folder.path(name);
    REQUIRE(fs::create_directories(std::string(fs::parent(path))));
    REQUIRE(fs::write_file_atomic(path, as_bytes("x")));
    std::filesystem::last_write_time(
        path, std::filesystem::file_time_type() + std::chrono::seconds(seconds)
    );
  };
  BuildInfo info = folder.info();
  info.components = {
      {.id = "a", .commands = {"x"}, .workdir = "sub", .watch = {"src/**/*.c"}, .source = "a.wasm"},
      {.id = "b", .commands = {}, .watch = {"sub/src/**/*.c"}, .source = "a.wasm"},
      {.id = "c", .commands = {"x"}, .watch = {"c.c"}, .source = "missing.wasm"}
  };
  CHECK(stale_components(info).empty());
  touch("a.wasm", 100);
  touch("c.c", 200);
  touch("sub/src/deep/a.c", 100);
  touch("sub/src/deep/a.h", 200);
  CHECK(stale_components(info).empty());
  touch("sub/src/deep/b.c", 101);
  CHECK(stale_components(info) == std::vector<std::string>{"a"});
}

TEST_CASE("the profile built last") {
  const Folder folder;
  const std::string path = folder.path("");
  CHECK(read_last_profile(path).empty());
  REQUIRE(write_last_profile(path, ""));
  CHECK(folder.text(".spin/last-build.txt") == "(none)");
  REQUIRE(write_last_profile(path, "debug"));
  CHECK(read_last_profile(path) == "debug");
  REQUIRE(write_last_profile(path, ""));
  CHECK(folder.text(".spin/last-build.txt") == "<anonymous>");
  CHECK(read_last_profile(path).empty());
}

}  // namespace
}  // namespace whorl::build
