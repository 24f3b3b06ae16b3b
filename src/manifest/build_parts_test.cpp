#include "manifest/build_parts.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::manifest {
namespace {

constexpr std::string_view kHead = "spin_manifest_version = 2\n";

/// The message without place and line: what stands last in it.
std::string said_of(std::string_view text) {
  const auto checked = check_build_parts(text, "spin.toml");
  if (checked) {
    return "";
  }
  std::string message = checked.error().message();
  message.erase(message.find_last_not_of('\n') + 1);
  const auto line = message.rfind('\n');
  return line == std::string::npos ? message : message.substr(line + 1);
}

std::string said_of_component(std::string_view component) {
  return said_of(std::string(kHead) + "[component.r]\n" + std::string(component));
}

TEST_CASE("what building looks at must be right") {
  CHECK(said_of_component("build = 1").starts_with("invalid type: integer `1`, expected struct"));
  CHECK(said_of_component("build = {}") == "missing field `command`");
  CHECK(
      said_of_component("[component.r.build]\ncommand = 1") ==
      "data did not match any variant of untagged enum Commands"
  );
  CHECK(
      said_of_component("[component.r.build]\ncommand = 'x'\ncmd = 1") ==
      "unknown field `cmd`, expected one of `command`, `workdir`, `watch`"
  );
  CHECK(
      said_of_component("build = { command = 'x', watch = 'y' }") ==
      "invalid type: string \"y\", expected a sequence"
  );
  CHECK(
      said_of_component("source = 1") ==
      "data did not match any variant of untagged enum ComponentSource"
  );
  CHECK(
      said_of_component("dependencies = { a = 1 }") ==
      "data did not match any variant of untagged enum ComponentDependency"
  );
  CHECK(
      said_of("spin_manifest_version = 2\ncomponent = { r = 1 }") ==
      "invalid type: integer `1`, expected struct Component"
  );
  CHECK(said_of("[component.r]\nsource = 'x'") == "missing field `spin_manifest_version`");
  CHECK(said_of("spin_manifest_version = 3") == "invalid manifest version: 3");
  CHECK(
      said_of("spin_version = '1'\n[[component]]\nbuild = []") ==
      "invalid length 0, expected struct ComponentBuildConfig with 3 elements"
  );
}

TEST_CASE("and nothing else need be") {
  CHECK(said_of(kHead).empty());
  CHECK(said_of_component("build = ['a', 'b', ['c']]").empty());
  CHECK(said_of_component("sauce = 1\n[component.r.profile.d]\nbuild = 1").empty());
  CHECK(said_of("spin_manifest_version = 2\nbogus = 1\n[application]\ntargets = 1").empty());
  CHECK(said_of("spin_manifest_version = 2\n[component.r_s]\nsource = 'x'").empty());
  CHECK(said_of("spin_version = '1'\n[[component]]\nbuild = { command = 'x' }").empty());
}

}  // namespace
}  // namespace whorl::manifest
