#include "manifest/test_support.hpp"

namespace whorl::manifest {
namespace {

const std::string kTable = kHead + kTrigger + kComponent + "[component.r.dependencies]\n";

TEST_CASE("the forms and names of dependencies") {
  const Manifest manifest = good(kTable + R"("a:b/c" = "^1"
"a:b@1.0.0-rc.1+x" = { path = "x" }
lib = { version = "1", package = "p:q", registry = "r", export = "e", inherit_configuration = true }
"a-b1:b2/C-D@1.2.3" = { url = "http://x", digest = "d", inherit_configuration = ["files", "z"] }
other = { component = "s", inherit_configuration = false }
)" + "[component.s]\nsource = \"s.wasm\"\n");
  const auto& all = manifest.components.at(0).dependencies;
  REQUIRE(all.size() == 5);
  CHECK(all[0].name.space == "a");
  CHECK(all[0].name.package == "b");
  CHECK(all[0].name.interface == "c");
  CHECK(std::get<PackageSource>(all[0].dependency.source).version == "^1");
  CHECK(all[1].name.version == Version{.major = 1, .pre = "rc.1", .build = "x"});
  CHECK_FALSE(all[1].dependency.inherit);
  CHECK(all[2].name.is_plain());
  const auto& package = std::get<PackageSource>(all[2].dependency.source);
  CHECK(package == PackageSource{.registry = "r", .package = "p:q", .version = "1"});
  CHECK(all[2].dependency.export_name == "e");
  CHECK(all[2].dependency.inherit->kind == app::Inherit::Kind::All);
  CHECK(all[3].name.text == "a-b1:b2/C-D@1.2.3");
  CHECK(all[3].dependency.inherit->grants == std::vector<std::string>{"files", "z"});
  CHECK(std::get<AppSource>(all[4].dependency.source).component == "s");
  CHECK(all[4].dependency.inherit->kind == app::Inherit::Kind::Nothing);
}

TEST_CASE("names and values that are refused where they stand") {
  const std::string no_form =
      " data did not match any variant of untagged enum ComponentDependency";
  const std::string label = " invalid label: dash-separated words ";
  const std::string lower = label + "may contain only lowercase alphanumeric ASCII characters";
  const Row rows[] = {
      {"a = 7", "10:5 1" + no_form},
      {"\"a:b/c\" = { path = \"x\", bogus = 1 }", "10:11 25" + no_form},
      {"\"a:b/c\" = { path = \"x\", version = \"1\" }", "10:11 29" + no_form},
      {"\"a:b/c\" = { url = \"http://x\" }", "10:11 20" + no_form},
      {"\"a:b/c\" = { component = \"N_o\" }", "10:11 21" + no_form},
      {"x = {path=\"x\", inherit_configuration = \"all\"}", "10:5 41" + no_form},
      {"x = {path=\"x\", inherit_configuration = [7]}", "10:5 39" + no_form},
      {"\"A_B\" = \"1\"", "10:1 5 words must be separated with '-', not '_'"},
      {"\"\" = \"1\"", "10:1 2 empty"},
      {"\"a:b/\" = \"1\"", "10:1 6 empty"},
      {"\"a:b/c@x\" = \"1\"", "10:1 9 unexpected character 'x' while parsing major version number"},
      {"\"a:b@1.0.0/c\" = \"1\"", "10:1 13 unexpected character '/' after patch version number"},
      {"\"a/b\" = \"1\"", "10:1 5 invalid package ref: missing expected ':'"},
      {"\"a:\" = \"1\"", "10:1 4 invalid label: labels may not be empty"},
      {"\":b\" = \"1\"", "10:1 4 invalid label: labels may not be empty"},
      {"\"A:b\" = \"1\"", "10:1 5" + label + "must begin with an ASCII lowercase letter"},
      {"\"a-1:b\" = \"1\"", "10:1 7" + label + "must begin with an ASCII lowercase letter"},
      {"\"a--b:c\" = \"1\"", "10:1 8" + label + "may not be empty"},
      {"\"a-:c\" = \"1\"", "10:1 6" + label + "may not be empty"},
      {"\"a_b:c\" = \"1\"", "10:1 7" + lower},
      {"\"a:b:c/d\" = \"1\"", "10:1 9" + lower},
      {"\"a:b/c/d\" = \"1\"",
       "10:1 9 '-'-separated words may only contain alphanumeric ASCII; got '/'"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(complaint(kTable + row.text + "\n") == row.expected);
  }
  const std::string no_player =
      " data did not match any variant of untagged enum TriggerDependency";
  const Row players[] = {
      {"7", "7:27 3" + no_player},
      {"\"s\"", "7:27 5" + no_player},
      {"{ version = \"1\" }", "7:27 19" + no_player},
      {"{ path = \"x\", export = \"y\" }", "7:27 30" + no_player},
  };
  for (const Row& row : players) {
    CAPTURE(row.text);
    CHECK(
        complaint(
            kHead + kTrigger + "dependencies.middleware = [" + row.text + "]\n" + kComponent
        ) == row.expected
    );
  }
}

TEST_CASE("what has to fit together is checked when normalising") {
  const std::string in_r = "component Id(\"r\") has invalid dependencies: ";
  const std::string ab =
      "DependencyPackageName { package: PackageRef { namespace: \"a\", name: \"b\" }, ";
  const std::string v100 = "version: Some(Version { major: 1, minor: 0, patch: 0 }), ";
  const std::string none = "version: None, ";
  const std::string c = "interface: Some(Id(\"c\")) }";
  const std::string conflicts = " dependency conflicts with ";
  const std::string no_grants =
      "Dependencies may not have their own resources or permissions. Component ";
  const Row rows[] = {
      {"a = \"1\"", in_r + "dependency Id(\"a\") must specify a package name"},
      {"a = { version = \"1\" }", in_r + "dependency Id(\"a\") must specify a package name"},
      {"a = { version = \"1\", package = \"p:q\" }", ""},
      {"\"a:b\" = { path = \"x\", export = \"e\" }",
       in_r + "using an export to satisfy the package dependency Package(" + ab + none +
           "interface: None }) is not currently permitted"},
      {"\"a:b/c\" = {path=\"x\"}\n\"a:b/c@1.0.0\" = {path=\"x\"}",
       in_r + ab + none + c + conflicts + ab + v100 + c},
      {"\"a:b\" = {path=\"x\"}\n\"a:b/c\" = {path=\"x\"}",
       in_r + ab + none + "interface: None }" + conflicts + ab + none + c},
      {"\"a:b/c\" = {path=\"x\"}\n\"a:b@1.0.0-rc.1+x\" = {path=\"x\"}",
       in_r + ab + none + c + conflicts + ab +
           "version: Some(Version { major: 1, minor: 0, patch: 0, pre: Prerelease(\"rc.1\"), "
           "build: "
           "BuildMetadata(\"x\") }), interface: None }"},
      {"\"a:b/c@1.0.0\" = {path=\"x\"}\n\"a:b/c@2.2.0\" = {path=\"x\"}", ""},
      {"\"a:b@0.1.0\" = {path=\"x\"}\n\"a:b/c@0.2.0\" = {path=\"x\"}", ""},
      {"\"a:b/c\" = {path=\"x\"}\n\"a:b/d\" = {path=\"x\"}", ""},
      {"x = {path=\"x\"}\ny = {path=\"x\"}", ""},
      {"x = { component = \"nope\" }", "dependency ID nope does not exist"},
      {"x = { component = \"r\" }",
       no_grants + "r cannot be used as a dependency of r because it specifies: dependencies"},
      {"x = { component = \"all\" }",
       no_grants + "all cannot be used as a dependency of r because it specifies: ai_models, "
                   "allowed_http_hosts, allowed_outbound_hosts, dependencies, environment, files, "
                   "key_value_stores, sqlite_databases, variables"},
  };
  const std::string all = R"([component.all]
source = "s.wasm"
description = "x"
targets = ["x"]
tool.x.y = 1
exclude_files = ["x"]
ai_models = ["m"]
allowed_http_hosts = ["x"]
allowed_outbound_hosts = ["http://x"]
dependencies = { x = { path = "x" } }
environment = { A = "1" }
files = ["x"]
key_value_stores = ["default"]
sqlite_databases = ["default"]
variables = { a = "1" }
build.command = "x"
)";
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(normalising(kTable + row.text + "\n" + all) == row.expected);
  }
}

TEST_CASE("dependencies on other components become those components' sources") {
  Manifest manifest = good(
      kHead + kTrigger + "dependencies.middleware = [{ component = \"s\" }]\n" + kComponent +
      "dependencies = { x = { component = \"s\", export = \"e\" } }\n" +
      "[component.s]\nsource = { url = \"http://x\", digest = \"sha256:1\" }\n"
  );
  REQUIRE(normalise(manifest));
  const Dependency& x = manifest.components.at(0).dependencies.at(0).dependency;
  CHECK(std::get<RemoteSource>(x.source).url == "http://x");
  CHECK(x.export_name == "e");
  const Dependency& player = manifest.triggers.at(0).dependencies.at(0).dependencies.at(0);
  CHECK(std::get<RemoteSource>(player.source).digest == "sha256:1");
  CHECK(
      normalising(
          kHead + kTrigger + "dependencies.middleware = [{ component = \"r\" }]\n" + kComponent +
          "files = [\"x\"]\n"
      ) ==
      "Dependencies may not have their own resources or permissions. Component r cannot be used as "
      "a dependency of r-http-trigger because it specifies: files"
  );
}

TEST_CASE("inheritance said once for all") {
  const auto text = [](const std::string& all, const std::string& one) {
    return kHead + kTrigger + kComponent + "dependencies_inherit_configuration = " + all +
           "\ndependencies = { x = { path = \"x\"" + one + " } }\n";
  };
  Manifest manifest = good(text("true", ""));
  REQUIRE(normalise(manifest));
  CHECK(
      manifest.components.at(0).dependencies.at(0).dependency.inherit->kind ==
      app::Inherit::Kind::All
  );
  for (const std::string all : {"true", "false"}) {
    CHECK(
        normalising(text(all, ", inherit_configuration = false")) ==
        "Component `r` specifies both `dependencies_inherit_configuration` and per-dependency "
        "`inherit_configuration`. These are mutually exclusive; use one or the other."
    );
  }
}

}  // namespace
}  // namespace whorl::manifest
