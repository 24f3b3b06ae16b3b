#include "manifest/test_support.hpp"

namespace whorl::manifest {
namespace {

TEST_CASE("wrong things in a component") {
  const std::string kebab_snake = " expected kebab-case or snake_case";
  const Row rows[] = {
      {"description=7", "9:13 1 invalid type: integer `7`, expected a string"},
      {"variables={a=7}", "9:14 1 invalid type: integer `7`, expected a string"},
      {"variables={Bad=\"x\"}",
       "9:12 3 '_'-separated words must be all lowercase or all UPPERCASE; got \"Bad\""},
      {"environment={a=7}", "9:16 1 invalid type: integer `7`, expected a string"},
      {"environment=7", "9:13 1 invalid type: integer `7`, expected a map"},
      {"files=7", "9:7 1 invalid type: integer `7`, expected a sequence"},
      {"files=[7]", "9:7 3 data did not match any variant of untagged enum WasiFilesMount"},
      {"files=[{source=\"a\"}]",
       "9:7 14 data did not match any variant of untagged enum WasiFilesMount"},
      {"files=[{source=\"a\",destination=\"/b\",x=1}]",
       "9:7 35 data did not match any variant of untagged enum WasiFilesMount"},
      {"exclude_files=[\"a\",7]", "9:20 1 invalid type: integer `7`, expected a string"},
      {"allowed_outbound_hosts=\"x\"", "9:24 3 invalid type: string \"x\", expected a sequence"},
      {"key_value_stores=[\"a+b\"]", "9:18 7" + kebab_snake},
      {"key_value_stores=[\"a_b\",\"a-1\"]", "9:18 13" + kebab_snake},
      {"sqlite_databases=[\"a b\"]", "9:18 7" + kebab_snake},
      {"targets=7", "9:9 1 invalid type: integer `7`, expected a sequence"},
      {"targets=[7]", "9:9 3 data did not match any variant of untagged enum TargetEnvironmentRef"},
      {"build=\"x\"", "9:7 3 invalid type: string \"x\", expected struct ComponentBuildConfig"},
      {"build={}", "9:7 2 missing field `command`"},
      {"build={command=7}", "9:16 1 data did not match any variant of untagged enum Commands"},
      {"build={command=\"x\",bogus=1}",
       "9:20 5 unknown field `bogus`, expected one of `command`, `workdir`, `watch`"},
      {"build=[]", "9:7 2 invalid length 0, expected struct ComponentBuildConfig with 3 elements"},
      {"tool=7", "9:6 1 invalid type: integer `7`, expected a map"},
      {"tool={x=7}", "9:9 1 invalid type: integer `7`, expected a map"},
      {"dependencies_inherit_configuration=\"x\"",
       "9:36 3 invalid type: string \"x\", expected a boolean"},
      {"dependencies=7", "9:14 1 invalid type: integer `7`, expected a map"},
      {"dependencies={a=7}",
       "9:17 1 data did not match any variant of untagged enum ComponentDependency"},
      {"targets=[{url=\"x\",path=\"y\"}]",
       "9:9 20 data did not match any variant of untagged enum TargetEnvironmentRef"},
      {"build=[7]", "9:8 1 data did not match any variant of untagged enum Commands"},
      {"build=[\"x\",7]", "9:12 1 invalid type: integer `7`, expected a string"},
      {"profile={x={build=\"x\"}}",
       "9:19 3 invalid type: string \"x\", expected struct ComponentProfileBuildOverride"},
      {"profile={x={build={workdir=\"x\"}}}", "9:20 7 unknown field `workdir`, expected `command`"},
      {"profile={x={build={command=7}}}",
       "9:28 1 data did not match any variant of untagged enum Commands"},
      {"profile={x={source=7}}",
       "9:20 1 data did not match any variant of untagged enum ComponentSource"},
      {"profile={x={environment=7}}", "9:25 1 invalid type: integer `7`, expected a map"},
      {"profile=[]", "9:9 2 invalid type: sequence, expected a map"},
      {"dependencies={\"A B\"=\"1\"}",
       "9:15 5 '-'-separated words may only contain alphanumeric ASCII; got ' '"},
      {"profile=7", "9:9 1 invalid type: integer `7`, expected a map"},
      {"profile={x=7}", "9:12 1 invalid type: integer `7`, expected struct ComponentProfileOverride"
      },
      {"profile={x={bogus=1}}",
       "9:13 5 unknown field `bogus`, expected one of `source`, `environment`, `dependencies`, "
       "`build`"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(complaint(kHead + kTrigger + kComponent + row.text + "\n") == row.expected);
  }
}

TEST_CASE("sources") {
  const auto with = [](const std::string& line) {
    return kHead + kTrigger + "[component.r]\n" + line + "\n";
  };
  const std::string no_source = " data did not match any variant of untagged enum ComponentSource";
  CHECK(complaint(with("source=7")) == "8:8 1" + no_source);
  CHECK(complaint(with("source={url=\"x\"}")) == "8:8 9" + no_source);
  CHECK(complaint(with("source={path=\"x\"}")) == "8:8 10" + no_source);
  CHECK(complaint(with("source={url=\"x\",digest=7}")) == "8:8 18" + no_source);
  CHECK(complaint(with("source=[\"x\"]")) == "8:8 5" + no_source);
  const auto package = [&](const std::string& name, const std::string& registry) {
    return complaint(
        with("source={package=\"" + name + "\",version=\"1\",registry=\"" + registry + "\"}")
    );
  };
  for (const char* const name :
       {"b", "A:b", "a:", ":b", "a:b:c", "a:b/c", "a:1b", "a:b--c", "a:b_c"}) {
    CAPTURE(name);
    CHECK(package(name, "r").ends_with(no_source));
  }
  for (const char* const name : {"a b", "", "a/b", "é", "a%20b", "a:1:2", "a?b", "a@"}) {
    CAPTURE(name);
    CHECK(package("a:b", name).ends_with(no_source));
  }
  for (const char* const name : {"no!", "a_b", "a@b", "[::1]:5", ":", "127.0.0.1:1", "R.io"}) {
    CAPTURE(name);
    const std::string source = "source={package=\"a1:b-c2\",version=\"1\",registry=\"";
    const Manifest manifest = good(with(source + name + "\"}"));
    CHECK(std::get<PackageSource>(manifest.components.at(0).source).registry == name);
  }
  CHECK(complaint(with("")) == "7:1 13 missing field `source`");
}

TEST_CASE("tables that are written as lists of their values") {
  const Manifest manifest = good(
      kHead + "[[trigger.x]]\ncomponent = [\"x.wasm\", \"what for\"]\n" +
      "[component.r]\nsource = \"r.wasm\"\nbuild = [\"make\", \"w\", [\"src\"], \"ignored\"]\n"
  );
  const auto& in_place = std::get<Component>(*manifest.triggers.at(0).component);
  CHECK(std::get<LocalSource>(in_place.source).path == "x.wasm");
  CHECK(in_place.description == "what for");
  const BuildConfig& build = *manifest.components.at(0).build;
  CHECK(build.commands == std::vector<std::string>{"make"});
  CHECK(build.workdir == "w");
  CHECK(build.watch == std::vector<std::string>{"src"});
  CHECK(
      complaint(kHead + "[[trigger.x]]\ncomponent = []\n") ==
      "5:13 2 invalid length 0, expected struct Component with 17 elements"
  );
}

}  // namespace
}  // namespace whorl::manifest
