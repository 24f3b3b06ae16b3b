#include "manifest/manifest.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::manifest {
namespace {

const std::string kHead = "spin_manifest_version = 2\n[application]\nname = \"a\"\n";
const std::string kTrigger = "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"r\"\n";
const std::string kComponent = "[component.r]\nsource = \"x.wasm\"\n";

Manifest good(const std::string& text) {
  auto manifest = parse_manifest(text, "spin.toml");
  if (!manifest) {
    FAIL(manifest.error().message());
  }
  return *std::move(manifest);
}

Error bad(const std::string& text) {
  auto manifest = parse_manifest(text, "spin.toml");
  REQUIRE_FALSE(manifest);
  return manifest.take_error();
}

/// A rendered diagnostic in short: "<line>:<column> <characters underlined> <message>".
std::string shortened(const std::string& rendered) {
  std::vector<std::string> lines;
  std::string_view rest = rendered;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    lines.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (lines.size() < 5 || !lines[0].starts_with("TOML parse error at line ")) {
    return rendered;
  }
  const auto line_end = lines[0].find(',');
  std::string out = lines[0].substr(25, line_end - 25) + ":" + lines[0].substr(line_end + 9) + " ";
  out += std::to_string(std::ranges::count(lines[3], '^'));
  for (std::size_t i = 4; i < lines.size(); ++i) {
    out += (i == 4 ? " " : "|") + lines[i];
  }
  return out;
}

std::string complaint(const std::string& text) {
  return shortened(bad(text).message());
}

/// The component `front` of the manifest below.
void check_front_grants(const Component& front) {
  CHECK(front.allowed_outbound_hosts == std::vector<std::string>{"http://self"});
  CHECK(front.allowed_http_hosts == std::vector<std::string>{"self"});
  CHECK(front.key_value_stores == std::vector<std::string>{"default"});
  CHECK(front.sqlite_databases == std::vector<std::string>{"a_b"});
  CHECK(front.ai_models == std::vector<std::string>{"llama2-chat"});
  CHECK(front.targets->as_array()->size() == 1);
  REQUIRE(front.build);
  CHECK(front.build->commands == std::vector<std::string>{"a", "b"});
  CHECK(front.build->is_list);
  CHECK(front.build->workdir == "w");
  CHECK(front.build->watch == std::vector<std::string>{"src/**"});
  CHECK(front.tools.find("test") != nullptr);
  CHECK(front.dependencies_inherit_configuration == true);
  CHECK(front.dependencies.as_table()->size() == 2);
  CHECK(front.profiles.find("debug") != nullptr);
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
  CHECK(manifest.version == "1.2.3");
  CHECK(manifest.description == "sells");
  CHECK(manifest.authors == std::vector<std::string>{"A", "B"});
  CHECK(manifest.targets.as_array()->size() == 2);
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

TEST_CASE("the full form of a diagnostic") {
  const Error unknown = bad(kHead + kTrigger + kComponent + "sources = \"x\"\n");
  CHECK(unknown.kind() == ErrorKind::InvalidInput);
  CHECK(
      unknown.message() ==
      "TOML parse error at line 9, column 1\n"
      "  |\n"
      "9 | sources = \"x\"\n"
      "  | ^^^^^^^\n"
      "unknown field `sources`, expected one of `source`, `description`, `variables`, "
      "`environment`, `files`, `exclude_files`, `allowed_http_hosts`, `allowed_outbound_hosts`, "
      "`key_value_stores`, `sqlite_databases`, `ai_models`, `targets`, `build`, `tool`, "
      "`dependencies_inherit_configuration`, `dependencies`, `profile`\n"
  );
  CHECK(unknown.help() == "spin.toml:9:1: did you mean `source`?");

  const Error two_digits =
      bad(kHead + kTrigger + kComponent + "# \xC3\xA9\nbuild = \"\xC3\xA9\" # x\n");
  CHECK(
      two_digits.message() ==
      "TOML parse error at line 10, column 9\n"
      "   |\n"
      "10 | build = \"\xC3\xA9\" # x\n"
      "   |         ^^^\n"
      "invalid type: string \"\xC3\xA9\", expected struct ComponentBuildConfig\n"
  );
  CHECK(two_digits.help() == "see spin.toml:10:9");
}

TEST_CASE("wrong things in a component") {
  struct Row {
    std::string line;
    std::string expected;
  };
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
    CAPTURE(row.line);
    CHECK(complaint(kHead + kTrigger + kComponent + row.line + "\n") == row.expected);
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
  CHECK(complaint(with("")) == "7:1 13 missing field `source`");
}

TEST_CASE("wrong things elsewhere") {
  struct Row {
    std::string text;
    std::string expected;
  };
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
  for (const std::string_view key : {"spin_version", "spin_manifest_version"}) {
    const Error old = bad(std::string(key) + " = \"1\"\n");
    CHECK(old.kind() == ErrorKind::Unsupported);
    CHECK(old.message() == "manifest version 1 is not supported yet");
    CHECK_FALSE(old.help().empty());
  }
}

TEST_CASE("a byte order mark and CRLF are accepted") {
  std::string text = "\xEF\xBB\xBF" + kHead + kTrigger + kComponent;
  CHECK(good(text).components.size() == 1);
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) {
    text.replace(at, 1, "\r\n");
  }
  CHECK(good(text).components.size() == 1);
  const Error error = bad(text + "bogus = 1\r\n");
  CHECK(error.message().contains("\n9 | bogus = 1\n  | ^^^^^\n"));
}

TEST_CASE("texts that are no TOML") {
  struct Row {
    std::string text;
    std::string expected;  ///< the beginning of the short form
  };
  const Row rows[] = {
      {"x = ", "1:5 1 invalid key-value pair|"},
      {"x y = 1", "1:3 1 invalid key-value pair|"},
      {"[a", "1:3 1 invalid table header|"},
      {"a = 1\na = 2", "2:5 1 invalid key-value pair|cannot redefine"},
      {"[[[", "1:3 1 invalid key|"},
      {"\xCD\xB6", "1:1 1 invalid root table|"},
      {"x = \xC2\xA1", "1:5 1 invalid"},
      {"x = \"\\q\"", "1:7 1 invalid string|"},
      {std::string("x = 1\n\0", 7), "2:1 1 invalid root table|"},
      {"x = \"\xFF\"", "1:5 1 stream did not contain valid UTF-8"},
      {std::string(17, '.') + " = 1", "1:1 1 invalid key|too many dots"},
      {"[a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a]", "1:1 1 invalid key|too many dots"},
      {"\n\nx." + std::string(40, '.') + " = 1", "3:1 1 invalid key|too many dots"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const std::string got = complaint(row.text);
    CAPTURE(got);
    CHECK(got.starts_with(row.expected));
  }
  // Dots elsewhere are nobody's business.
  CHECK(
      good(
          kHead + "description = \"................................\" # ..................\n" +
          kTrigger + kComponent +
          "allowed_outbound_hosts = ['http://a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s']\n"
      )
          .name == "a"
  );
  CHECK(bad(std::string(kMaxManifestBytes + 1, '#')).kind() == ErrorKind::ResourceLimit);
  CHECK(complaint("x = " + std::string(100, '[')).starts_with("1:"));
}

TEST_CASE("a wasm file is no manifest") {
  const Error error = bad(std::string("\0asm\x0d\0\x01\0", 8));
  CHECK(error.message() == "stream did not contain valid UTF-8");
  CHECK(error.help() == "spin.toml is a wasm file; it runs if its name ends in .wasm");
}

TEST_CASE("control characters of a manifest don't reach the terminal") {
  const Error error = bad("x = \x1b[2J\n");
  CHECK_FALSE(error.message().contains('\x1b'));
}

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
  normalise(manifest);
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

}  // namespace
}  // namespace whorl::manifest
