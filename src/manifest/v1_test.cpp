#include "manifest/test_support.hpp"

namespace whorl::manifest {
namespace {

const std::string kHeadV1 =
    "spin_manifest_version = \"1\"\nname = \"a\"\ntrigger = { type = \"http\" }\n";
const std::string kComponentV1 = "[[component]]\nid = \"r\"\nsource = \"x.wasm\"\n";
const std::string kTriggerV1 = "[component.trigger]\nroute = \"/...\"\n";

TEST_CASE("a whole manifest of version 1 in the terms of version 2") {
  Manifest manifest = good(R"(spin_version = "1"
name = "shop"
version = "1.2.3"
description = "sells"
authors = ["A"]
trigger = { type = "redis", address = "redis://x" }
[variables]
region = { default = "eu" }
key = { required = true, secret = true }
[[component]]
id = "Front_End"
source = { url = "http://x/y.wasm", digest = "sha256:00" }
description = "d"
config = { place = "{{ region }}" }
environment = { A = "1" }
files = ["static/*", { source = "s", destination = "/" }]
exclude_files = ["x"]
allowed_http_hosts = ["a.b", "self"]
allowed_outbound_hosts = ["redis://r:6379"]
key_value_stores = ["a+b"]
sqlite_databases = ["default"]
ai_models = ["m"]
trigger = { channel = "c", component = "ignored", id = "kept" }
build = { command = "make", workdir = "w", watch = ["src"] }
[[component]]
id = "plain"
source = "p.wasm"
trigger = {}
)");
  CHECK(manifest.version == 1);
  CHECK(manifest.name == "shop");
  CHECK(manifest.app_version == "1.2.3");
  CHECK(manifest.description == "sells");
  CHECK(*manifest.trigger_globals.find("redis")->find("address")->as_string() == "redis://x");
  CHECK(manifest.trigger_globals.find("redis")->find("type") == nullptr);
  CHECK(manifest.variables.at(1).is_secret);
  REQUIRE(manifest.components.size() == 2);
  const Component& front = manifest.components[0];
  CHECK(front.id == "front-end");
  CHECK(front.variables.at("place") == "{{ region }}");
  CHECK(front.files.size() == 2);
  CHECK(
      front.allowed_outbound_hosts ==
      std::vector<std::string>{"redis://r:6379", "http://a.b", "https://a.b", "http://self"}
  );
  CHECK(front.allowed_http_hosts.empty());
  CHECK(front.key_value_stores == std::vector<std::string>{"a+b"});
  CHECK(front.build->workdir == "w");
  CHECK(
      manifest.components[1].allowed_outbound_hosts ==
      std::vector<std::string>{"redis://*:*", "mysql://*:*", "postgres://*:*"}
  );
  REQUIRE(manifest.triggers.size() == 2);
  CHECK(manifest.triggers[0].id == "trigger-front-end");
  CHECK(manifest.triggers[0].type == "redis");
  CHECK(std::get<std::string>(*manifest.triggers[0].component) == "front-end");
  CHECK(*manifest.triggers[0].config.find("id")->as_string() == "kept");
  CHECK(manifest.triggers[0].config.find("component") == nullptr);
  REQUIRE(normalise(manifest));
  CHECK(manifest.triggers[1].id == "trigger-plain");
}

TEST_CASE("what outbound hosts are granted") {
  const auto granted = [](const std::string& lines) {
    const Manifest manifest = good(kHeadV1 + kComponentV1 + lines + kTriggerV1);
    std::string out;
    for (const std::string& host : manifest.components.at(0).allowed_outbound_hosts) {
      out += (out.empty() ? "" : " ") + host;
    }
    return out;
  };
  const std::string databases = "redis://*:* mysql://*:* postgres://*:*";
  CHECK(granted("") == databases);
  CHECK(granted("allowed_http_hosts = []\n") == databases);
  CHECK(granted("allowed_outbound_hosts = []\n") == "");
  CHECK(
      granted("allowed_http_hosts = [\"insecure:allow-all\", \"x\"]\n") ==
      databases + " http://*:* https://*:* http://self"
  );
  CHECK(
      bad(kHeadV1 + kComponentV1 + "allowed_http_hosts = [\"a/b\"]\n" + kTriggerV1).message() ==
      "One or more allowed_http_hosts entries was invalid:\n"
      "a/b contains a path, should be host and optional port only"
  );
}

TEST_CASE("ids of version 1") {
  const auto ids = [](const std::vector<std::string>& written) {
    std::string text = kHeadV1;
    for (const std::string& id : written) {
      text += "[[component]]\nid = \"" + id + "\"\nsource = \"" + id + ".wasm\"\ntrigger = {}\n";
    }
    auto manifest = parse_manifest(text, "spin.toml");
    if (!manifest) {
      return manifest.error().message() + " | " + manifest.error().help();
    }
    std::string out;
    for (const Component& component : manifest->components) {
      out += component.id + "=" + std::get<LocalSource>(component.source).path + " ";
    }
    for (const Trigger& trigger : manifest->triggers) {
      out += trigger.id + " ";
    }
    return out;
  };
  CHECK(
      ids({"snake_case", "mixedCase"}) ==
      "snake-case=snake_case.wasm mixedcase=mixedCase.wasm trigger-snake-case trigger-mixedcase "
  );
  CHECK(ids({"r", "R"}) == "r=r.wasm R=R.wasm trigger-r trigger-R ");
  // The last of equal ones counts; its triggers are as many as were written.
  CHECK(ids({"a-b", "c", "a_b"}) == "a-b=a_b.wasm c=c.wasm trigger-a-b trigger-c trigger-a-b ");
  CHECK(
      ids({"1x"}) ==
      "invalid ID `1x`: '-'-separated words must start with an ASCII letter; got '1' | see "
      "spin.toml:5:6"
  );
  CHECK(
      bad(kHeadV1 + kComponentV1 + "config = { \"A-b\" = \"7\" }\n" + kTriggerV1).message() ==
      "invalid ID `A-b`: words must be separated with '_', not '-'"
  );
  CHECK(
      bad(kHeadV1 + "[variables]\n\"B\" = { default = \"x\" }\n").message() ==
      "invalid ID `B`: Lower-case identifiers must be all lowercase; got \"B\""
  );
}

TEST_CASE("wrong things in version 1") {
  const std::string v1 = "spin_manifest_version = \"1\"\n";
  const std::string root_keys =
      ", expected one of `spin_manifest_version`, `spin_version`, `name`, `version`, "
      "`description`, `authors`, `trigger`, `variables`, `component`";
  const std::string component_keys =
      ", expected one of `id`, `source`, `trigger`, `description`, `config`, `environment`, "
      "`files`, `exclude_files`, `allowed_http_hosts`, `allowed_outbound_hosts`, "
      "`key_value_stores`, `sqlite_databases`, `ai_models`, `build`";
  const auto component = [](const std::string& line) {
    return kHeadV1 + kComponentV1 + line + "\n" + kTriggerV1;
  };
  const Row rows[] = {
      {v1, "1:1 27 missing field `name`"},
      {v1 + "name=\"a\"\n", "1:1 27 missing field `trigger`"},
      {v1 + "name=\"a\"\ntrigger={typ=\"http\"}\n", "3:9 12 missing field `type`"},
      {v1 + "name=\"a\"\ntrigger=7\n",
       "3:9 1 invalid type: integer `7`, expected struct AppTriggerV1"},
      {v1 + "name=\"a\"\ntrigger={type=7}\n", "3:15 1 invalid type: integer `7`, expected a string"
      },
      {kHeadV1 + "bogus=1\n", "4:1 5 unknown field `bogus`" + root_keys},
      {kHeadV1 + "version=7\n", "4:9 1 invalid type: integer `7`, expected a string"},
      {kHeadV1 + "[component]\nx=1\n", "4:1 11 invalid type: map, expected a sequence"},
      {kHeadV1 + "component=7\n", "4:11 1 invalid type: integer `7`, expected a sequence"},
      {kHeadV1 + "component=[7]\n", "4:12 1 invalid type: integer `7`, expected struct ComponentV1"
      },
      {kHeadV1 + kComponentV1, "4:1 13 missing field `trigger`"},
      {kHeadV1 + "[[component]]\nid=\"r\"\n" + kTriggerV1, "4:1 13 missing field `source`"},
      {kHeadV1 + "[[component]]\nsource=\"r\"\n" + kTriggerV1, "4:1 13 missing field `id`"},
      {component("bogus=1"), "7:1 5 unknown field `bogus`" + component_keys},
      {kHeadV1 + kComponentV1 + "trigger=7\n", "7:9 1 invalid type: integer `7`, expected a map"},
      {component("files=[7]"),
       "7:7 3 data did not match any variant of untagged enum WasiFilesMount"},
      {component("build=\"x\""),
       "7:7 3 invalid type: string \"x\", expected struct ComponentBuildConfig"},
      {component("build={workdir=\"x\"}"), "7:7 13 missing field `command`"},
      {component("config={a=7}"), "7:11 1 invalid type: integer `7`, expected a string"},
      {component("environment={a=7}"), "7:16 1 invalid type: integer `7`, expected a string"},
      {component("allowed_http_hosts=7"), "7:20 1 invalid type: integer `7`, expected a sequence"},
      {kHeadV1 + "variables={a={default=\"1\",bogus=1}}\n",
       "4:27 5 unknown field `bogus`, expected one of `description`, `required`, `default`, "
       "`secret`"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(complaint(row.text) == row.expected);
  }
}

}  // namespace
}  // namespace whorl::manifest
