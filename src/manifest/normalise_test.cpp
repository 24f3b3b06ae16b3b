#include "manifest/test_support.hpp"

namespace whorl::manifest {
namespace {

TEST_CASE("normalising gives ids") {
  Manifest manifest = good(kHead + R"(
[[trigger.http]]
route = "/1"
component = "r"
[[trigger.http]]
route = "/2"
component = "r"
[[trigger.http]]
route = "/3"
component = { source = "c.wasm", description = "in" }
[[trigger.http]]
route = "/4"
static_response = {}
[[trigger.http]]
id = "Odd id"
route = "/5"
component = { source = "c.wasm" }
[[trigger.http]]
id = "http-trigger2"
route = "/6"
component = "r"
[[trigger.http]]
id = "dup"
route = "/7"
component = "r"
[[trigger.http]]
id = "dup"
route = "/8"
component = { source = "c.wasm" }
[[trigger.http]]
id = "dup"
route = "/9"
component = { source = "c.wasm" }
[[trigger.redis]]
channel = "x"
component = "r"
[[trigger.redis]]
channel = "y"
component = { source = "c.wasm" }
[component.r]
source = "c.wasm"
[component.unused]
source = "c.wasm"
)");
  REQUIRE(normalise(manifest));
  std::vector<std::string> triggers;
  for (const Trigger& trigger : manifest.triggers) {
    triggers.push_back(
        trigger.id + " " + (trigger.component ? std::get<std::string>(*trigger.component) : "-")
    );
  }
  CHECK(
      triggers ==
      std::vector<std::string>{
          "r-http-trigger r",
          "http-trigger1 r",
          "http-trigger3 http-trigger3-component",
          "http-trigger4 -",
          "Odd id inline-component1",
          "http-trigger2 r",
          "dup r",
          "dup dup-component",
          "dup inline-component2",
          "r-redis-trigger r",
          "redis-trigger1 redis-trigger1-component",
      }
  );
  std::vector<std::string> components;
  for (const Component& component : manifest.components) {
    components.push_back(component.id);
  }
  CHECK(
      components ==
      std::vector<std::string>{
          "r",
          "unused",
          "http-trigger3-component",
          "inline-component1",
          "dup-component",
          "inline-component2",
          "redis-trigger1-component",
      }
  );
  CHECK(manifest.components[2].description == "in");
}

TEST_CASE("several components of a trigger are moved out, too") {
  Manifest manifest = good(kHead + R"([[trigger.x]]
component = { source = "0.wasm" }
components = { a = "r", b = [{ source = "1.wasm" }, "r", { source = "2.wasm" }] }
[component.r]
source = "r.wasm"
[component.inline-component2]
source = "r.wasm"
)");
  REQUIRE(normalise(manifest));
  const Trigger& trigger = manifest.triggers.at(0);
  CHECK(std::get<std::string>(*trigger.component) == "inline-component1");
  CHECK(std::get<std::string>(trigger.components.at(1).refs.at(0)) == "inline-component3");
  CHECK(std::get<std::string>(trigger.components.at(1).refs.at(2)) == "inline-component4");
  CHECK(std::get<LocalSource>(manifest.components.at(4).source).path == "2.wasm");
}

TEST_CASE("profiles") {
  const std::string text = kHead + kTrigger + R"([component.r]
source = "x.wasm"
environment = { A = "1", B = "2" }
dependencies = { "a:b/c" = { path = "y", export = "e" }, lib = { path = "z" } }
[component.r.profile.debug]
source = { url = "http://x", digest = "sha256:1" }
environment = { B = "3", C = "4" }
dependencies = { "a:b/c" = { path = "d" }, "x:y" = "1" }
build.command = ["make", "debug"]
[component.s]
source = "s.wasm"
build = { command = "make", workdir = "w" }
profile.release.build.command = "make release"
)";
  Manifest plain = good(text);
  CHECK(defines_profile(plain, "debug"));
  CHECK(defines_profile(plain, "release"));
  CHECK_FALSE(defines_profile(plain, "x"));
  Manifest debug = plain;
  Manifest release = plain;
  REQUIRE(normalise(plain));
  CHECK(plain.components[0].environment.at("B") == "2");
  CHECK_FALSE(plain.components[0].build);

  REQUIRE(normalise(debug, "debug"));
  const Component& r = debug.components[0];
  CHECK(std::get<RemoteSource>(r.source).url == "http://x");
  CHECK(r.environment == std::map<std::string, std::string>{{"A", "1"}, {"B", "3"}, {"C", "4"}});
  REQUIRE(r.dependencies.size() == 3);
  CHECK(std::get<LocalSource>(r.dependencies[0].dependency.source).path == "d");
  CHECK_FALSE(r.dependencies[0].dependency.export_name);
  CHECK(r.dependencies[2].name.text == "x:y");
  REQUIRE(r.build);
  CHECK(r.build->commands == std::vector<std::string>{"make", "debug"});
  CHECK(r.build->is_list);
  CHECK(debug.components[1].build->commands == std::vector<std::string>{"make"});

  REQUIRE(normalise(release, "release"));
  CHECK(release.components[1].build->commands == std::vector<std::string>{"make release"});
  CHECK_FALSE(release.components[1].build->is_list);
  CHECK(release.components[1].build->workdir == "w");
}

}  // namespace
}  // namespace whorl::manifest
