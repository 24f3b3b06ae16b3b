#include "loader/test_support.hpp"

namespace whorl::loader {
namespace {

TEST_CASE("a manifest becomes a locked app") {
  const AppFolder folder(R"(spin_manifest_version = 2
[application]
name = "shop"
version = "1"
description = "d"
authors = ["x"]
[application.trigger.http]
base = "/"
[variables]
v = { default = "1", secret = true }
[[trigger.http]]
route = "/..."
component = { source = "./sub/../c.wasm" }
[component.r]
source = "/abs/r.wasm"
description = "in"
environment = { A = "1" }
variables = { q = "{{ v }}" }
allowed_outbound_hosts = ["http://self"]
key_value_stores = ["default"]
sqlite_databases = ["default"]
ai_models = ["m"]
files = ["x"]
exclude_files = ["y"]
[component.r.build]
command = "make"
workdir = "w"
watch = ["s"]
)");
  const auto app = good(folder);
  CHECK(app->name == "shop");
  CHECK(app->version == "1");
  CHECK(app->description == "d");
  CHECK(app->authors == std::vector<std::string>{"x"});
  CHECK(app->origin == "file://" + folder.path("spin.toml"));
  CHECK(app->app_dir == folder.path("").substr(0, folder.path("").size() - 1));
  CHECK(app->variables.at("v").default_value == "1");
  CHECK(app->variables.at("v").is_secret);
  CHECK(app->trigger_globals.find("http") != nullptr);
  REQUIRE(app->triggers.size() == 1);
  CHECK(app->triggers[0].id == "http-trigger1");
  CHECK(app->triggers[0].type == "http");
  CHECK(
      app->triggers[0].config ==
      app::Value(app::Value::Table{
          {"component", app::Value(std::string("http-trigger1-component"))},
          {"route", app::Value(std::string("/..."))}
      })
  );
  REQUIRE(app->components.size() == 2);
  const app::Component& r = app->components[0];
  CHECK(r.id == "r");
  CHECK(r.source_path == "/abs/r.wasm");
  CHECK(r.description == "in");
  CHECK(r.environment.at("A") == "1");
  CHECK(r.variables.at("q") == "{{ v }}");
  CHECK(r.allowed_outbound_hosts.size() == 1);
  CHECK(r.key_value_stores.size() == 1);
  CHECK(r.sqlite_databases.size() == 1);
  CHECK(r.ai_models.size() == 1);
  const app::Value* build = r.metadata.find("build");
  REQUIRE(build != nullptr);
  CHECK(*build->find("command")->as_string() == "make");
  CHECK(*build->find("workdir")->as_string() == "w");
  CHECK(app->components[1].source_path == folder.path("c.wasm"));
  CHECK(app->find_component("r") == &app->components[0]);
  CHECK(app->find_component("R") == nullptr);
}

TEST_CASE("a component that was not built is noticed when it is read") {
  const AppFolder folder(kHead + kTrigger + "[component.r]\nsource = \"x.wasm\"\n");
  const auto app = good(folder);
  auto bytes = read_component(app->components[0]);
  REQUIRE_FALSE(bytes);
  CHECK(bytes.error().kind() == ErrorKind::NotFound);
  CHECK(
      chain(bytes.error(), folder) ==
      std::vector<std::string>{
          "failed to resolve dependencies for component \"r\"",
          "an error occurred when preparing dependencies",
          "failed to read component source from disk at path \"x.wasm\"",
          "No such file or directory (os error 2)",
      }
  );
  folder.write("x.wasm", "wasm");
  CHECK(as_text(read_component(app->components[0])->files.back()) == "wasm");
}

TEST_CASE("what is wrong with the text is reported bare, everything else as a chain") {
  CHECK(
      failure("spin_manifest_version = 3\n") ==
      std::vector<std::string>{"invalid manifest version: 3"}
  );
  CHECK(failure("x\n").size() == 1);
  CHECK(
      failure(kHead + kTrigger, {.profile = "nope"}) ==
      std::vector<std::string>{"Profile nope is not defined in this application"}
  );
  CHECK(
      component_failure("source = { package = \"a:b\", version = \"1.0.0\" }\n") ==
      std::vector<std::string>{
          "Failed to load Wasm source \"a:b@1.0.0\" from default registry",
          "packages from a registry are not supported yet",
      }
  );
  CHECK(
      component_failure("source = { package = \"a:b\", version = \"^1\", registry = \"r\" }\n") ==
      std::vector<std::string>{
          "Failed to load Wasm source \"a:b@^1\" from registry Registry(r)",
          "Component r specifies an invalid semantic version (\"^1\") for its package version",
          "unexpected character '^' while parsing major version number",
      }
  );
  CHECK(
      component_failure("source = \"x\"\ndependencies = { \"a:b\" = \"1\" }\n") ==
      std::vector<std::string>{
          "Failed to load component dependency `a:b` for `r`",
          "packages from a registry are not supported yet",
      }
  );
  const std::string ab =
      "Component dependency Package(DependencyPackageName { package: PackageRef { namespace: "
      "\"a\", "
      "name: \"b\" }, version: None, interface: None }) specifies an invalid ";
  CHECK(
      component_failure(
          "source = \"x\"\ndependencies = { \"a:b\" = { version = \"1\", package = \"bad\" } }\n"
      ) ==
      std::vector<std::string>{
          "Failed to load component dependency `a:b` for `r`",
          ab + "package name (\"bad\")",
          "invalid package ref: missing expected ':'",
      }
  );
  CHECK(
      component_failure(
          "source = \"x\"\ndependencies = { c = { version = \"1\", package = \"a:B\" } }\n"
      ) ==
      std::vector<std::string>{
          "Failed to load component dependency `c` for `r`",
          "Component dependency Plain(Id(\"c\")) specifies an invalid package name (\"a:B\")",
          "invalid label: dash-separated words must begin with an ASCII lowercase letter",
          "dash-separated words must begin with an ASCII lowercase letter",
      }
  );
  CHECK(
      component_failure(
          "source = \"x\"\ndependencies = { \"a:b\" = { version = \"1\", registry = \"a b\" } }\n"
      ) ==
      std::vector<std::string>{
          "Failed to load component dependency `a:b` for `r`",
          ab + "registry name (\"a b\")",
          "invalid registry: invalid uri character",
      }
  );
  CHECK(
      component_failure("source = \"x\"\nallowed_http_hosts = [\"a/x\"]\n") ==
      std::vector<std::string>{
          "`allowed_http_hosts` is malformed",
          "One or more allowed_http_hosts entries was invalid:\n"
          "a/x contains a path, should be host and optional port only",
      }
  );
  CHECK(
      component_failure("source = \"x\"\nallowed_outbound_hosts = [\"http://a b\"]\n") ==
      std::vector<std::string>{
          "`allowed_outbound_hosts` is malformed",
          "Invalid allowed host \"a b\"",
          "invalid international domain name",
      }
  );
  for (const std::string_view line : {"x = {}", "x = { required = true, default = \"a\" }"}) {
    CHECK(
        failure(kHead + "[variables]\n" + std::string(line) + "\n" + kTrigger).back() ==
        "must be `required` OR have a `default`"
    );
  }
  CHECK(
      failure(kHead + kTrigger + "dependencies.middleware = [{ component = \"x\" }]\n").back() ==
      "dependency ID x does not exist"
  );
  CHECK(
      failure(
          kHead + kTrigger + "dependencies.middleware = [{ package = \"a:b\", version = \"1\" }]\n"
      )
          .at(3) == "Failed to load `http` trigger `r-http-trigger`"
  );
}

TEST_CASE("the deprecated allowed_http_hosts is converted, with a warning") {
  const AppFolder folder(
      kHead + kTrigger +
      "[component.r]\nsource = \"x\"\nallowed_outbound_hosts = [\"redis://x\"]\n"
      "allowed_http_hosts = [\"a\"]\n"
  );
  std::vector<std::string> warnings;
  const auto app = good(folder, {.warnings = &warnings});
  CHECK(
      app->components[0].allowed_outbound_hosts ==
      std::vector<std::string>{"redis://x", "http://a", "https://a"}
  );
  CHECK(
      warnings ==
      std::vector<std::string>{
          "Use of the deprecated field `allowed_http_hosts` - to fix, replace `allowed_http_hosts` "
          "with `allowed_outbound_hosts = [\"http://a\", \"https://a\"]`"
      }
  );
}

TEST_CASE("a profile") {
  const AppFolder folder(
      kHead + kTrigger +
      "[component.r]\nsource = \"x\"\nprofile.debug.source = \"d/../y\"\n"
      "profile.debug.build.command = \"make\"\n"
  );
  CHECK(good(folder)->components[0].source_path == folder.path("x"));
  const auto app = good(folder, {.profile = "debug"});
  CHECK(app->components[0].source_path == folder.path("y"));
  CHECK(app->profile == "debug");
  CHECK(*app->components[0].metadata.find("build")->find("command")->as_string() == "make");
}

TEST_CASE("dependencies and middleware are locked") {
  const AppFolder folder(
      kHead +
      R"([[trigger.http]]
route = "/1"
component = "r"
dependencies.middleware = [{ path = "m.wasm" }, { component = "m", inherit_configuration = ["files"] }]
[[trigger.http]]
route = "/2"
component = "r"
[[trigger.http]]
route = "/3"
component = "s"
dependencies.other = [{ path = "o.wasm" }]
[[trigger.http]]
route = "/4"
component = "m"
dependencies.middleware = []
[component.r]
source = "r.wasm"
[component.s]
source = "s.wasm"
[component.s.dependencies]
"a:b/c" = { path = "./d.wasm", export = "e", inherit_configuration = true }
[component.m]
source = "m2.wasm"
[component.r-for-r-http-trigger]
source = "x.wasm"
)"
  );
  const auto app = good(folder);
  REQUIRE(app->components.size() == 5);
  CHECK(app->components[0].trigger_dependencies.empty());
  CHECK(app->components[0].host_requirements.empty());
  const app::Component& clone = app->components[4];
  CHECK(clone.id == "r-for-r-http-trigger-d1");
  CHECK(*app->triggers[0].config.find("component")->as_string() == clone.id);
  CHECK(*app->triggers[1].config.find("component")->as_string() == "r");
  CHECK(clone.source_path == folder.path("r.wasm"));
  CHECK(clone.host_requirements.at("middleware") == "required");
  CHECK(*clone.metadata.find("resolve-trigger-dependencies-using")->as_string() == "http");
  const auto& players = clone.trigger_dependencies.at("middleware");
  REQUIRE(players.size() == 2);
  CHECK(players[0].source.url == "file://" + folder.path("m.wasm"));
  CHECK(players[1].source.url == "file://" + folder.path("m2.wasm"));
  CHECK(players[1].inherit.grants == std::vector<std::string>{"files"});
  const app::Component& s = app->components[1];
  CHECK(s.trigger_dependencies.contains("other"));
  CHECK(s.host_requirements.empty());
  const app::Dependency& dependency = s.dependencies.at("a:b/c");
  CHECK(dependency.source.url == "file://" + folder.path("d.wasm"));
  CHECK(dependency.export_name == "e");
  CHECK(dependency.inherit.kind == app::Inherit::Kind::All);
  CHECK(app->triggers[3].dependencies.find("middleware")->as_array()->empty());
  CHECK(app->components[2].trigger_dependencies.empty());

  folder.write("r.wasm", std::string("\0asm\x01\0\0\0", 8));
  CHECK(read_component(app->components[0]));
}

TEST_CASE("a bare wasm file") {
  const AppFolder folder("");
  folder.write("hello.world.wasm", "x");
  auto app = load_bare_wasm(folder.path("hello.world.wasm"));
  REQUIRE(app);
  CHECK((*app)->name == "hello.world");
  CHECK((*app)->origin.empty());
  CHECK_FALSE((*app)->app_dir);
  REQUIRE((*app)->triggers.size() == 1);
  CHECK((*app)->triggers[0].id == "http-trigger1");
  CHECK(*(*app)->triggers[0].config.find("route")->as_string() == "/...");
  REQUIRE((*app)->components.size() == 1);
  CHECK((*app)->components[0].id == "http-trigger1-component");
  CHECK((*app)->components[0].source_path == folder.path("hello.world.wasm"));
  CHECK_FALSE(load_bare_wasm(folder.path("none.wasm")));
}

TEST_CASE("selecting components") {
  const AppFolder folder(kHead + R"(
[[trigger.http]]
route = "/a"
component = "a"
[[trigger.http]]
route = "/b"
component = "b"
[[trigger.http]]
route = "/s"
static_response = {}
[component.a]
source = "a"
allowed_outbound_hosts = ["https://{{x}}.spin.internal", "http://other.example"]
[component.b]
source = "b"
allowed_outbound_hosts = ["https://a.spin.internal:80/"]
[component.c]
source = "c"
allowed_outbound_hosts = ["http://*.spin.internal"]
)");
  const auto app = good(folder);
  const auto select = [&](std::vector<std::string> ids) {
    auto selected = select_components(*app, ids);
    if (!selected) {
      CHECK(
          selected.error().contexts().back() ==
          "failed to resolve application with only components selected with --component"
      );
      return selected.error().message();
    }
    std::string out = std::to_string((*selected)->triggers.size());
    for (const app::Component& component : (*selected)->components) {
      out += " " + component.id;
    }
    return out;
  };
  CHECK(select({"a"}) == "1 a");
  CHECK(select({"b", "a", "b"}) == "2 a b");
  CHECK(select({"a", "zz", "yy"}) == "Specified component \"zz\" not found in application");
  CHECK(
      select({"b"}) ==
      "Selected component 'b' cannot use service chaining to unselected component: "
      "allowed_outbound_hosts = [\"http://a.spin.internal\"]"
  );
  CHECK(
      select({"c"}) ==
      "Selected component 'c' cannot use wildcard service chaining: allowed_outbound_hosts = "
      "[\"http://*.spin.internal\"]"
  );
}

}  // namespace
}  // namespace whorl::loader
