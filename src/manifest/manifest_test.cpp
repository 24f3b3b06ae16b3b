#include "manifest/test_support.hpp"

namespace whorl::manifest {
namespace {

/// The component `front` of the manifest below.
void check_front_grants(const Component& front) {
  CHECK(front.allowed_outbound_hosts == std::vector<std::string>{"http://self"});
  CHECK(front.allowed_http_hosts == std::vector<std::string>{"self"});
  CHECK(front.key_value_stores == std::vector<std::string>{"default"});
  CHECK(front.sqlite_databases == std::vector<std::string>{"a_b"});
  CHECK(front.ai_models == std::vector<std::string>{"llama2-chat"});
  CHECK(front.targets == std::vector<Target>{{.text = "x"}});
  REQUIRE(front.build);
  CHECK(front.build->commands == std::vector<std::string>{"a", "b"});
  CHECK(front.build->is_list);
  CHECK(front.build->workdir == "w");
  CHECK(front.build->watch == std::vector<std::string>{"src/**"});
  CHECK(front.tools.find("test") != nullptr);
  CHECK(front.dependencies_inherit_configuration == true);
  REQUIRE(front.dependencies.size() == 2);
  CHECK(front.dependencies[0].name.interface == "c");
  CHECK(std::get<LocalSource>(front.dependencies[0].dependency.source).path == "dep.wasm");
  CHECK(front.dependencies[1].name.is_plain());
  CHECK(std::get<PackageSource>(front.dependencies[1].dependency.source).version == "^1.0");
  REQUIRE(front.profiles.size() == 1);
  CHECK(front.profiles[0].name == "debug");
  CHECK(std::get<LocalSource>(*front.profiles[0].source).path == "debug.wasm");
}

void check_front(const Component& front) {
  CHECK(front.id == "front");
  CHECK(front.span == Span{.line = 26, .column = 1, .end_line = 26, .end_column = 18});
  CHECK(std::get<LocalSource>(front.source).path == "front.wasm");
  CHECK(front.description == "Shows the shop");
  CHECK(front.environment == std::map<std::string, std::string>{{"A", "1"}, {"B", "2"}});
  CHECK(front.variables == std::map<std::string, std::string>{{"key", "{{ api_key }}"}});
  CHECK(
      front.files ==
      std::vector<FileGrant>{
          {.source = "static/**", .destination = {}}, {.source = "data", .destination = "/d"}
      }
  );
  CHECK(front.exclude_files == std::vector<std::string>{"static/*.bak"});
  check_front_grants(front);
}

TEST_CASE("a whole manifest") {
  const Manifest manifest = good(R"(spin_manifest_version = 2
[application]
name = "shop"
version = "1.2.3"
description = "sells"
authors = ["A", "B"]
targets = ["spin-up:3.6", { path = "t.toml" }]
[application.trigger.http]
base = "/"
[application.tool.x]
y = 1
[variables]
region = { default = "eu", description = "where" }
api_key = { required = true, secret = true }
[[trigger.http]]
route = "/..."
component = "front"
executor = { type = "http" }
[[trigger.redis]]
channel = "orders"
component = { source = "o.wasm" }
[[trigger.http]]
id = "robots"
route = { private = true }
static_response = { body = "none" }
[component.front]
source = "front.wasm"
description = "Shows the shop"
environment = { B = "2", A = "1" }
variables = { key = "{{ api_key }}" }
files = ["static/**", { source = "data", destination = "/d" }]
exclude_files = ["static/*.bak"]
allowed_outbound_hosts = ["http://self"]
allowed_http_hosts = ["self"]
key_value_stores = ["default"]
sqlite_databases = ["a_b"]
ai_models = ["llama2-chat"]
targets = ["x"]
dependencies_inherit_configuration = true
[component.front.build]
command = ["a", "b"]
workdir = "w"
watch = ["src/**"]
[component.front.tool.test]
p = 1
[component.front.dependencies]
"a:b/c@1.0.0" = { path = "dep.wasm" }
lib = "^1.0"
[component.front.profile.debug]
source = "debug.wasm"
[component.late]
source = { url = "http://x/y.wasm", digest = "sha256:00" }
build = ["make"]
[component.package]
source = { package = "a:b", version = "1.0.0", registry = "r" }
)");
  CHECK(manifest.name == "shop");
  CHECK(manifest.version == 2);
  CHECK(manifest.app_version == "1.2.3");
  CHECK(manifest.description == "sells");
  CHECK(manifest.authors == std::vector<std::string>{"A", "B"});
  CHECK(
      manifest.targets ==
      std::vector<Target>{{.text = "spin-up:3.6"}, {.kind = Target::Kind::Path, .text = "t.toml"}}
  );
  CHECK(*manifest.trigger_globals.find("http")->find("base")->as_string() == "/");
  CHECK(manifest.tools.find("x") != nullptr);

  REQUIRE(manifest.variables.size() == 2);
  CHECK(manifest.variables[0].name == "region");
  CHECK(manifest.variables[0].default_value == "eu");
  CHECK(manifest.variables[0].description == "where");
  CHECK(manifest.variables[1].is_required);
  CHECK(manifest.variables[1].is_secret);

  // Triggers of one type stand together, types in the order of their first entry.
  REQUIRE(manifest.triggers.size() == 3);
  CHECK(manifest.triggers[0].type == "http");
  CHECK(std::get<std::string>(*manifest.triggers[0].component) == "front");
  CHECK(manifest.triggers[0].config.find("executor") != nullptr);
  CHECK(manifest.triggers[0].config.find("component") == nullptr);
  CHECK(manifest.triggers[1].id == "robots");
  CHECK_FALSE(manifest.triggers[1].component);
  CHECK(manifest.triggers[2].type == "redis");
  CHECK(std::holds_alternative<Component>(*manifest.triggers[2].component));
  CHECK(manifest.triggers[2].span.line == 19);

  REQUIRE(manifest.components.size() == 3);
  const Component& front = manifest.components[0];
  check_front(front);

  CHECK(std::get<RemoteSource>(manifest.components[1].source).url == "http://x/y.wasm");
  CHECK(manifest.components[1].build->commands == std::vector<std::string>{"make"});
  CHECK_FALSE(manifest.components[1].build->is_list);
  const auto& package = std::get<PackageSource>(manifest.components[2].source);
  CHECK(package.package == "a:b");
  CHECK(package.version == "1.0.0");
  CHECK(package.registry == "r");
}

TEST_CASE("wrong things elsewhere") {
  const std::string rest = kTrigger + kComponent;
  const std::string root_keys =
      ", expected one of `spin_manifest_version`, `application`, `variables`, `trigger`, "
      "`component`";
  const Row rows[] = {
      {kHead + "version=7\n" + rest, "4:9 1 invalid type: integer `7`, expected a string"},
      {kHead + "authors=\"x\"\n" + rest, "4:9 3 invalid type: string \"x\", expected a sequence"},
      {kHead + "authors=[1]\n" + rest, "4:10 1 invalid type: integer `1`, expected a string"},
      {kHead + "description=true\n" + rest, "4:13 4 invalid type: boolean `true`, expected a string"
      },
      {kHead + "bogus=1\n" + rest,
       "4:1 5 unknown field `bogus`, expected one of `name`, `version`, `description`, `authors`, "
       "`targets`, `trigger`, `tool`"},
      {kHead + "trigger=7\n" + rest, "4:9 1 invalid type: integer `7`, expected a map"},
      {kHead + "[bogus]\nx = 1\n" + rest, "4:2 5 unknown field `bogus`" + root_keys},
      {kHead + "[trigger]\nhttp={}\n" + kComponent, "5:6 2 invalid type: map, expected a sequence"},
      {kHead + "[trigger]\nhttp=[7]\n" + kComponent,
       "5:7 1 invalid type: integer `7`, expected struct Trigger"},
      {kHead + "[trigger]\nhttp=7\n" + kComponent,
       "5:6 1 invalid type: integer `7`, expected a sequence"},
      {kHead + kTrigger + "[component]\nr=7\n",
       "8:3 1 invalid type: integer `7`, expected struct Component"},
      {kHead + kTrigger + "[component.R_x]\nsource=\"x\"\n",
       "7:12 3 words must be separated with '-', not '_'"},
      {kHead + kTrigger + "[component.\"a b\"]\nsource=\"x\"\n",
       "7:12 5 '-'-separated words may only contain alphanumeric ASCII; got ' '"},
      {kHead + "[variables]\nx=7\n" + rest,
       "5:3 1 invalid type: integer `7`, expected struct Variable"},
      {kHead + "[variables]\nx={default=\"a\",bogus=1}\n" + rest,
       "5:16 5 unknown field `bogus`, expected one of `description`, `required`, `default`, "
       "`secret`"},
      {kHead + "[variables]\nx={required=\"x\"}\n" + rest,
       "5:13 3 invalid type: string \"x\", expected a boolean"},
      {kHead + "[variables]\nBad-Name = { default = \"x\" }\n" + rest,
       "5:1 8 words must be separated with '_', not '-'"},
      {"spin_manifest_version = 2\n[application]\n" + rest, "2:1 13 missing field `name`"},
      {kHead + kComponent, "1:1 25 missing field `trigger`"},
      {"spin_manifest_version = 2\n", "1:1 25 missing field `application`"},
      {"spin_manifest_version = 2\napplication = 7\n" + rest,
       "2:15 1 invalid type: integer `7`, expected struct AppDetails"},
      {"name = \"x\"\n", "1:1 10 missing field `spin_manifest_version`"},
      {"[application]\nname = \"a\"\n", "1:1 1 missing field `spin_manifest_version`"},
      {"", "1:1 1 missing field `spin_manifest_version`"},
      {"spin_version = 2\n", "1:1 12 unknown field `spin_version`" + root_keys},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(complaint(row.text) == row.expected);
  }
}

TEST_CASE("wrong things in a trigger") {
  const auto with = [](const std::string& line) {
    return kHead + "[[trigger.http]]\nroute=\"/...\"\n" + line + "\n" + kComponent;
  };
  CHECK(complaint(with("id=true")) == "6:4 4 invalid type: boolean `true`, expected a string");
  CHECK(
      complaint(with("component=\"r_x\"")) == "6:11 5 words must be separated with '-', not '_'|"
  );
  CHECK(
      complaint(with("component=7")) ==
      "6:11 1 invalid type: integer `7`, expected struct Component"
  );
  CHECK(complaint(with("components=7")) == "6:12 1 invalid type: integer `7`, expected a map");
  CHECK(
      complaint(with("dependencies={middleware=7}")) ==
      "6:26 1 invalid type: integer `7`, expected a sequence"
  );
  CHECK(complaint(with("component={source=\"x\",bogus=1}"))
            .starts_with("6:23 5 unknown field `bogus`"));
}

TEST_CASE("versions") {
  struct Row {
    std::string version;
    std::string expected;
  };
  const Row rows[] = {
      {"3", "invalid manifest version: 3"},
      {"1", "invalid manifest version: 1"},
      {"\"2\"", "invalid manifest version: \"2\""},
      {"2.0", "invalid manifest version: 2.0"},
      {"true", "invalid manifest version: true"},
      {"[2]", "invalid manifest version: [2]"},
      {"\"\"", "invalid manifest version: \"\""},
  };
  for (const Row& row : rows) {
    CHECK(bad("spin_manifest_version = " + row.version + "\n").message() == row.expected);
  }
  CHECK(
      bad("x = 1\nspin_manifest_version = 3\n").help() ==
      "see spin.toml:2:25: the versions are 2 and \"1\", with quotes"
  );
  CHECK(
      complaint("spin_version = \"1\"\nspin_manifest_version = \"1\"\n") ==
      "1:1 18 duplicate field `spin_manifest_version`"
  );
}

TEST_CASE("components of a trigger, and what stands before them") {
  const Manifest manifest = good(kHead + R"([[trigger.x]]
components = { a = "r", b = ["r", { source = "y.wasm" }], c = [] }
dependencies.middleware = [
  { path = "m.wasm" },
  { component = "r", inherit_configuration = true },
  { url = "http://x", digest = "sha256:1", inherit_configuration = ["files"] },
  { package = "a:b", version = "1", registry = "q", inherit_configuration = [] },
]
dependencies.other = []
)" + kComponent);
  REQUIRE(manifest.triggers.size() == 1);
  const Trigger& trigger = manifest.triggers[0];
  REQUIRE(trigger.components.size() == 3);
  CHECK(trigger.components[0].name == "a");
  CHECK_FALSE(trigger.components[0].is_list);
  CHECK(std::get<std::string>(trigger.components[0].refs.at(0)) == "r");
  CHECK(trigger.components[1].is_list);
  CHECK(std::holds_alternative<Component>(trigger.components[1].refs.at(1)));
  CHECK(trigger.components[2].refs.empty());
  REQUIRE(trigger.dependencies.size() == 2);
  CHECK(trigger.dependencies[0].role == "middleware");
  const auto& players = trigger.dependencies[0].dependencies;
  REQUIRE(players.size() == 4);
  CHECK(std::get<LocalSource>(players[0].source).path == "m.wasm");
  CHECK_FALSE(players[0].inherit);
  CHECK(std::get<AppSource>(players[1].source).component == "r");
  CHECK(players[1].inherit == app::Inherit{.kind = app::Inherit::Kind::All});
  CHECK(std::get<RemoteSource>(players[2].source).digest == "sha256:1");
  CHECK(players[2].inherit == app::Inherit{.kind = app::Inherit::Kind::Some, .grants = {"files"}});
  CHECK(std::get<PackageSource>(players[3].source).registry == "q");
  CHECK(players[3].inherit == app::Inherit());
  CHECK(trigger.dependencies[1].dependencies.empty());
}

TEST_CASE("several mistakes are told at once, the one that Spin tells first") {
  const Error error =
      bad(kHead + "authors_ = []\n[[trigger.http]]\nid = 7\ncomponent = \"r_x\"\n" +
          "[component.r]\nfiles = \"x\"\nkey_value_store = []\n[component.s]\n");
  CHECK(
      shortened(error.message()) ==
      "4:1 8 unknown field `authors_`, expected one of `name`, `version`, `description`, "
      "`authors`, "
      "`targets`, `trigger`, `tool`"
  );
  CHECK(
      error.help() ==
      "spin.toml:4:1: did you mean `authors`?\n"
      "6 further errors:\n"
      "  spin.toml:6:6: invalid type: integer `7`, expected a string (write \"7\")\n"
      "  spin.toml:7:13: words must be separated with '-', not '_'\n"
      "  spin.toml:9:9: invalid type: string \"x\", expected a sequence (write [\"x\"])\n"
      "  spin.toml:10:1: unknown field `key_value_store` (did you mean `key_value_stores`?)\n"
      "  spin.toml:8:1: missing field `source` (`source`: The wasm file: a path, a URL with its "
      "digest, a package)\n"
      "  spin.toml:11:1: missing field `source` (`source`: The wasm file: a path, a URL with its "
      "digest, a package)"
  );
  std::string many = kHead;
  for (int i = 0; i < 20; ++i) {
    many += "x" + std::to_string(i) + " = 1\n";
  }
  const std::string help = bad(many + kTrigger).help();
  CHECK(help.contains("19 further errors:"));
  CHECK(help.contains("`x10`"));
  CHECK_FALSE(help.contains("`x11`"));
  CHECK(help.ends_with("\n  …"));
}

}  // namespace
}  // namespace whorl::manifest
