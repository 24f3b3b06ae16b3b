#include "doctor/upgrade.hpp"

#include "doctor/diagnose.hpp"
#include "fs/file.hpp"
#include "fs/test_folder.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>

namespace whorl::doctor {
namespace {

std::string upgraded(std::string_view text) {
  const auto manifest = manifest::parse_manifest(text, "spin.toml");
  REQUIRE_MESSAGE(manifest, (manifest ? "" : manifest.error().message()));
  return to_version_2(*manifest);
}

TEST_CASE("a manifest of version 1 becomes one of version 2") {
  CHECK(
      upgraded(R"(spin_version = "1"
name = "a \"b\""
version = "1.0"
authors = ["x", "y"]
trigger = { type = "http", base = "/" }
[variables]
plain = { default = "1" }
key = { required = true, secret = true, description = "d" }
[[component]]
id = "Front_End"
source = "a.wasm"
config = { v = "{{ plain }}" }
environment = { "A B" = "line\nbreak" }
files = ["x/*", { source = "s", destination = "/" }]
allowed_http_hosts = ["a.b"]
[component.trigger]
route = "/..."
executor = { type = "wagi", argv = "x" }
[component.build]
command = "make"
watch = ["*.c"]
[[component]]
id = "twice"
source = { url = "https://x/y", digest = "sha256:1" }
allowed_outbound_hosts = []
trigger = { route = "/1" }
[[component]]
id = "twice"
source = "second.wasm"
allowed_outbound_hosts = []
trigger = { route = "/2" }
)") ==
      R"(spin_manifest_version = 2

[application]
name = "a \"b\""
version = "1.0"
authors = ["x", "y"]

[application.trigger.http]
base = "/"

[variables]
plain = { default = "1" }
key = { description = "d", required = true, secret = true }

[[trigger.http]]
id = "trigger-front-end"
component = "front-end"
route = "/..."
executor = { type = "wagi", argv = "x" }

[[trigger.http]]
id = "trigger-twice"
component = "twice"
route = "/1"

[[trigger.http]]
id = "trigger-twice"
component = "twice"
route = "/2"

[component.front-end]
source = "a.wasm"
variables = { v = "{{ plain }}" }
environment = { "A B" = "line\nbreak" }
files = ["x/*", { source = "s", destination = "/" }]
allowed_outbound_hosts = ["redis://*:*", "mysql://*:*", "postgres://*:*", "http://a.b", "https://a.b"]

[component.front-end.build]
command = "make"
watch = ["*.c"]

[component.twice]
source = "second.wasm"
)"
  );
}

TEST_CASE("what was upgraded is read as the same, and has nothing left to cure") {
  const fs::test::TestFolder folder;
  const std::string old =
      "spin_manifest_version = \"1\"\nname = \"x\"\ntrigger = { type = \"http\" }\n[[component]]\n"
      "id = \"a\"\nsource = \"a.wasm\"\n[component.trigger]\nroute = \"/\"\n";
  const std::string path = folder.write("spin.toml", old);
  folder.write("a.wasm", "");
  const auto before = examine(path);
  REQUIRE(before);
  REQUIRE(before->diagnoses.size() == 1);
  CHECK(before->diagnoses.front().cure == Diagnosis::Cure::Upgrade);
  REQUIRE(upgrade_manifest(path));
  CHECK(as_text(*fs::read_file(path + ".v1_backup", 1000)) == old);
  CHECK(examine(path)->diagnoses.empty());
}

TEST_CASE("Spin's own examples are upgraded to the byte") {
  const char* suites = std::getenv("WHORL_SUITES");
  const std::string root = suites != nullptr ? suites : WHORL_SOURCE_DIR "/../shared/suites";
  const std::string examples = root + "/spin/crates/doctor/tests/ui/";
  if (fs::kind_of(examples) == fs::Kind::Missing) {
    MESSAGE("NO SUITE: ", examples);
    return;
  }
  for (const char* const name : {"maximal_v1", "minimal_v1"}) {
    CAPTURE(name);
    const auto text = fs::read_file(examples + name + ".toml", 1 << 20);
    const auto cured = fs::read_file(examples + name + ".cured", 1 << 20);
    REQUIRE(text);
    REQUIRE(cured);
    CHECK(upgraded(as_text(*text)) == as_text(*cured));
  }
}

}  // namespace
}  // namespace whorl::doctor
